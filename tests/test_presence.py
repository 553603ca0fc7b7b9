"""Notes of the runs in a folder."""

import json
import os
import time

import pytest

from workflow_src import lock, presence, processes
from workflow_src.errors import UserError


@pytest.fixture
def at_exit(monkeypatch):
    calls = []
    monkeypatch.setattr(presence.atexit, "register", lambda call, *arguments: calls.append(lambda: call(*arguments)))
    return calls


def note(folder, name, age=0.0, **changes):
    holder = processes.this()._replace(**changes)
    path = folder / f"run.{name}.note"
    path.write_text(json.dumps(holder._asdict()))
    os.utime(path, (time.time() - age,) * 2)
    return holder


@pytest.fixture
def sleeps(monkeypatch):
    """What is done instead of waiting, in turn; without any, waiting is a fault."""
    waiting = []
    monkeypatch.setattr(presence.time, "sleep", lambda _: waiting.pop(0)())
    return waiting


def test_the_dead_are_told_once_and_forgotten(tmp_path, at_exit, sleeps):
    dead = note(tmp_path, "db.dead", started=-1)
    silent = note(tmp_path, "db.silent", age=lock.GONE_AFTER + 60, host="n3")
    assert sorted(presence.announce(tmp_path, "db")) == sorted([dead, silent])
    at_exit.pop()()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["db", "file"])
def test_no_run_of_any_kind_starts_beside_one_that_lives(tmp_path, at_exit, sleeps, kind):
    note(tmp_path, "db.dead", started=-1)
    alive = note(tmp_path, "file.here")
    with pytest.raises(UserError, match=f"another run, {alive}, runs in this folder; wait for its end"):
        presence.announce(tmp_path, kind)
    at_exit.pop()()
    assert len(list(tmp_path.iterdir())) == 2, "what the dead left is for a later run to deal with"


def test_what_the_dead_left_is_kept_for_a_run_of_its_kind(tmp_path, at_exit, sleeps):
    dead = note(tmp_path, "db.dead", started=-1)
    assert presence.announce(tmp_path, "file") == []
    at_exit.pop()()
    assert presence.announce(tmp_path, "db") == [dead]


def test_a_run_elsewhere_that_gives_a_sign_of_life_lives(tmp_path, at_exit, sleeps, capsys):
    elsewhere = note(tmp_path, "db.elsewhere", age=20, host="n2")
    sleeps += [lambda: None, lambda: note(tmp_path, "db.elsewhere", host="n2", token=elsewhere.token)]
    with pytest.raises(UserError, match="on n2, runs in this folder"):
        presence.announce(tmp_path, "db")
    assert capsys.readouterr().err.count("may have been killed; waiting for a sign of life") == 1


def test_a_run_elsewhere_that_gives_none_is_gone(tmp_path, at_exit, sleeps):
    elsewhere = note(tmp_path, "db.elsewhere", age=20, host="n2")
    path = next(tmp_path.glob("run.db.elsewhere.note"))

    def later():
        # As if the others' time had passed: is_held compares with the clock of the folder.
        lock_time = time.time() - lock.GONE_AFTER - 1
        os.utime(path, (lock_time, lock_time))

    sleeps += [later]
    assert presence.announce(tmp_path, "db") == [elsewhere]


def test_a_run_elsewhere_that_ends_meanwhile_is_no_hindrance(tmp_path, at_exit, sleeps):
    note(tmp_path, "db.elsewhere", host="n2")
    sleeps += [next(tmp_path.glob("run.db.elsewhere.note")).unlink]
    assert presence.announce(tmp_path, "db") == []
