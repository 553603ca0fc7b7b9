"""Who else runs in a folder: each run leaves a note of its process, renewed while it lives and removed at its end.

A run that was killed cannot remove its note; the next one finds it, and thereby knows that whatever else the killed one
left is nobody's.
"""

import atexit
import secrets
from pathlib import Path
from typing import NamedTuple

from workflow_src import lock
from workflow_src.processes import Process


class Others(NamedTuple):
    """Other runs in a folder: those that live, and those that were killed."""

    alive: list[Process | None]
    gone: list[Process | None]


def announce(folder: Path) -> Others:
    """Leave a note of this process until it ends, and say who else did.

    The notes of those that are gone are removed, but only where nobody else lives: as long as somebody does, nothing is
    done about what the others left.

    Raises:
        UserError: the folder cannot be written.
    """
    mine = lock.Lock(folder, folder / f"run.{secrets.token_hex(8)}.note")
    mine.__enter__()
    atexit.register(mine.__exit__, None, None, None)
    others = Others([], [])
    dead = []
    for path in folder.glob("run.*.note"):
        seen = lock.look(path)
        if seen is None or path == mine.path:
            continue
        if mine.is_held(seen):
            others.alive.append(seen.holder)
        else:
            others.gone.append(seen.holder)
            dead.append(path)
    if not others.alive:
        for path in dead:
            path.unlink(missing_ok=True)
    return others
