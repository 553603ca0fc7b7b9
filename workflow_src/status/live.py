"""The status of a running job: a small JSON file beside its log, renewed every few seconds.

It is no result. Nothing reads it but people, and a job never fails for want of it: what cannot be written is left out.
"""

import contextlib
import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ENDING = ".status.json"
# Seconds between two signs of life.
INTERVAL = 5.0

_current: "Status | None" = None


class Status:
    """The facts of one job, written by a thread of their own, so that a job that compiles or computes for long shows
    signs of life too."""

    def __init__(self, path: Path, facts: Mapping[str, Any], interval: float = INTERVAL) -> None:
        self.path = path
        self.interval = interval
        self.facts = dict(facts) | {"state": "running", "pid": os.getpid(), "started": time.time()}
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.write()
        self.thread = threading.Thread(target=self._live, name="status", daemon=True)
        self.thread.start()

    def tell(self, facts: Mapping[str, Any]) -> None:
        """Facts for the next sign of life."""
        with self.lock:
            self.facts |= {**facts, "progressed": time.time()}

    def end(self, state: str, message: str | None = None) -> None:
        """The last sign of life."""
        self.ended.set()
        self.thread.join()
        with self.lock:
            self.facts |= {"state": state, "message": message, "remaining_seconds": None}
        self.write()

    def write(self) -> None:
        """Put the file in its place as a whole; unsynced, since the next one follows in seconds."""
        with self.lock:
            text = json.dumps(self.facts | {"heartbeat": time.time()}, indent=1, default=float) + "\n"
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(text, encoding="utf-8")
            beside.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)

    def _live(self) -> None:
        while not self.ended.wait(self.interval):
            self.write()


def file_of(log: Path) -> Path:
    """The status of the job with this log."""
    return log.with_suffix(ENDING)


def begin(log: Path | None, facts: Mapping[str, Any]) -> None:
    """This process starts a job; without a log of its own it has no status."""
    global _current
    _current = Status(file_of(log), facts) if log is not None else None


def tell(**facts: Any) -> None:
    """How far the job of this process is: `done` of `total` `unit`s, `rate` per second, and what else there is."""
    if _current is not None:
        _current.tell(facts)


def end(error: BaseException | None = None) -> None:
    """The job of this process is over."""
    global _current
    if _current is None:
        return
    if error is None:
        _current.end("finished")
    else:
        stopped = isinstance(error, KeyboardInterrupt | SystemExit)
        text = f"{type(error).__name__}: {error}".splitlines()[0].removesuffix(": ")
        _current.end("stopped" if stopped else "failed", text)
    _current = None
