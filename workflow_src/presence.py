"""Who else runs in a folder: each run leaves a note of its process, renewed while it lives and removed at its end.

A run that was killed cannot remove its note; the next one finds it, and thereby knows that whatever else the killed one
left is nobody's.
"""

import atexit
import secrets
import time
from pathlib import Path

from workflow_src import lock, logs, processes
from workflow_src.errors import UserError
from workflow_src.processes import Process


def announce(folder: Path, kind: str) -> list[Process | None]:
    """Leave a note of this process until it ends, and say whose notes the killed ones left; then remove theirs.

    Of a process elsewhere it may take three minutes to tell whether it lives.

    Args:
        folder: of the notes.
        kind: what runs. All kinds exclude each other, but what a killed one left is for a run of its own kind.
    Raises:
        UserError: another run lives, or the folder cannot be written.
    """
    mine = lock.Lock(folder, folder / f"run.{kind}.{secrets.token_hex(8)}.note")
    mine.__enter__()
    atexit.register(mine.__exit__, None, None, None)
    dead: dict[Path, Process | None] = {}
    for path in sorted(folder.glob("run.*.note")):
        seen = lock.look(path)
        if seen is None or path == mine.path:
            continue
        if _lives(path, mine):
            raise UserError(
                f"{folder}: {_name(seen)} runs in this folder; wait for its end, or stop it (Ctrl-C), "
                "or work in another clone"
            )
        if path.exists() and path.name.startswith(f"run.{kind}."):
            dead[path] = seen.holder
    for path in dead:
        path.unlink(missing_ok=True)
    return list(dead.values())


def _lives(path: Path, mine: lock.Lock) -> bool:
    """Whether the run of a note lives; of one elsewhere a sign of life is waited for."""
    first = lock.look(path)
    spoken = False
    while (seen := lock.look(path)) and first and mine.is_held(seen):
        here = seen.holder and processes.is_alive(seen.holder, mine.me)
        if here or seen.stamp != first.stamp:
            return True
        if not spoken:
            spoken = True
            logs.say(
                f"{_name(seen)} was at work here and may have been killed; waiting for a sign of life, "
                f"{lock.GONE_AFTER:.0f} s at most"
            )
        time.sleep(lock.LOOK_EVERY)
    return False


def _name(seen: lock.Seen) -> str:
    return f"another run, {seen.holder}," if seen.holder else "another run"
