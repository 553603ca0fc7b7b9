"""Snakemake's executor for Slurm under a Slurm that is away or forgets: programs of shell play its part."""

import asyncio
import contextlib
import importlib.util
import logging
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest

from workflow_src import scheduler


@pytest.fixture(scope="module")
def module():
    """The executor under a name of its own: what is mended in it concerns no other test."""
    found = importlib.util.find_spec("snakemake_executor_plugin_slurm")
    spec = importlib.util.spec_from_file_location("mended_slurm", found.origin, submodule_search_locations=[])
    spec.submodule_search_locations.extend(found.submodule_search_locations)
    copy = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = copy
    spec.loader.exec_module(copy)
    assert scheduler.mend(copy)
    return copy


class Slurm:
    """Programs that answer from files, and fail as often as they are told to."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "sinfo.says").write_text("PARTITION\ngpu*\n")
        for name in ("scontrol", "squeue", "sacct", "sinfo"):
            lines = ["#!/bin/sh", f"echo {name} >> asked", "read left < away", '[ "$left" -le 0 ] && exec cat $0.says']
            lines += ["echo $((left - 1)) > away", "exit 1"]
            (folder / name).write_text("\n".join([lines[0], f"cd {folder}", *lines[1:]]) + "\n")
            (folder / name).chmod(0o755)
        self.remembers(600)
        self.is_away(0)
        self.says({})

    def remembers(self, seconds, accounts="none"):
        said = f"AccountingStorageType   = accounting_storage/{accounts}\nMinJobAge               = {seconds} sec\n"
        (self.folder / "scontrol.says").write_text(said)

    def is_away(self, queries):
        (self.folder / "away").write_text(f"{queries}\n")

    def says(self, states):
        for name in ("squeue", "sacct"):
            (self.folder / f"{name}.says").write_text("".join(f"{job}|{state}\n" for job, state in states.items()))

    def asked(self):
        return set((self.folder / "asked").read_text().split())


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(scheduler, "ASK_EVERY", 0.01)
    monkeypatch.setattr(scheduler, "LOOK_EVERY", 0.01)
    return Slurm(tmp_path)


@pytest.fixture
def poll(module, monkeypatch):
    """One query of some jobs: those that run on, those that are done, those that failed."""
    asked = module.mended
    asked.memory, asked.seen = None, set()
    asked.missing.clear()
    own = object.__new__(module.Executor)
    settings = {"init_seconds_before_status_checks": 60, "status_attempts": 360, "status_command": "squeue"}
    own.workflow = SimpleNamespace(
        executor_settings=SimpleNamespace(**settings, requeue=True, keep_successful_logs=True)
    )
    own.logger, own.status_rate_limiter, own.wait = logging.getLogger("slurm"), contextlib.nullcontext(), True
    own.run_uuid = "x"
    own._next_seconds_between_status_checks = 60
    own._failed_nodes, own._status_query_cycle_rows, own._preemption_warning = set(), [], False
    own._status_query_calls = own._status_query_failures = own._status_query_total_seconds = 0
    own._status_query_min_seconds, own._status_query_max_seconds = None, 0.0
    done, failed = [], []
    own.report_job_success = lambda one: done.append(one.external_jobid)
    own.report_job_error = lambda one, **_: failed.append(one.external_jobid)

    def poll(*jobs):
        async def gather():
            given = [SimpleNamespace(external_jobid=job, aux={}) for job in jobs]
            return [one.external_jobid async for one in own.check_active_jobs(given)]

        done.clear()
        failed.clear()
        return asyncio.run(gather()), list(done), list(failed)

    poll.own = own
    return poll


def test_jobs_outlast_an_absent_slurmctld_without_accounting(slurm, poll):
    slurm.says({"1": "RUNNING", "2": "RUNNING"})
    assert poll("1", "2") == (["1", "2"], [], [])
    slurm.says({"1": "COMPLETED", "2": "FAILED"})
    slurm.is_away(10)
    assert poll("1", "2") == ([], ["1"], ["2"])
    assert slurm.asked() == {"scontrol", "squeue"}


def test_an_interrupted_snakemake_does_not_wait_for_an_absent_slurmctld(slurm, poll):
    slurm.is_away(1000)
    poll.own.wait = False
    assert poll("1")[0] == ["1"]


def test_a_long_absence_is_told(slurm, poll, monkeypatch, capsys):
    monkeypatch.setattr(scheduler, "SPEAK_EVERY", 0.0)
    slurm.is_away(4)
    poll("1")
    assert "slurm: no answer from squeue for 0 min; waiting" in capsys.readouterr().err


def test_a_job_that_slurm_has_forgotten_is_judged_by_its_results(slurm, poll):
    slurm.says({"1": "RUNNING", "2": "RUNNING"})
    poll("1", "2")
    slurm.says({"2": "RUNNING"})
    for _ in range(scheduler.MISSING - 1):
        assert poll("1", "2") == (["1", "2"], [], [])
    assert poll("1", "2") == (["2"], ["1"], [])


def test_a_job_that_is_not_listed_yet_is_not_taken_for_forgotten(slurm, poll):
    for _ in range(2 * scheduler.MISSING):
        assert poll("1") == (["1"], [], [])


def test_slurm_is_asked_before_it_forgets(slurm, poll):
    slurm.remembers(210)
    slurm.says({"1": "RUNNING"})
    for _ in range(9):
        poll("1")
    assert poll.own.next_seconds_between_status_checks == 70


def test_accounts_are_asked_where_slurm_forgets_too_soon(slurm, poll):
    slurm.remembers(30, "slurmdbd")
    slurm.says({"1": "COMPLETED"})
    assert poll("1") == ([], ["1"], [])
    assert slurm.asked() == {"scontrol", "sacct"}


def test_without_accounts_and_memory_one_line_says_what_to_do(slurm, poll, module):
    slurm.remembers(30)
    with pytest.raises(module.WorkflowError, match=r"forgets jobs 30 s .*GTF_DEER_POLL=10`") as ended:
        poll("1")
    assert "\n" not in str(ended.value)


def test_a_submission_waits_for_slurmctld_and_leaves_out_nodes_that_failed_and_have_a_name(slurm, module):
    job = SimpleNamespace(resources={}, threads=1)
    job.resources = type("Resources", (dict,), {"__getattr__": dict.get})(runtime=5, mem_mb=400)
    given = dict.fromkeys(("run_uuid", "slurm_logfile", "comment_str"), "x") | {
        "account": "",
        "partition": "",
        "workdir": "",
    }
    command = module.get_submit_command(job, given, failed_nodes={"None assigned", "n1"})
    assert "--exclude=n1 " in command + " "
    slurm.is_away(3)
    (slurm.folder / "sbatch").write_text(f"#!/bin/sh\ncat {slurm.folder}/away\n")
    (slurm.folder / "sbatch").chmod(0o755)
    run = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "0\n"), run.stderr


def test_the_default_partition_is_asked_for_when_slurmctld_is_there(slurm, module):
    slurm.is_away(3)
    assert module.get_default_partition("a job", logging.getLogger("slurm")) == "gpu"


def test_an_executor_of_other_parts_is_left_as_it_is():
    assert not scheduler.mend(ModuleType("snakemake_executor_plugin_slurm"))


PREEMPTED = "JobState=RUNNING PreemptEligibleTime=2026-01-02T03:04:04 PreemptTime=2026-01-02T03:04:05"


@pytest.fixture
def scontrol(tmp_path, monkeypatch):
    """A scontrol that shows a job with these fields and notes what it is asked."""

    def has(fields, *, allows=True):
        requeue = "exit 0" if allows else "exit 1"
        (tmp_path / "scontrol").write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n[ "$1" = requeue ] && {requeue}\necho "JobId=7 {fields}"\n'
        )
        (tmp_path / "scontrol").chmod(0o755)
        return lambda: (tmp_path / "asked").read_text().splitlines()

    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return has


@pytest.mark.parametrize("allows", [True, False], ids=["allowed", "refused"])
def test_a_preempted_job_goes_back_into_the_queue_if_slurm_allows_it(scontrol, allows):
    asked = scontrol(PREEMPTED, allows=allows)
    assert scheduler.requeue_preempted("7") is allows
    assert asked() == ["show job -o 7", "requeue incomplete 7"]


@pytest.mark.parametrize(
    "fields",
    [
        PREEMPTED.replace("PreemptTime=2026-01-02T03:04:05", "PreemptTime=None"),
        PREEMPTED.replace("RUNNING", "COMPLETING"),
        "JobState=RUNNING",
    ],
    ids=["told to stop", "cancelled while it made room", "never to be preempted"],
)
def test_a_job_that_is_stopped_for_another_reason_is_not_requeued(scontrol, fields):
    asked = scontrol(fields)
    assert not scheduler.requeue_preempted("7")
    assert asked() == ["show job -o 7"]


def test_without_slurm_nothing_is_requeued(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not scheduler.requeue_preempted("7")


@pytest.mark.parametrize(
    ("told", "errors", "left", "ends_well"),
    [
        ("graceful", False, (), True),
        ("graceful", True, (), False),
        ("graceful", False, ("job",), False),
        (None, True, (), False),
    ],
    ids=["told to stop, done", "told to stop, failed", "told to stop, not done", "failed"],
)
def test_a_snakemake_that_does_not_succeed_asks_whether_it_is_preempted(monkeypatch, told, errors, left, ends_well):
    class Runner:
        _user_kill, _errors, failed, running, remaining_jobs = told, errors, (), (), left

        def schedule(self):
            return False

    seen = []
    monkeypatch.setattr(scheduler, "requeue_preempted", seen.append)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    scheduler.acknowledge(Runner)
    assert Runner().schedule() is ends_well
    assert seen == ([] if ends_well else ["7"])


def test_a_preempted_job_that_is_not_requeued_has_failed(slurm, poll):
    slurm.says({"1": "PREEMPTED"})
    assert poll("1") == poll("1") == (["1"], [], []), "it may be on its way back into the queue"
    slurm.says({"1": "PENDING"})
    assert poll("1") == (["1"], [], [])
    slurm.says({"1": "PREEMPTED"})
    assert [poll("1")[2] for _ in range(scheduler.MISSING)] == [[], [], ["1"]]
