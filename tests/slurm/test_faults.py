"""What breaks on clusters, and that nothing is lost: the arrays are those of an undisturbed training."""

import contextlib
import os
import signal
import subprocess
import time

import numpy as np
import pytest

from tests.slurm.cluster import Run, is_told, processes
from tests.slurm.conftest import DISTURBED, OUTPUTS, PLACE, PRESET
from workflow_src import lock, resources, store
from workflow_src.config import read_preset
from workflow_src.models import checkpoint
from workflow_src.provenance import sidecar

pytestmark = pytest.mark.slurm

# What every Python process loads at its start. A training takes 2 GB as soon as it has a checkpoint, and pauses until
# Slurm has looked at its memory.
GREEDY = f"""
import ctypes, glob, sys, threading, time

def grow():
    while not glob.glob("{OUTPUTS[0].rpartition("/")[0]}/*unfinished*"):
        time.sleep(0.1)
    taken.append(b"1" * 2_000_000_000)
    ctypes.PyDLL(None).sleep(6)

taken = []
if "workflow_src.steps.train" in sys.orig_argv:
    threading.Thread(target=grow, daemon=True).start()
"""
# A training that began without a checkpoint hears nothing any more when it has one, as in a long call of the compiled
# program. A stopped process would: Slurm sends SIGCONT with SIGTERM.
DEAF = f"""
import ctypes, os, sys, threading, time

def compute():
    while not os.path.exists(checkpoint):
        time.sleep(0.1)
    ctypes.PyDLL(None).sleep(3600)

checkpoint = "{OUTPUTS[0].rpartition("/")[0]}/unfinished.eqx"
if "workflow_src.steps.train" in sys.orig_argv and not os.path.exists(checkpoint):
    threading.Thread(target=compute, daemon=True).start()
"""
SLURM = ("--profile", "slurm", "-j", "50", "--configfile", PRESET)
STEP = "-m workflow_src.steps.train"


def start(project, **settings):
    """The command, asking for one training under these variables of the environment."""
    return Run(project, *SLURM, "--", OUTPUTS[1], **settings)


def restarts(project):
    """How often its job had been started again before the training that is under way, as its lock says."""
    seen = lock.look(lock.file_of(project / OUTPUTS[0]))
    return seen.holder.restarts if seen and seen.holder else None


def loading(project, code):
    """The variable that has every Python process of a run execute this code at its start."""
    (project / "loaded").mkdir()
    (project / "loaded/sitecustomize.py").write_text(code)
    return {"PYTHONPATH": str(project / "loaded")}


def attempts(project):
    """How each attempt at the training ended, as its result says."""
    found = sidecar.read(project / OUTPUTS[0])
    assert found is not None
    return [one["outcome"] for one in found["record"]["execution"]["attempts"]]


def log(project):
    return (project / f"results/tiny/logs/train/{PLACE}.log").read_text()


def hold(cluster, run, project):
    """Stop the training in the middle of an update, so that it does not end too early: its job and its process."""
    job = training(cluster, run, project)
    (step,) = processes(STEP, job)
    os.kill(step, signal.SIGSTOP)
    return job, step


def wake(step):
    # Slurm itself may have done so.
    with contextlib.suppress(ProcessLookupError):
        os.kill(step, signal.SIGCONT)


def has_checkpoint(project):
    return any((project / OUTPUTS[0]).parent.glob("*unfinished*"))


def training(cluster, run, project):
    """Wait until the training is under way and has a checkpoint; the id of its job."""
    run.until(lambda: has_checkpoint(project))
    job = cluster.job(project, "train")
    assert job is not None
    return job["JobId"]


def assert_nothing_lost(project, undisturbed):
    """Model and history agree bit for bit, times apart; nothing is left over."""
    model, history = OUTPUTS
    made, expected = (checkpoint.read_header(folder / model)["sha256"] for folder in (project, undisturbed))
    assert made == expected
    made, expected = (store.load(folder / history) for folder in (project, undisturbed))
    assert set(made.variables) == set(expected.variables)
    for name in set(made.variables) - {"wall_time", "compilation_time"}:
        np.testing.assert_array_equal(made[name].values, expected[name].values, err_msg=name)
    assert not has_checkpoint(project)


def test_a_cancelled_training_is_submitted_again_and_goes_on(cluster, project, undisturbed):
    run = start(project)
    subprocess.run(["scancel", training(cluster, run, project)], check=True)
    run.ends_well()
    assert "continuing after update" in log(project)
    assert attempts(project)[0] == "stopped: SIGTERM", "it went on from where it was told to stop"
    assert_nothing_lost(project, undisturbed)


def test_a_killed_training_is_submitted_again_and_goes_on(cluster, project, undisturbed):
    run = start(project)
    job = training(cluster, run, project)
    (step,) = processes(STEP, job)
    os.kill(step, signal.SIGKILL)
    run.ends_well()
    assert "continuing after update" in log(project)
    assert_nothing_lost(project, undisturbed)


@pytest.mark.slow
def test_the_same_command_after_a_killed_snakemake_harms_nothing(cluster, project, undisturbed):
    first = start(project)
    job = training(cluster, first, project)
    first.kill()
    assert cluster.job(project, "train")["JobId"] == job, "the job outlives its Snakemake"
    second = start(project)
    second.ends_well()
    assert_nothing_lost(project, undisturbed)


@pytest.mark.slow
def test_no_second_snakemake_runs_beside_the_first(cluster, project):
    first = start(project)
    training(cluster, first, project)
    second = start(project)
    assert second.process.wait(120) != 0
    assert "runs in this folder" in second.text()
    assert first.process.poll() is None
    first.process.send_signal(signal.SIGINT)
    first.process.wait(120)


@contextlib.contextmanager
def preempting():
    """A job of more priority that wants both nodes whole, for a moment; it has run when the block is over."""
    command = ["srun", "-p", "high", "-N", "2", "--exclusive", "-t", "1", "sleep", "1"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as other:
        yield
        assert other.wait(200) == 0


@pytest.mark.slow
def test_a_preempted_training_writes_a_checkpoint_and_is_requeued(cluster, project, undisturbed):
    run = start(project, GTF_DEER_GPU_PARTITION="gpu")
    job, step = hold(cluster, run, project)
    with preempting():
        run.until(lambda: is_told(step, signal.SIGTERM), 60)
        wake(step)
    run.until(lambda: cluster.show(job)["JobState"] == "PENDING", 90)
    # Slurm leaves two minutes between the two starts.
    cluster.update(f"jobid={job}", "starttime=now")
    run.ends_well()
    facts = cluster.show(job)
    assert (facts["JobState"], facts["Restarts"]) == ("COMPLETED", "1")
    assert "Trying to restart job" not in run.text(), "no retry is used up"
    assert "continuing after update" in log(project)
    assert attempts(project) == ["stopped: SIGTERM", "ok"]
    assert_nothing_lost(project, undisturbed)


@pytest.mark.slow
def test_a_training_that_is_cancelled_while_it_makes_room_stays_so(cluster, project, undisturbed):
    run = start(project, GTF_DEER_GPU_PARTITION="gpu")
    job, step = hold(cluster, run, project)
    with preempting():
        run.until(lambda: is_told(step, signal.SIGTERM), 60)
        subprocess.run(["scancel", job], check=True)
        wake(step)
    run.ends_well()
    assert cluster.show(job)["JobState"] == "CANCELLED"
    assert "continuing after update" in log(project), "the same command's next attempt"
    assert_nothing_lost(project, undisturbed)


@pytest.mark.slow
def test_a_preempted_training_that_does_not_hear_of_it_is_requeued_and_goes_on(cluster, project, undisturbed):
    run = start(project, **loading(project, DEAF), GTF_DEER_GPU_PARTITION="gpu")
    job = training(cluster, run, project)
    with preempting():
        run.until(lambda: cluster.show(job)["JobState"] == "PENDING", 90)
    # Slurm leaves two minutes between the two starts.
    cluster.update(f"jobid={job}", "starttime=now")
    run.ends_well()
    facts = cluster.show(job)
    assert (facts["JobState"], facts["Restarts"]) == ("COMPLETED", "1")
    assert "Trying to restart job" not in run.text()
    assert "continuing after update" in log(project)
    assert attempts(project) == ["killed", "ok"]
    assert_nothing_lost(project, undisturbed)


@pytest.mark.slow
def test_a_training_is_told_of_its_time_limit_and_goes_on_in_the_next_attempt(cluster, project, undisturbed):
    run = start(project, GTF_DEER_LONGEST="5")
    job, step = hold(cluster, run, project)
    run.until(lambda: is_told(step, signal.SIGTERM), 240)
    wake(step)
    run.ends_well(1200)
    facts = cluster.show(job)
    assert facts["TimeLimit"] == "00:05:00"
    assert facts["JobState"] == "FAILED", "it ended by itself, before its limit"
    assert "continuing after update" in log(project)
    assert set(attempts(project)[:-1]) == {"stopped: SIGTERM"}
    assert_nothing_lost(project, undisturbed)


@pytest.mark.slow
def test_a_training_that_does_not_hear_of_its_time_limit_goes_on_in_the_next_attempt(cluster, project, undisturbed):
    run = start(project, **loading(project, DEAF), GTF_DEER_LONGEST="5")
    job = training(cluster, run, project)
    run.ends_well(1200)
    assert cluster.show(job)["JobState"] == "TIMEOUT"
    assert "continuing after update" in log(project)
    assert attempts(project)[0] == "killed"
    assert_nothing_lost(project, undisturbed)


@pytest.mark.slow
def test_a_training_that_runs_out_of_memory_goes_on_with_twice_as_much(cluster, project, undisturbed):
    run = start(project, **loading(project, GREEDY))
    run.ends_well()
    preset = read_preset(project / PRESET)
    asked = resources.train(preset.run(DISTURBED, "shplrnn_m3", 100, (0,)), preset.datasets["lorenz63"]).memory
    jobs = [job for job in cluster.jobs(project) if job["Comment"].startswith("rule_train")]
    assert [job["MinMemoryNode"] for job in jobs] == [f"{asked}M", f"{2 * asked}M"]
    # Slurm looks at memory from time to time here; with cgroups it says OUT_OF_MEMORY.
    assert [job["JobState"] for job in jobs] == ["FAILED", "COMPLETED"]
    assert "continuing after update" in log(project)
    assert attempts(project) == ["killed", "ok"]
    assert_nothing_lost(project, undisturbed)


@pytest.mark.slow
def test_a_training_on_a_node_that_is_drained_ends_there_and_the_next_job_waits(cluster, project, undisturbed):
    run = Run(project, *SLURM, "--", f"results/tiny/evaluate/{PLACE}.nc")
    job = training(cluster, run, project)
    cluster.update("nodename=n[1-2]", "state=drain", "reason=test")
    try:
        run.until(lambda: cluster.job(project, "evaluate", "PENDING"))
        facts = cluster.show(job)
        assert (facts["JobState"], facts["Restarts"]) == ("COMPLETED", "0")
        assert_nothing_lost(project, undisturbed)
    finally:
        cluster.update("nodename=n[1-2]", "state=resume")
    run.ends_well()


@pytest.mark.slow
def test_a_training_whose_node_fails_goes_on_on_another(cluster, project, undisturbed):
    run = start(project)
    job = training(cluster, run, project)
    node = cluster.show(job)["NodeList"]
    cluster.lose(node, job)
    try:
        run.until(lambda: cluster.show(job)["JobState"] == "PENDING", 60)
        # Slurm leaves two minutes between failure and restart.
        cluster.update(f"jobid={job}", "starttime=now")
        run.until(lambda: restarts(project) == 1)
        run.ends_well()
    finally:
        cluster.start()
    facts = cluster.show(job)
    assert (facts["JobState"], facts["Restarts"]) == ("COMPLETED", "1")
    assert facts["NodeList"] != node
    assert "continuing after update" in log(project)
    assert attempts(project) == ["killed", "ok"]
    assert_nothing_lost(project, undisturbed)


@pytest.mark.slow
def test_an_absent_slurmctld_is_waited_for_without_accounting(cluster, project, undisturbed):
    """At the first submission, and while a training runs and ends."""
    cluster.kill("slurmctld")
    run = start(project)
    time.sleep(45)
    cluster.start()
    training(cluster, run, project)
    cluster.kill("slurmctld")
    time.sleep(45)
    cluster.start()
    run.ends_well()
    assert "Trying to restart job" not in run.text()
    assert attempts(project) == ["ok"]
    assert_nothing_lost(project, undisturbed)
