"""Snakemake killed while one of its jobs runs and one waits in the queue, and the same command typed again."""

import os
import signal
import subprocess
import time

import pytest

from tests.slurm.cluster import BUSY, Run, processes
from tests.slurm.conftest import OUTPUTS
from tests.slurm.test_faults import SLURM, STEP, assert_nothing_lost, has_checkpoint, log

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

NODES = ("scontrol", "update", "nodename=n[1-2]")
# A training of a moment, beside the one that the other tests disturb.
PLACE = "lorenz63_dimensions/shplrnn_m3/T100/seeds0"
SHORT = tuple(f"results/tiny/train/{PLACE}/{name}" for name in ("model.eqx", "history.nc"))


def slurm(*command):
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def trainings(cluster, project, place):
    """The jobs of a training, the oldest first."""
    words = place.replace("/", "_").replace("seeds", "").replace("_T", "_")
    return [job for job in cluster.jobs(project) if job["Comment"] == f"rule_train_wildcards_{words}"]


def state(cluster, job):
    """The last known state of a job, from its folder's list."""
    return next(one["JobState"] for one in cluster.jobs(job["WorkDir"]) if one["JobId"] == job["JobId"])


def queued(cluster, project, *targets):
    """A run of Snakemake whose trainings all wait in the queue, and no node takes any."""
    run = Run(project, *SLURM, "--", *targets)
    run.until(lambda: cluster.job(project, "simulate"))
    slurm(*NODES, "state=drain", "reason=test")
    wanted = len(targets)
    run.until(lambda: len([job for job in cluster.jobs(project) if "rule_train" in job["Comment"]]) == wanted)
    return run


@pytest.fixture(autouse=True)
def nodes_are_taken_into_service(cluster):
    yield
    subprocess.run([*NODES, "state=resume"], capture_output=True)


def test_what_waited_is_cancelled_and_what_runs_is_waited_for(cluster, project, undisturbed):
    first = queued(cluster, project, OUTPUTS[1], SHORT[1])
    (waiting,) = trainings(cluster, project, PLACE)
    slurm("scontrol", "hold", waiting["JobId"])
    slurm(*NODES, "state=resume")
    first.until(lambda: has_checkpoint(project))
    first.kill()
    (running,) = [job for job in cluster.jobs(project) if job["JobState"] == "RUNNING"]
    # It does not come to its end before its second copy is in the queue.
    (step,) = processes(STEP, running["JobId"])
    os.kill(step, signal.SIGSTOP)

    second = Run(project, *SLURM, "--", OUTPUTS[1], SHORT[1])
    second.until(lambda: len(cluster.jobs(project)) == 5)
    assert state(cluster, waiting) == "CANCELLED"
    behind = next(job for job in cluster.jobs(project) if f"afterany:{running['JobId']}" in job["Dependency"])
    assert (behind["JobState"], behind["Comment"]) == ("PENDING", running["Comment"])
    os.kill(step, signal.SIGCONT)
    second.ends_well()
    assert f"cancelled: Slurm's job {waiting['JobId']}," in second.text()
    assert f"still running: Slurm's {running['JobId']};" in second.text()
    assert [state(cluster, job) for job in (running, behind)] == ["COMPLETED"] * 2
    assert "continuing after update" not in log(project), "the first one came to its end"
    assert_nothing_lost(project, undisturbed)
    assert (project / SHORT[0]).exists()


def test_a_copy_that_starts_when_all_is_done_deletes_nothing(cluster, project):
    first = queued(cluster, project, SHORT[1])
    (waiting,) = trainings(cluster, project, PLACE)
    slurm("scontrol", "hold", waiting["JobId"])
    slurm(*NODES, "state=resume")
    first.kill()

    # In this memory of Snakemake's nothing is known of the first.
    second = Run(project, *SLURM, "--persistence-backend", "file", "--", SHORT[1])
    second.ends_well()
    assert state(cluster, waiting) == "PENDING"
    text = (project / f"results/tiny/logs/train/{PLACE}.log").read_text()
    made = {name: (project / name).stat().st_mtime_ns for name in SHORT}

    slurm("scontrol", "release", waiting["JobId"])
    while state(cluster, waiting) in BUSY:
        time.sleep(1)
    assert state(cluster, waiting) == "COMPLETED"
    said = project / ".snakemake/slurm_logs" / waiting["StdOut"].partition("slurm_logs/")[2]
    assert f"finished: {SHORT[0]}: another job has made it" in said.read_text()
    assert {name: (project / name).stat().st_mtime_ns for name in SHORT} == made
    assert (project / f"results/tiny/logs/train/{PLACE}.log").read_text() == text
