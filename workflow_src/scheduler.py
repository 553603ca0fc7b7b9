"""What Snakemake's executor for Slurm (2.8) lacks where Slurm is away for a while, or forgets jobs soon.

Left alone, the executor waits for ever where slurmctld does not answer and there is no accounting (it turns to a
database that is not there), where status queries fail for longer than its attempts last (it forgets all jobs), and
where Slurm forgets a job between two queries. A submission to an absent slurmctld fails after half a minute and uses
up a retry. The node of a job that was requeued is told as `None assigned`, and taken for a node that failed: all
later submissions fail. Why jobs that were submitted together failed is told to nobody, Snakemake drops it.

On a node, Snakemake fails when it was told to stop, though its job came to its end: the one above it then deletes the
results, of a training that no longer has a checkpoint. And a job that ends within the grace time of its preemption has
failed in Slurm's eyes: it is not requeued, and the next submission uses up a retry.
"""

import asyncio
import os
import re
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from workflow_src import logs
from workflow_src.status.failures import OF_GROUP

PARTS = (
    "Executor",
    "WorkflowError",
    "get_min_job_age",
    "query_job_status",
    "get_default_partition",
    "get_submit_command",
)
# Seconds between two queries that Slurm did not answer, and between two lines about it.
ASK_EVERY, SPEAK_EVERY = 5.0, 600.0
# Queries in a row that do not list a job which was listed before: it has ended, and its results tell how. As many that
# list it as preempted tell that it has failed.
MISSING = 3
# Slurm's own default, until it has answered once.
FORGOTTEN_AFTER = 300
# How often slurmctld is looked for before a submission, and the seconds between: half an hour.
LOOKS, LOOK_EVERY = 180, 10


class Memory(NamedTuple):
    """How long Slurm remembers jobs that have ended, in seconds, and whether a database does."""

    seconds: int
    accounting: bool


class Asked:
    """What is asked of Slurm, and what it last said.

    Args:
        executor: the module of Snakemake's executor for Slurm.
    """

    def __init__(self, executor: ModuleType) -> None:
        self.error, self.check = executor.WorkflowError, executor.Executor.check_active_jobs
        self.query, self.command = executor.query_job_status, executor.get_submit_command
        self.default_partition = executor.get_default_partition
        self.memory: Memory | None = None
        self.owner: Any = None
        self.wanted: set[str] = set()
        self.seen: set[str] = set()
        self.missing: Counter[str] = Counter()
        self.preempted: Counter[str] = Counter()

    def min_job_age(self) -> int:
        """As Slurm last said: that it does not answer now is no reason to ask somebody else."""
        return self.memory.seconds if self.memory else FORGOTTEN_AFTER

    async def active(self, owner: Any, jobs: Sequence[Any]) -> AsyncIterator[Any]:
        """Ask how jobs are; give back those that run, and leave no more time to the next query than Slurm remembers.

        Raises:
            WorkflowError: Slurm forgets jobs before it is asked, and there is no accounting.
        """
        self.owner, self.wanted = owner, {one.external_jobid for one in jobs}
        self.memory = _memory() or self.memory
        remembered, first = self.min_job_age(), owner.workflow.executor_settings.init_seconds_before_status_checks
        if jobs and self.memory and not self.memory.accounting and remembered < 3 * first:
            raise self.error(
                f"MinJobAge: this Slurm forgets jobs {remembered} s after their end and keeps no accounts; "
                f"type `export GTF_DEER_POLL={max(remembered // 3, 1)}`, and the same command again"
            )
        async for one in self.check(owner, jobs):
            yield one
        if remembered >= 3 * first:
            owner.next_seconds_between_status_checks = min(owner.next_seconds_between_status_checks, remembered / 3)

    async def status(self, command: str, logger: Any) -> tuple[dict[str, str], float]:
        """The states of all jobs, as soon as Slurm tells; jobs that it has forgotten are UNKNOWN."""
        began = spoken = time.monotonic()
        while (found := await self.query(command, logger))[0] is None:
            if not getattr(self.owner, "wait", True):
                # Snakemake has been interrupted.
                return {}, 0.0
            if time.monotonic() - spoken >= SPEAK_EVERY:
                spoken = time.monotonic()
                name, minutes = command.split()[0], (spoken - began) / 60
                logs.say(f"slurm: no answer from {name} for {minutes:.0f} min; waiting, running jobs go on meanwhile")
            await asyncio.sleep(ASK_EVERY)
        states, seconds = found
        self.seen |= states.keys() & self.wanted
        gone = (self.wanted & self.seen) - states.keys()
        self.missing = Counter({job: self.missing[job] + 1 for job in gone})
        # A preempted job is requeued at once, or never: the executor would wait for it for ever.
        self.preempted = Counter(
            {job: self.preempted[job] + 1 for job, state in states.items() if state == "PREEMPTED"}
        )
        ended = {job: "UNKNOWN" for job, times in self.missing.items() if times >= MISSING}
        failed = {job: "FAILED" for job, times in self.preempted.items() if times >= MISSING}
        return states | ended | failed, seconds

    def partition(self, job: Any, logger: Any) -> str:
        """The default partition, once slurmctld answers."""
        subprocess.run(_when_there(), shell=True, stdin=subprocess.DEVNULL)
        return self.default_partition(job, logger)

    def submit(self, job: Any, params: Any, settings: Any = None, failed_nodes: Any = None, **more: Any) -> str:
        """The command that submits a job, once slurmctld answers, to any node but those that have a name and failed."""
        named = {name for name in failed_nodes or () if not re.search(r"\s", name)}
        return _when_there() + self.command(job, params, settings=settings, failed_nodes=named, **more)


def mend(executor: ModuleType) -> bool:
    """Have the executor ask in this way.

    Returns:
        Whether it could: another version may be made of other parts.
    """
    if hasattr(executor, "mended"):
        return True
    if not all(hasattr(executor, name) for name in PARTS):
        return False
    asked = Asked(executor)
    mended: Any = executor
    mended.get_min_job_age, mended.query_job_status = asked.min_job_age, asked.status
    mended.get_default_partition, mended.get_submit_command = asked.partition, asked.submit
    mended.Executor.check_active_jobs = lambda self, jobs: asked.active(self, jobs)
    mended.Executor.print_job_error = _tells_of_groups(mended.Executor.print_job_error)
    mended.mended = asked
    return True


def _tells_of_groups(tell: Callable[..., None]) -> Callable[..., None]:
    """A method of the executor that tells of failed jobs, with a line of its own for a group."""

    def told(self: Any, job_info: Any, msg: str | None = None, **more: Any) -> None:
        if msg and job_info.job.is_group():
            said = " ".join(msg.partition("    sbatch call:")[0].split())
            self.logger.error(OF_GROUP.format(name=job_info.job.groupid, said=said))
        tell(self, job_info, msg, **more)

    return told


def acknowledge(runner: Any) -> None:
    """Have a Snakemake on a node end well if it was told to stop when all was done, and be requeued if preempted.

    Args:
        runner: the class that runs its jobs.
    """
    run = runner.schedule

    def schedule(self: Any) -> bool:
        if run(self):
            return True
        left = (*self.failed, *self.running, *self.remaining_jobs)
        if self._user_kill == "graceful" and not self._errors and not left:
            return True
        # One that had not begun to schedule is ended by the signal and says nothing: then the one above it asks.
        if job := os.environ.get("SLURM_JOB_ID"):
            requeue_preempted(job)
        return False

    runner.schedule = schedule


def requeue_preempted(job: str) -> bool:
    """Put a job of Slurm back into the queue if it is about to make room for another: whether it is there.

    Others that were told to stop, by scancel or before their time limit, are left alone, and so is one that is
    cancelled while it makes room.
    """
    try:
        asked = subprocess.run(["scontrol", "show", "job", "-o", job], capture_output=True, text=True, timeout=30)
        facts = dict(re.findall(r"(\w+)=(\S*)", asked.stdout))
        since = facts.get("PreemptTime", "None")
        if asked.returncode != 0 or since == "None" or facts.get("JobState") != "RUNNING":
            return False
        logs.say(f"slurm: preempted at {since}; back into the queue")
        # One that has been cancelled meanwhile is not incomplete.
        return subprocess.run(["scontrol", "requeue", "incomplete", job], timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _when_there() -> str:
    """A command of the shell, as only a child process is interrupted by Ctrl-C while a thread waits for it."""
    return f"for n in $(seq {LOOKS}); do sinfo -h >/dev/null 2>&1 && break; sleep {LOOK_EVERY}; done; "


def _memory() -> Memory | None:
    """None where slurmctld does not answer."""
    try:
        run = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = dict(re.findall(r"^(\w+)\s*= *(.*?)\s*$", run.stdout, re.MULTILINE))
    age = re.match(r"\d+", said.get("MinJobAge", ""))
    if run.returncode != 0 or age is None:
        return None
    return Memory(int(age[0]), "dbd" in said.get("AccountingStorageType", ""))
