"""The states of all jobs of a preset, from the status files that they leave beside their logs."""

import json
import os
import platform
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from workflow_src.status.live import ENDING, INTERVAL

State = Literal["running", "stalled", "failed", "stopped", "finished"]

# Without a sign of life for so many seconds a job is given up; clocks of machines differ, and disks may be slow.
SILENT = 12 * INTERVAL
# A job that lives but gets no further: after so many seconds, and at least the time of so many units.
STUCK, STUCK_UNITS = 1800.0, 500


class JobState(NamedTuple):
    """One job, as its status file tells.

    Attributes:
        job: its first output below the preset's folder of results, without its ending.
        facts: all that the file says.
        why: what is the matter, for a job that is neither running nor finished.
    """

    job: str
    state: State
    facts: Mapping[str, Any]
    log: Path
    why: str | None

    @property
    def since(self) -> float:
        """When it was last heard of, in seconds since 1970."""
        return self.facts["heartbeat"]


def collect(results: Path, now: float | None = None) -> list[JobState]:
    """All jobs of a preset that have a status, the last to be heard of first.

    Args:
        results: the preset's folder of results.
        now: in seconds since 1970.
    """
    now = time.time() if now is None else now
    found = []
    for path in sorted((results / "logs").rglob(f"*{ENDING}")):
        facts = _read(path)
        if facts is not None:
            state, why = _state(facts, now)
            job = path.relative_to(results / "logs").as_posix().removesuffix(ENDING)
            found.append(JobState(job, state, facts, path.with_name(path.name.removesuffix(ENDING) + ".log"), why))
    return sorted(found, key=lambda one: -one.since)


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of a log that are not empty; none where it cannot be read."""
    return list(_tail(log))[-lines:]


def _tail(log: Path) -> Iterator[str]:
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 2**16))
            text = file.read().decode(errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        # What was written over itself, as progress bars are, shows its last state.
        if shown := line.rpartition("\r")[2].rstrip():
            yield shown


def _read(path: Path) -> dict[str, Any] | None:
    try:
        facts = json.loads(path.read_bytes())
        _ = facts["state"], float(facts["heartbeat"]), facts["pid"], facts["node"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return facts


def _state(facts: Mapping[str, Any], now: float) -> tuple[State, str | None]:
    if facts["state"] != "running":
        return facts["state"], facts.get("message")
    if facts["node"] == platform.node() and not _lives(facts["pid"]):
        return "stalled", f"process {facts['pid']} is gone: killed, or out of memory"
    if (silent := now - facts["heartbeat"]) > SILENT:
        return "stalled", f"no sign of life for {silent / 60:.0f} min: killed, or its node is lost"
    still = now - facts.get("progressed", now)
    if (rate := facts.get("rate")) and still > max(STUCK, STUCK_UNITS / rate):
        return "stalled", f"lives, but no {facts.get('unit', 'progress')} for {still / 60:.0f} min"
    return "running", None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
