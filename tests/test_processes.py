"""Processes: which one runs, here and elsewhere."""

import subprocess
import sys

import pytest

from workflow_src import processes
from workflow_src.processes import is_alive

linux = pytest.mark.skipif(sys.platform != "linux", reason="process ids are looked up in /proc")


@pytest.fixture
def me():
    return processes.this()


@linux
def test_a_process_of_this_machine_is_known_to_run_or_not(me):
    child = subprocess.Popen(["sleep", "60"])
    try:
        running = me._replace(pid=child.pid, started=processes._started(child.pid))
        assert is_alive(running, me) is True
        # A later process got the number.
        assert is_alive(running._replace(started=running.started - 1), me) is False
        child.kill()
        while processes._started(child.pid):
            pass
        assert is_alive(running, me) is False, "its parent has not yet asked for its status"
    finally:
        child.kill()
        child.wait()
    assert is_alive(running, me) is False


def test_of_a_process_elsewhere_nothing_is_known(me):
    assert is_alive(me._replace(host="n2"), me) is None
    # A container counts processes for itself.
    assert is_alive(me._replace(space="another"), me) is None
    assert is_alive(me._replace(space=""), me._replace(space="")) is None


@pytest.mark.parametrize("variable", ["SLURM_RESTART_COUNT", "GTF_DEER_RESTARTS"])
def test_an_earlier_start_of_the_same_scheduled_job_is_over(me, monkeypatch, variable):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.delenv("SLURM_RESTART_COUNT", raising=False)
    monkeypatch.setenv(variable, "1")
    now = processes.this()
    before = now._replace(host="n2", restarts=0)
    assert is_alive(before, now) is False
    assert is_alive(before._replace(scheduler_job="8"), now) is None
    assert is_alive(before._replace(restarts=1), now) is None


def test_a_description_comes_back_and_others_are_refused(me):
    assert processes.parse(me._asdict()) == me
    assert str(me.pid) in str(me)
    for wrong in ({}, me._asdict() | {"pid": "x"}):
        with pytest.raises((KeyError, ValueError)):
            processes.parse(wrong)
