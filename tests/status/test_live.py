"""What a job tells of itself while it runs, and how it ends."""

import json
from argparse import Namespace
from pathlib import Path

import pytest

from workflow_src import logs, provenance
from workflow_src.config import read_preset
from workflow_src.config.jobs import jobs
from workflow_src.status import live

ROOT = Path(__file__).parents[2]
OUTPUT = Path("results/tiny/train/one/shplrnn/T31/seeds0-1/model.eqx")
LOG = Path("results/tiny/logs/train/one/shplrnn/T31/seeds0-1.log")


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A folder to work in, and what a job there says of itself."""
    monkeypatch.chdir(tmp_path)

    def read():
        return json.loads(live.file_of(LOG).read_bytes())

    return read


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when they are told to."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(logs.time, "monotonic", lambda: Clock.now)
    return Clock


def test_a_job_is_running_from_its_start_and_finished_when_its_results_are_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output, status = Path("results/tiny/tables/table1.csv"), Path("results/tiny/logs/tables/table1.status.json")
    with provenance.record("table", Namespace(table="table1", csv=output), ["csv"]):
        started = json.loads(status.read_bytes())
        output.write_text("1\n")
    assert started["state"] == "running"
    assert started["node"]
    assert json.loads(status.read_bytes())["state"] == "finished"
    assert [path.name for path in status.parent.iterdir()] == [status.name], "no half file is left"


def test_a_failed_job_says_why(job):
    with pytest.raises(OSError, match="no space"), provenance.record("train", Namespace(model=OUTPUT), ["model"]):
        raise OSError("no space left\non the device")
    assert job()["state"] == "failed"
    assert job()["message"] == "OSError: no space left"


def test_signs_of_life_come_while_the_job_says_nothing(job):
    LOG.parent.mkdir(parents=True)
    status = live.Status(live.file_of(LOG), {}, interval=0.005)
    first, deadline = job()["heartbeat"], logs.time.monotonic() + 5
    while job()["heartbeat"] == first and logs.time.monotonic() < deadline:
        status.ended.wait(0.005)
    status.end("finished")
    assert job()["heartbeat"] > first


def test_a_status_that_cannot_be_written_is_no_concern_of_the_job(job):
    Path("results/tiny").mkdir(parents=True)
    Path("results/tiny/logs").write_text("a file where the folder should be")
    live.begin(LOG, {"node": "n1"})
    live.tell(done=1)
    live.end()
    assert Path("results/tiny/logs").is_file()


def test_a_job_outside_of_results_has_no_status(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert logs.log_of(tmp_path / "model.eqx") is None
    live.begin(None, {})
    live.tell(done=1)
    live.end()
    assert not list(tmp_path.iterdir())


def test_the_rate_counts_from_the_first_call_which_compiles(job, clock):
    live.begin(LOG, {})
    progress = logs.Progress(1000, 200)
    clock.now += 50
    progress.report(300, loss=1.0, iterations=4.0, diverged=0)
    assert live._current.facts["rate"] == 2.0, "there is nothing better yet"
    clock.now += 10
    progress.report(400, loss=0.5, iterations=4.0, diverged=1)
    told = live._current.facts
    assert (told["rate"], told["remaining_seconds"], told["diverged"]) == (10.0, 60.0, 1)
    live.end()


def test_every_job_of_a_preset_has_a_status_of_its_own():
    preset = read_preset(ROOT / "config/smoke.yaml")
    made = [Path("results/smoke", job.outputs[0]) for job in jobs(preset)]
    found = [logs.log_of(path) for path in made]
    assert None not in found
    assert len(set(found)) == len(made)
