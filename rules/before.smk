"""What is done before Snakemake decides which jobs to run: it learns what is stale, and what killed ones left behind."""

import functools
import os
import sys
from pathlib import Path

from snakemake.io import IOFile
from snakemake.scheduling.job_scheduler import JobScheduler

from workflow_src.config.jobs import jobs
from workflow_src.errors import UserError

MOST_STALE = 10

if not workflow.is_main_process:
    scheduler.acknowledge(JobScheduler)


@functools.cache
def force_stale():
    """Have the results made again whose records are not of this preset and these sources, and say which and why.

    Snakemake compares settings with what it remembers of earlier runs, and remembers nothing where results came with a
    clone or an archive. --rerun-triggers without params or code leaves such results as they are.
    """
    triggers = {str(trigger) for trigger in workflow.rerun_triggers}
    if not workflow.is_main_process or not {"params", "code"} <= triggers:
        return
    # Reading files takes libraries that the many processes of a run do without.
    from workflow_src.audit.start import outdated

    found = outdated(PRESET, PRESET_FILE, RESULTS, workflow.dag_settings.targets)
    workflow.dag.forcefiles.update(found.stale)
    for word, why in (("stale", ""), ("kept", ", but its runs are not here; --forcerun aggregate trains them again")):
        reasons = getattr(found, word)
        shown = list(reasons.items())[:MOST_STALE]
        for path, reason in shown:
            print(f"{word}: {path}: {reason}{why}", file=sys.stderr)
        if len(reasons) > len(shown):
            print(f"{word}: and {len(reasons) - len(shown)} files more", file=sys.stderr)


def end(reason):
    """End Snakemake with one line, which an exception in a function of a rule would not be."""
    print(reason, file=sys.stderr)
    raise SystemExit(1)


@functools.cache
def take_up():
    """Go on where a Snakemake that was killed left off: without its lock, and with what its jobs finished after it.

    A killed Snakemake leaves the lock of the folder, and its jobs run on. Results that they finish are as good as others,
    but Snakemake knows only that it never saw their jobs end.
    """
    if not workflow.is_main_process or workflow.dryrun or workflow.executor_plugin is None:
        return
    from workflow_src.lock import clock_of
    from workflow_src.presence import announce
    from workflow_src.stop import at_once

    memory = workflow.persistence
    try:
        # asyncio, around this, would keep Ctrl-C for later.
        with at_once():
            gone = announce(Path(memory.path) / "runs", type(memory).__name__)
    except UserError as error:
        end(error)
    except KeyboardInterrupt:
        end("interrupted")
    if gone and list(memory._read_locks()):
        memory.cleanup_locks()
        (Path(memory.path) / "locks").mkdir(exist_ok=True)
        print(f"unlocked: Snakemake, {gone[-1] or 'a process'}, was killed", file=sys.stderr)
    # What is younger was made for this call or in spite of it: see spare_made.
    os.environ.update(GTF_DEER_SINCE=str(clock_of(Path(memory.path))))
    made = [str(RESULTS / output) for job in jobs(PRESET) for output in job.outputs]
    heed_orphans(made)
    unsure = memory._filter_incomplete_keys(path for path in made if Path(path).exists())
    if unsure:
        from workflow_src.audit.start import finished

        for path in finished(PRESET, PRESET_FILE, RESULTS, unsure):
            memory.cleanup_metadata(IOFile(path))
            print(f"finished: {path}: its job outlived Snakemake", file=sys.stderr)


def heed_orphans(made):
    """Keep jobs that outlived a Snakemake, and the copies of them that this one would start, out of each other's way.

    Those that still wait in Slurm's queue are cancelled. Those that run go on: what is submitted to Slurm is to start
    after them, and on one machine nothing starts before what they make for this call is made.
    """
    memory = workflow.persistence
    submitted = {
        path: one for path in memory._filter_incomplete_keys(made) for one in memory._get_external_jobids([path])
    }
    from workflow_src import lock, orphans
    from workflow_src.audit.start import asked_for
    from workflow_src.stop import at_once

    running = orphans.take_back(submitted, Path.cwd())
    if workflow.executor_plugin.name == "slurm":
        for each in workflow.rules:
            own = {path: ids for path, ids in running.items() if each.is_producer(path)}
            if own:
                each.resources["slurm_extra"] = after_orphans(each, each.resources.get("slurm_extra"), own)
        if running:
            ids = ", ".join(sorted(set().union(*running.values())))
            print(f"still running: Slurm's {ids}; what they make is submitted to start after them", file=sys.stderr)
    elif workflow.local_exec:
        # Snakemake would delete at the start of a job what has been made since it decided to start it.
        locked = [path for path in made if lock.file_of(Path(path)).exists()]
        needed = asked_for(PRESET, PRESET_FILE, RESULTS, workflow.dag_settings.targets, {*running, *locked})
        try:
            with at_once():
                orphans.wait(set().union(*(running[path] for path in needed if path in running)), Path.cwd())
                for path in needed:
                    lock.wait(Path(path))
        except KeyboardInterrupt:
            end("interrupted")


def after_orphans(maker, given, running):
    """The options of sbatch for a rule's jobs: they start when the jobs that make the same have ended.

    Args:
        maker: the rule.
        given: the rule's own options, if there are any.
        running: ids of running jobs by the paths of what they make.
    """
    from workflow_src.orphans import left_of

    # Jobs that are submitted together must agree in their options, so one answer is for all.
    left_of_group = functools.cache(lambda ids, attempt: left_of(ids, Path.cwd()))

    def options(wildcards, attempt, **others):
        asked = given.evaluate(wildcards, attempt=attempt, **others).value if given is not None else None
        makes = {str(path.apply_wildcards(dict(wildcards.items()))) for path in maker.output}
        if maker.group:
            left = left_of_group(frozenset().union(*running.values()), attempt)
        else:
            # Slurm 22.05 takes ids that it has forgotten; other versions may not.
            left = left_of(frozenset().union(*(running.get(path, ()) for path in makes)), Path.cwd())
        return f"{asked or ''} --dependency=afterany:{':'.join(left)}".strip() if left else asked

    return options


@functools.cache
def spare_made():
    """Keep a job at the scheduler from making again what another one made since its own Snakemake was started.

    Such a job deletes its outputs and makes them, whatever there is: but a copy of it may have come first, started by
    another Snakemake after its own was killed. Where that copy runs still, its end is waited for.
    """
    since = os.environ.get("GTF_DEER_SINCE")
    if workflow.is_main_process or since is None:
        return
    from workflow_src import lock

    wanted = [
        Path(path.apply_wildcards(dict(spec.wildcards_dict)))
        for spec in workflow.dag_settings.target_jobs
        for path in workflow.get_rule(spec.rulename).output
    ]
    for path in wanted:
        lock.wait(path)
    young = [str(path) for path in wanted if path.exists() and path.stat().st_mtime >= float(since)]
    if not young:
        return
    from workflow_src.audit.start import finished
    from workflow_src.orphans import Unforced

    made = finished(PRESET, PRESET_FILE, RESULTS, young)
    for path in made:
        print(f"finished: {path}: another job has made it", file=sys.stderr)
    if made:
        workflow.dag.forcefiles = Unforced(made)
        workflow.dag_settings.rerun_triggers = frozenset()


def keep_made():
    """Keep a Snakemake on a node from deleting what is there when its job fails: it may be another copy's.

    None of it is half-written, and a Snakemake that runs deletes what is left of a failed job that it has submitted.
    """
    if not workflow.is_main_process:
        workflow.execution_settings.keep_incomplete = True


def before_all(wildcards):
    """No file; an input of all rules, for what has to be done when Snakemake has not yet decided which jobs to run.

    It is then told of stale results, and of those that it does not know to be done.
    """
    take_up()
    force_stale()
    spare_made()
    keep_made()
    return []
