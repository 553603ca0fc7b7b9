"""Where messages and progress go: standard error, which the rules send to each job's log file, and the job's status."""

import contextlib
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from workflow_src.status import live

Item = TypeVar("Item")
# Rules whose log does not have the name of their output.
LOGS = {"claims": "claims/claims", "bundle": "bundle"}


def say(message: str) -> None:
    """One line for the job's log; where the disk is full it is lost, and nothing else with it."""
    with contextlib.suppress(OSError):
        print(message, file=sys.stderr, flush=True)


def log_of(output: Path) -> Path | None:
    """Where the rules send what a job says, by its first output; None for a file outside of results/PRESET."""
    if "results" not in output.parts[:-2]:
        return None
    depth = output.parts.index("results") + 2
    inside = output.parts[depth:]
    # A training has a folder of its own.
    name = "/".join(inside[:-1]) if inside[0] == "train" else "/".join(inside).rpartition(".")[0]
    return Path(*output.parts[:depth], "logs", f"{LOGS.get(inside[0].partition('.')[0], name)}.log")


def counted(items: Iterable[Item], total: int, unit: str) -> Iterator[Item]:
    """The items in turn; the job's status tells how many are done."""
    progress = Progress(total, 0, unit=unit)
    live.tell(done=0, total=total, unit=unit)
    for done, item in enumerate(items, 1):
        yield item
        progress.tell(done)


class Progress:
    """How far a job is, with rate and remaining time: in its status, and in a line at most every `interval` seconds."""

    def __init__(self, total: int, done: int, interval: float = 5.0, unit: str = "update") -> None:
        self.total = total
        self.unit = unit
        self.began = self.since = time.monotonic()
        self.first = done
        self.warm = False
        self.interval = interval
        self.spoken = self.since

    def report(self, done: int, *, loss: float | None, iterations: float | None, diverged: int) -> None:
        """Tell how far it is, and say so if the last line is old enough or all is done.

        Args:
            loss: median over the runs that are left; None where none is.
            iterations: of the solver, mean over runs; None where it has none.
            diverged: how many runs have ended.
        """
        rate = self.tell(done, loss=loss, iterations=iterations, diverged=diverged)
        now = time.monotonic()
        if now - self.spoken < self.interval and done < self.total:
            return
        self.spoken = now
        facts = [f"loss {loss:.3g}" if loss is not None else "no run left"]
        facts += [f"iterations {iterations:.1f}"] if iterations is not None else []
        facts += [f"diverged {diverged}"] if diverged else []
        left = (self.total - done) / rate
        say(f"update {done}/{self.total}  {'  '.join(facts)}  {rate:.3g} updates/s  {left:.0f} s left")

    def tell(self, done: int, **facts: Any) -> float:
        """Put it into the job's status.

        Returns:
            Units per second since the first of these calls, before which programs were compiled; at the first, since
            the beginning.
        """
        now = time.monotonic()
        rate = (done - self.first) / max(now - self.since, 1e-9)
        left = (self.total - done) / rate if rate > 0 else None
        live.tell(done=done, total=self.total, unit=self.unit, rate=rate, remaining_seconds=left, **facts)
        if not self.warm:
            self.first, self.since, self.warm = done, now, True
        return rate
