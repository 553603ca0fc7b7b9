"""The lock beside a result: one writer at a time, and none for ever."""

import json
import os
import threading
import time
from pathlib import Path

import pytest

from workflow_src import files, lock, logs, processes
from workflow_src.errors import UserError


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(lock, "LOOK_EVERY", 0.01)


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr(logs, "say", lines.append)
    return lines


@pytest.fixture
def output(tmp_path):
    return tmp_path / "model.eqx"


@pytest.fixture
def running(monkeypatch):
    """Process ids that run on this machine, all started at the same tick."""
    pids = {os.getpid()}
    monkeypatch.setattr(processes, "_started", lambda pid: 5 if pid in pids else None)
    monkeypatch.setattr(processes, "_space", lambda: "boot pids")
    return pids


def another(**changes):
    return processes.this()._replace(**{"pid": 99, **changes})


def leave(output, holder, age=0.0):
    """A lock that another process holds or has left."""
    path = lock.file_of(output)
    path.write_text(json.dumps(holder._asdict()) if holder else "half a descr")
    os.utime(path, (time.time() - age,) * 2)


def test_a_held_lock_names_its_holder_and_goes_with_the_block(output, running):
    with lock.held(output) as one:
        assert processes.parse(json.loads(lock.file_of(output).read_text())) == one.me
        with lock.held(output) as inner:
            assert inner is one
        lock.confirm()
        assert lock.file_of(output).exists()
    assert not list(output.parent.iterdir())
    assert not one.waited


def test_a_second_process_waits_for_the_first_and_says_for_whom(output, running, said):
    running.add(99)
    # Its process id is believed, not the age of its lock.
    leave(output, another(), age=1e6)

    def end():
        while not said:
            time.sleep(0.005)
        running.remove(99)

    threading.Thread(target=end).start()
    with lock.held(output) as one:
        assert one.waited
    assert f"{output}: process 99 on {one.me.host} is making it; waiting for its end" in said[0]
    assert "is gone; taking over" in said[1]
    assert len(said) == 2


@pytest.mark.parametrize(
    ("holder", "age"),
    [
        (lambda: another(), 0.0),
        (lambda: another(started=4, pid=os.getpid()), 0.0),
        (lambda: another(host="n2"), lock.GONE_AFTER + 60),
        (lambda: None, lock.GONE_AFTER + 60),
    ],
    ids=["dead", "its number given anew", "no sign of life from another machine", "unreadable and old"],
)
def test_the_lock_of_a_process_that_is_gone_is_taken_over(output, running, said, holder, age):
    leave(output, holder(), age)
    with lock.held(output) as one:
        assert one.is_mine()
        assert not one.waited
    assert "taking over" in said[0]
    assert not list(output.parent.iterdir())


@pytest.mark.parametrize("holder", [lambda: another(host="n2"), lambda: None], ids=["elsewhere", "unreadable"])
def test_a_fresh_lock_that_tells_nothing_is_respected(output, running, holder):
    leave(output, holder(), age=lock.GONE_AFTER - 60)
    seen = lock.look(lock.file_of(output))
    assert lock.Lock(output).is_held(seen)


def test_of_many_that_find_a_dead_holder_one_takes_over(output, running, said):
    leave(output, another())
    seen = lock.look(lock.file_of(output))
    heirs = [lock.Lock(output) for _ in range(20)]
    taken = []
    threads = [threading.Thread(target=lambda one=one: taken.append(one._succeed(seen))) for one in heirs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 1
    assert [path.name for path in output.parent.iterdir()] == [lock.file_of(output).name]


def test_of_many_that_find_no_lock_one_gets_it_on_any_file_system(output, running, monkeypatch):
    def no_links(source, target):
        raise PermissionError(1, "Operation not permitted")

    for link in (os.link, no_links):
        monkeypatch.setattr(os, "link", link)
        assert [lock.Lock(output)._try(lock.file_of(output)) for _ in range(3)] == [True, False, False]
        lock.file_of(output).unlink()
        assert not list(output.parent.iterdir())


def test_who_was_taken_for_gone_writes_nothing_more(output, running):
    with lock.held(output):
        files.write_atomically(output, lambda beside: beside.write_text("first"))
        leave(output, another(host="n2"))
        with pytest.raises(UserError, match="another process has taken over"):
            files.write_atomically(output, lambda beside: beside.write_text("second"))
        assert output.read_text() == "first"
    assert lock.file_of(output).exists(), "the other's lock stays"


def test_the_holder_renews_its_lock(output, running, monkeypatch):
    monkeypatch.setattr(lock, "HEARTBEAT", 0.005)
    with lock.held(output):
        path = lock.file_of(output)
        os.utime(path, (1, 1))
        for _ in range(1000):
            if path.stat().st_mtime > 1:
                break
            time.sleep(0.005)
        assert path.stat().st_mtime > 1


def test_what_killed_processes_left_on_their_way_to_the_lock_is_removed(output, running):
    dead, elsewhere = another(), another(host="n2")
    for name, holder in (("a.part", dead), ("b", dead), ("c.part", elsewhere)):
        output.with_name(f".model.eqx.lock.{name}").write_text(json.dumps(holder._asdict()))
    with lock.held(output):
        pass
    assert [path.name for path in output.parent.iterdir()] == [".model.eqx.lock.c.part"]


def test_a_folder_that_cannot_be_written_is_told_in_one_line(output, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(UserError, match=r"model\.eqx: cannot be written \(Read-only file system\); that file system"):
        lock.held(output).__enter__()
