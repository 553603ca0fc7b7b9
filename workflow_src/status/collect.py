"""The states of all jobs of a preset, from the status files that they leave beside their logs.

Clocks of machines differ. When a job was last heard of is told by the modification time of its file, and compared with
that of a new file in the same folder: both are by the clock of the file system. What a job says of times is compared
with what it says of other times.
"""

import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from workflow_src.status.live import ENDING, INTERVAL

State = Literal["running", "stalled", "failed", "stopped", "finished"]

# Without a sign of life for so many seconds a job is given up; disks may be slow.
SILENT = 12 * INTERVAL
# A job that lives but gets no further: after so many seconds, and at least the time of so many units.
STUCK, STUCK_UNITS = 1800.0, 500
# What a second copy of a job says in the log that both share.
WAITS = "waiting for its end"


class JobState(NamedTuple):
    """One job, as its status file tells.

    Attributes:
        job: its first output below the preset's folder of results, without its ending.
        facts: all that the file says.
        since: when it was last heard of, in seconds since 1970 by the clock of the file system.
        why: what is the matter, for a job that is neither running nor finished.
        copy_waits: whether a second copy of it waits for its end.
    """

    job: str
    state: State
    facts: Mapping[str, Any]
    log: Path
    since: float
    why: str | None
    copy_waits: bool

    @property
    def ran(self) -> float:
        """Seconds from its start until it was last heard of."""
        return self.facts["heartbeat"] - self.facts["started"]


def clock(folder: Path) -> float:
    """Seconds since 1970 by the clock that stamps files in a folder; by this machine's where none can be written."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()


def collect(results: Path, now: float | None = None) -> list[JobState]:
    """All jobs of a preset that have a status, the last to be heard of first.

    Args:
        results: the preset's folder of results.
        now: in seconds since 1970, by the clock of the file system.
    """
    now = clock(results / "logs") if now is None else now
    found = []
    for path in sorted((results / "logs").rglob(f"*{ENDING}")):
        if (read := _read(path)) is not None:
            facts, since = read
            state, why = _state(facts, now - since)
            job = path.relative_to(results / "logs").as_posix().removesuffix(ENDING)
            log = path.with_name(path.name.removesuffix(ENDING) + ".log")
            waits = state == "running" and any(WAITS in line for line in _tail(log))
            found.append(JobState(job, state, facts, log, since, why, waits))
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


def _read(path: Path) -> tuple[dict[str, Any], float] | None:
    """What a status file says, and its modification time: of the open file, as caches of network disks are old."""
    try:
        with path.open("rb") as file:
            facts, since = json.load(file), os.fstat(file.fileno()).st_mtime
        _ = facts["state"], facts["pid"], facts["node"], facts["heartbeat"] - facts["started"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return facts, since


def _state(facts: Mapping[str, Any], silent: float) -> tuple[State, str | None]:
    if facts["state"] != "running":
        return facts["state"], facts.get("message")
    if facts["node"] == platform.node() and not _lives(facts["pid"]):
        return "stalled", f"process {facts['pid']} is gone: killed, or out of memory"
    if silent > SILENT:
        return "stalled", f"no sign of life for {silent / 60:.0f} min: killed, or its node is lost"
    still = silent + facts["heartbeat"] - facts.get("progressed", facts["heartbeat"])
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
