"""Notes of the runs in a folder."""

import json
import os
import time

import pytest

from workflow_src import lock, presence, processes


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


def test_the_living_and_the_dead_are_told_apart(tmp_path, at_exit):
    alive = note(tmp_path, "here")
    elsewhere = note(tmp_path, "elsewhere", host="n2")
    dead = note(tmp_path, "dead", started=-1)
    silent = note(tmp_path, "silent", age=lock.GONE_AFTER + 60, host="n3")
    others = presence.announce(tmp_path)
    assert sorted(others.alive) == sorted([alive, elsewhere])
    assert sorted(others.gone) == sorted([dead, silent])
    # What the dead left is for a later run to deal with.
    assert sorted(presence.announce(tmp_path).gone) == sorted([dead, silent])
    for end in at_exit:
        end()
    assert len(list(tmp_path.iterdir())) == 4


def test_the_last_one_forgets_the_dead(tmp_path, at_exit):
    dead = note(tmp_path, "dead", started=-1)
    assert presence.announce(tmp_path) == ([], [dead])
    at_exit.pop()()
    assert not list(tmp_path.iterdir())
