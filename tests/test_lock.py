"""The lock beside a result: one writer at a time, and none for ever."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from workflow_src import files, lock, logs, processes, stop
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


@pytest.mark.parametrize("ended", [False, True], ids=["at work", "ended"])
def test_who_was_taken_for_gone_writes_nothing_more(output, running, ended):
    with lock.held(output):
        files.write_atomically(output, lambda beside: beside.write_text("first"))
        leave(output, another(host="n2"))
        if ended:
            lock.file_of(output).unlink()
        with pytest.raises(UserError, match="this process has lost its lock"):
            files.write_atomically(output, lambda beside: beside.write_text("second"))
        assert output.read_text() == "first"
    assert lock.file_of(output).exists() is not ended, "the other's lock stays"


def on(host, output):
    """A process elsewhere on its way to the lock."""
    one = lock.Lock(output)
    one.me = one.me._replace(host=host)
    return one


def suspend(one):
    """No sign of life for too long."""
    os.utime(one.path, (time.time() - lock.GONE_AFTER - 60,) * 2)


def test_of_all_that_were_suspended_none_has_the_lock_whatever_the_others_did_since(output, running, said):
    first, second, third = (on(host, output) for host in ("n1", "n2", "n3"))
    everyone = (first, second, third)

    def holders():
        return [one.me.host for one in everyone if one.is_mine()]

    first._acquire()
    assert holders() == ["n1"]
    suspend(first)
    second._acquire()
    assert holders() == ["n2"]
    suspend(second)
    third._acquire()
    assert holders() == ["n3"]
    third.path.unlink()
    assert holders() == []
    # Typed again, after the first one's suspended copy has seen nothing of it.
    third._acquire()
    assert holders() == ["n3"]


def while_suspended(monkeypatch, act):
    """Let others act when a process is about to put its claim in place."""
    replace = Path.replace

    def late(self, target):
        monkeypatch.setattr(Path, "replace", replace)
        act(self)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", late)


def test_an_heir_that_is_suspended_before_it_takes_over_finds_that_another_did(output, running, said, monkeypatch):
    leave(output, another(), age=1e6)
    seen = lock.look(lock.file_of(output))
    late, quick = on("n1", output), on("n2", output)

    def act(claim):
        os.utime(claim, (1, 1))
        quick._acquire()

    while_suspended(monkeypatch, act)
    assert not late._succeed(seen)
    assert quick.is_mine()
    assert len([line for line in said if "taking over" in line]) == 1
    assert [path.name for path in output.parent.iterdir()] == [lock.file_of(output).name]


def test_an_heir_whose_claim_another_put_in_place_has_the_lock(output, running, said, monkeypatch):
    leave(output, another(), age=1e6)
    seen = lock.look(lock.file_of(output))
    late, owner = on("n1", output), on("n2", output)

    def act(claim):
        claim.unlink()
        assert owner._try(claim)

    while_suspended(monkeypatch, act)
    assert not late._succeed(seen)
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("waits for itself"))
    owner._acquire()
    assert [late.is_mine(), owner.is_mine()] == [False, True]


def test_a_wait_ends_at_a_signal_that_was_postponed(output, running, said, monkeypatch):
    leave(output, another(host="n2"))
    monkeypatch.setattr(stop, "_asked", signal.SIGTERM)
    with pytest.raises(stop.Stopped):
        lock.wait(output)


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
