"""What breaks on clusters, and that nothing is lost: the arrays are those of an undisturbed training."""

import os
import signal
import subprocess

import numpy as np
import pytest

from tests.slurm.cluster import Run, processes
from tests.slurm.conftest import OUTPUTS, PLACE, PRESET
from workflow_src import store
from workflow_src.models import checkpoint

pytestmark = pytest.mark.slurm

SLURM = ("--profile", "slurm", "-j", "50", "--configfile", PRESET)
STEP = "-m workflow_src.steps.train"


def start(project, *options, **settings):
    """The command, asking for one training."""
    return Run(project, *SLURM, *options, "--", OUTPUTS[1], **settings)


def asks(**resources):
    """Options of Snakemake for other resources of trainings than the profile's."""
    return ["--set-resources", "train:gpu=1", *(f"train:{name}={value}" for name, value in resources.items())]


def log(project):
    return (project / f"results/tiny/logs/train/{PLACE}.log").read_text()


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


@pytest.mark.slow
def test_a_preempted_training_is_requeued_and_goes_on(cluster, project, undisturbed):
    run = start(project, GTF_DEER_GPU_PARTITION="gpu")
    training(cluster, run, project)
    # Wants both nodes whole, for a moment.
    command = ["srun", "-p", "high", "-N", "2", "--exclusive", "-t", "1", "sleep", "1"]
    subprocess.run(command, check=True, capture_output=True, timeout=200, stdin=subprocess.DEVNULL)
    run.ends_well()
    assert "continuing after update" in log(project)
    assert_nothing_lost(project, undisturbed)


@pytest.mark.slow
def test_a_training_over_its_time_limit_goes_on_in_the_next_attempt(cluster, project, undisturbed):
    run = start(project, *asks(runtime="1 if attempt == 1 else 20"))
    job = training(cluster, run, project)
    # It does not come to its end before the limit; Slurm wakes it to tell it.
    (step,) = processes(STEP, job)
    os.kill(step, signal.SIGSTOP)
    run.ends_well()
    assert next(one["JobState"] for one in cluster.jobs(project) if one["JobId"] == job) == "TIMEOUT"
    assert "continuing after update" in log(project)
    assert_nothing_lost(project, undisturbed)


@pytest.mark.slow
def test_a_training_that_runs_out_of_memory_gets_more(cluster, project, undisturbed):
    run = start(project, *asks(mem_mb="350 if attempt == 1 else 3000"))
    run.ends_well()
    sizes = [job["MinMemoryNode"] for job in cluster.jobs(project) if job["Comment"].startswith("rule_train")]
    assert sizes == ["350M", "3000M"]
    assert_nothing_lost(project, undisturbed)


@pytest.mark.slow
def test_drained_nodes_take_jobs_again_when_they_are_resumed(cluster, project, undisturbed):
    run = start(project)
    run.until(lambda: cluster.job(project, "simulate"))
    nodes = ["scontrol", "update", "nodename=n[1-2]"]
    subprocess.run([*nodes, "state=drain", "reason=test"], check=True)
    try:
        run.until(lambda: cluster.job(project, "train", "PENDING"))
    finally:
        subprocess.run([*nodes, "state=resume"], check=True)
    run.ends_well()
    assert_nothing_lost(project, undisturbed)
