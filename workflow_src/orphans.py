"""Jobs that outlived the Snakemake which started them: those at Slurm, and what becomes of their results."""

import os
import re
import subprocess
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from workflow_src import logs

# Seconds between two looks at the queue, and until an answer is given up.
LOOK_EVERY = 30.0
PATIENCE = 120.0
FIELDS = "%i|%T|%E|%Z"


class Queued(NamedTuple):
    """A job at Slurm that has not ended.

    Attributes:
        follows: ids of the jobs for whose end it waits.
    """

    state: str
    follows: tuple[str, ...]


class Unforced(set[str]):
    """The files that a job makes whatever there is, without some that it takes as they are."""

    def __init__(self, spared: Iterable[str]) -> None:
        super().__init__()
        self.spared = frozenset(spared)

    def update(self, *files: Iterable[str]) -> None:
        super().update(file for some in files for file in some if str(file) not in self.spared)


def queue(folder: Path) -> dict[str, Queued] | None:
    """This user's jobs from a folder, by id; None if Slurm cannot be asked.

    Ids alone would not do: a cluster that is set up anew counts from one again.
    """
    lines = _ask("squeue", f"--user={os.getuid()}", "--noheader", f"--format={FIELDS}")
    if lines is None:
        return None
    found = {}
    for line in lines:
        one, state, after, place = line.split("|", 3)
        if os.path.realpath(place) == os.path.realpath(folder):
            found[one] = Queued(state, tuple(re.findall(r"afterany:(\d+)", after)))
    return found


def take_back(made: Mapping[str, str], folder: Path) -> dict[str, frozenset[str]]:
    """Cancel the jobs that still wait in the queue, and tell which run.

    A job that starts when another one has made its results would be in the way.

    Args:
        made: id of the job that was submitted for a result, by the result's path.
        folder: where they were submitted.
    Returns:
        Ids of running jobs by path of what they make.
    """
    jobs = queue(folder) if made else {}
    if jobs is None:
        logs.say("orphans: squeue does not answer; if jobs of a killed Snakemake still run, their second copies wait")
        return {}
    waiting = sorted({one for one in made.values() if one in jobs and jobs[one].state == "PENDING"})
    left = jobs
    if waiting:
        # Only such as have not started meanwhile.
        _ask("scancel", "--state=PENDING", *waiting)
        logs.say(f"cancelled: Slurm's {_named(waiting)}, which waited in the queue when Snakemake was killed")
        answer = queue(folder)
        if answer is None:
            logs.say(
                f"orphans: squeue no longer answers; second copies wait for the end of Slurm's {_named(waiting)} too"
            )
        else:
            left = answer
    # A second copy that waited for the first one has taken its place in Snakemake's memory.
    first = {path: (one, *jobs[one].follows) for path, one in made.items() if one in jobs}
    running = {path: frozenset(one for one in ids if one in left) for path, ids in first.items()}
    return {path: ids for path, ids in running.items() if ids}


def wait(ids: Collection[str], folder: Path) -> None:
    """Wait until Slurm says that none of these jobs is left."""
    if not ids:
        return
    logs.say(
        f"waiting: Slurm's {_named(ids)}, of a Snakemake that was killed, still at work for this call; "
        "Ctrl-C ends the wait, scancel the work, which is then gone on with here"
    )
    while left_of(ids, folder):
        time.sleep(LOOK_EVERY)


def left_of(ids: Iterable[str], folder: Path) -> list[str]:
    """Those of some jobs that have not ended; all of them where Slurm does not say."""
    ids = sorted(ids)
    jobs = queue(folder) if ids else {}
    if jobs is None:
        logs.say(f"orphans: squeue does not answer; Slurm's {_named(ids)} may have ended, and count as running")
        return ids
    return [one for one in ids if one in jobs]


def _named(ids: Collection[str]) -> str:
    return f"{'job' if len(ids) == 1 else 'jobs'} {', '.join(sorted(ids))}"


def _ask(*command: str) -> list[str] | None:
    """The lines of an answer."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return None
    return run.stdout.splitlines()
