"""The table of all jobs of a preset, from made-up status files."""

import json
import os
import platform
from pathlib import Path

import pytest

from workflow_src import __main__ as door
from workflow_src.status.collect import clock, collect
from workflow_src.status.table import table

NOW = 1_800_000_000.0
RUNNING = {
    "state": "running",
    "step": "train",
    "node": "gpu03",
    "pid": 1,
    "scheduler_job": "8812",
    "attempt": 1,
    "seeds": 5,
    "started": NOW - 3720,
    "heartbeat": NOW - 4,
    "progressed": NOW - 6,
    "done": 1200,
    "total": 20000,
    "unit": "update",
    "rate": 3.456,
    "remaining_seconds": 5440.0,
    "loss": 0.01234,
    "iterations": 4.14,
    "diverged": 1,
}


@pytest.fixture
def put(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def put(name, log="", **changes):
        file = Path("results/tiny/logs", f"{name}.status.json")
        file.parent.mkdir(parents=True, exist_ok=True)
        facts = RUNNING | changes
        file.write_text(json.dumps(facts))
        os.utime(file, (facts["heartbeat"],) * 2)
        Path("results/tiny/logs", f"{name}.log").write_text(log)

    return put


def shown():
    return table(Path("results/tiny"), NOW)


def states():
    return {one.job: (one.state, one.why) for one in collect(Path("results/tiny"), NOW)}


def test_a_running_training_stands_on_one_line_with_all_that_is_known(put):
    put("train/one/seeds0-4")
    (line,) = [line for line in shown().splitlines() if "seeds0-4" in line]
    for cell in (
        "1200",
        "20000 updates",
        "6%",
        "3.46",
        "0.0123",
        "4.1",
        "1/5",
        "1 h 31 min",
        "gpu03",
        "8812",
        "1 h 2 min",
    ):
        assert cell in line, cell


def test_what_is_not_known_is_left_empty(put):
    put(
        "evaluate/one",
        done=None,
        total=None,
        rate=None,
        loss=None,
        iterations=None,
        diverged=None,
        remaining_seconds=None,
    )
    (line,) = [line for line in shown().splitlines() if "evaluate/one" in line]
    assert line.split()[1:] == ["starting", "gpu03", "8812", "1", "h", "2", "min"]


def test_a_job_without_a_sign_of_life_is_stalled_and_shows_the_end_of_its_log(put):
    put("train/lost", heartbeat=NOW - 600, log="update 1\n\nupdate 2\n")
    state, why = states()["train/lost"]
    assert state == "stalled"
    assert "10 min" in why
    assert shown().splitlines()[-2:] == ["    update 1", "    update 2"]


def test_clocks_that_differ_do_not_matter(put):
    """The node's clock is two hours late, or early: the file's time is that of the file system."""
    for hours in (-2, 2):
        shifted = {name: RUNNING[name] + 3600 * hours for name in ("started", "heartbeat", "progressed")}
        put("train/one", **shifted)
        os.utime("results/tiny/logs/train/one.status.json", (NOW - 4,) * 2)
        assert states() == {"train/one": ("running", None)}
        (line,) = [line for line in shown().splitlines() if "train/one" in line]
        assert line.endswith("1 h 2 min")


def test_a_second_copy_that_waits_is_told(put):
    line = "results/tiny/train/one/model.eqx: process 812 on n1 is making it; waiting for its end\n"
    put("train/one", log=line)
    put("train/two")
    assert "a second copy of train/one waits for its end" in shown()
    assert "copy of train/two" not in shown()


def test_time_is_that_of_the_folder_where_it_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "new").touch()
    stamped = (tmp_path / "new").stat().st_mtime
    monkeypatch.setattr("workflow_src.status.collect.time.time", lambda: 0.0)
    assert abs(clock(tmp_path) - stamped) < 60
    assert clock(tmp_path / "gone") == 0.0


def test_a_job_of_this_machine_whose_process_is_gone_is_known_at_once(put):
    # Above the largest that the kernel gives.
    gone = 2**22 + 1
    put("train/killed", node=platform.node(), pid=gone)
    put("train/alive", node=platform.node(), pid=os.getpid())
    assert states()["train/killed"][0] == "stalled"
    assert states()["train/alive"] == ("running", None)


def test_a_job_that_lives_without_getting_further_is_stalled(put):
    put("train/stuck", progressed=NOW - 7200)
    put("train/slow", progressed=NOW - 7200, rate=0.01)
    assert states()["train/stuck"][0] == "stalled"
    assert states()["train/slow"][0] == "running"


def test_failed_jobs_are_told_with_what_they_said_last(put):
    put("train/failed", state="failed", message="OSError: no space left", log="a\n" * 20 + "error: no space left\n")
    text = shown()
    assert "FAILED train/failed" in text
    assert "OSError: no space left" in text
    assert text.splitlines()[-1] == "    error: no space left"


def test_only_jobs_that_finished_within_the_hour_are_listed(put):
    put("train/new", state="finished", heartbeat=NOW - 60)
    put("train/old", state="finished", heartbeat=NOW - 7200)
    assert "2 finished" in shown()
    assert "train/new" in shown()
    assert "train/old" not in shown()


def test_a_file_that_is_no_status_is_passed_over(put):
    put("train/one")
    Path("results/tiny/logs/train/two.status.json").write_text('{"state": "run')
    assert set(states()) == {"train/one"}


def test_the_command_tells_of_every_preset_that_has_run_or_of_the_one_that_is_named(put, capsys):
    put("train/one", state="finished")
    Path("results/other/logs").mkdir(parents=True)
    door.main(["status"])
    assert "results/tiny: 0 running" in (text := capsys.readouterr().out)
    assert "results/other: no job has run here" in text
    door.main(["status", "config/tiny.yaml", "--json"])
    assert json.loads(capsys.readouterr().out)["tiny"][0]["job"] == "train/one"
