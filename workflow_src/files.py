"""Files that appear whole or not at all."""

import errno
import glob
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from workflow_src import lock
from workflow_src.errors import UserError, cannot_write

_UNFINISHED = ".part"


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside the target, sync it to disk, then rename it onto the target.

    Every call has a file of its own, so that two processes never fill the same one. What an earlier attempt left when
    it was killed goes first; an attempt that still runs then fails instead of overwriting this one's result.

    Raises:
        UserError: no space, no right, or another process has taken over this one's lock. What was there is whole.
    """
    beside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whoever has taken over may be writing this very file.
        lock.confirm()
        _clear_unfinished(path)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_UNFINISHED, dir=path.parent)
        os.close(handle)
        beside = Path(name)
        write(beside)
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.chmod(0o666 & ~_umask())
        lock.confirm()
        beside.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        if beside is not None:
            beside.unlink(missing_ok=True)


def refusal(folder: Path) -> UserError | None:
    """Why nothing can be written below a folder, which need not be there yet; None if something can."""
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if os.access(there, os.W_OK | os.X_OK):
        return None
    number = errno.EROFS if os.statvfs(there).f_flag & os.ST_RDONLY else errno.EACCES
    return cannot_write(folder, OSError(number, os.strerror(number)))


def shortage(path: Path) -> UserError | None:
    """Why not even a small file can be written where this one is; None if one can."""
    try:
        with tempfile.TemporaryFile(dir=path.parent) as file:
            file.write(bytes(2**20))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return cannot_write(path, error)
    return None


def remove(path: Path) -> None:
    """Delete a file, if it is there, and what killed attempts to write it have left."""
    path.unlink(missing_ok=True)
    _clear_unfinished(path)


def _clear_unfinished(path: Path) -> None:
    # mkstemp puts eight characters between the two ends; another target's files do not fit.
    for stale in path.parent.glob(f".{glob.escape(path.name)}.{'?' * 8}{_UNFINISHED}"):
        stale.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
