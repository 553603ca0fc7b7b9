"""One writer per result: a lock file beside it, which works across machines that share a file system.

After a SIGKILL of Snakemake its jobs run on, and the same command typed again starts second copies of them. The lock
names its holder. A holder on this machine is looked up; of one elsewhere the lock's modification time tells, which the
holder renews. The lock of a holder that is gone is taken over. Whoever was taken for gone and was not, because it was
suspended, finds that it lost the lock before it writes anything, even when the other one has ended meanwhile.

Advisory locks of the operating system (flock, fcntl) would not do: not all file systems of clusters share them between
machines.
"""

import contextlib
import errno
import glob
import json
import os
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from workflow_src import logs, processes, stop
from workflow_src.errors import UserError, cannot_write
from workflow_src.processes import Process

# Seconds between two signs of life. File systems of clusters may show them to others a minute late.
HEARTBEAT = 15.0
GONE_AFTER = 180.0
# Seconds between two looks at another's lock, and between two lines about it.
LOOK_EVERY = 2.0
SPEAK_EVERY = 600.0

# Errors of file systems without hard links.
WITHOUT_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)

_held: dict[Path, "Lock"] = {}


class Seen(NamedTuple):
    """A lock as found: its holder, None if it cannot be read, and its modification time."""

    holder: Process | None
    stamp: float


def file_of(output: Path) -> Path:
    """The lock beside an output."""
    return output.with_name(f".{output.name}.lock")


class Lock:
    """The lock of a result, held between entry and exit of a `with` block; entered again inside, it is the same.

    Args:
        output: the result.
        path: of the lock, where it does not lie beside the result under its name.
    Attributes:
        waited: whether another process held it when it was first asked for.
    """

    def __init__(self, output: Path, path: Path | None = None) -> None:
        self.output = output
        self.path = path or file_of(output)
        self.me = processes.this()
        self.waited = False
        self.depth = 0
        self.ended = threading.Event()

    def __enter__(self) -> "Lock":
        if self.depth == 0:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._acquire()
                self._sweep()
            except OSError as error:
                raise cannot_write(self.output, error) from None
            _held[self.path] = self
            threading.Thread(target=self._beat, daemon=True).start()
        self.depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.depth -= 1
        if self.depth == 0:
            self.ended.set()
            del _held[self.path]
            with contextlib.suppress(OSError):
                if self.is_mine():
                    self.path.unlink(missing_ok=True)

    def is_mine(self) -> bool:
        """Whether this process holds the lock. A missing one is lost: the next holder may have come and gone."""
        return self._names_me(look(self.path))

    def loss(self) -> UserError:
        """What to tell where this process does not hold it any more."""
        return UserError(
            f"{self.output}: this process has lost its lock: it gave no sign of life for {GONE_AFTER:.0f} s and "
            "another one has taken over, or the lock was deleted; nothing more is written here"
        )

    def is_held(self, seen: Seen) -> bool:
        """Whether the holder of some lock in this folder still runs, as far as can be told."""
        alive = processes.is_alive(seen.holder, self.me) if seen.holder else None
        return alive if alive is not None else clock_of(self.path.parent) - seen.stamp < GONE_AFTER

    def _names_me(self, seen: Seen | None) -> bool:
        return seen is not None and seen.holder is not None and seen.holder.token == self.me.token

    def _acquire(self) -> None:
        spoken = -float("inf")
        while True:
            seen = look(self.path)
            if seen is None:
                if self._try(self.path):
                    return
            elif self._names_me(seen):
                # Another heir put this one's claim in place: see _succeed.
                return
            elif not self.is_held(seen):
                if self._succeed(seen):
                    return
            else:
                self.waited = True
                if time.monotonic() - spoken >= SPEAK_EVERY:
                    spoken = time.monotonic()
                    logs.say(f"{self.output}: {seen.holder or 'another process'} is making it; waiting for its end")
            time.sleep(LOOK_EVERY)

    def _succeed(self, seen: Seen) -> bool:
        """Replace the lock of a holder that is gone; of several that try, one succeeds."""
        heir = self.path.with_name(f"{self.path.name}.{seen.holder.token if seen.holder else 'unreadable'}")
        if not self._try(heir):
            other = look(heir)
            if other is not None and not self.is_held(other):
                heir.unlink(missing_ok=True)
            return False
        now = look(self.path)
        if now is None or now.holder != seen.holder or self.is_held(now):
            heir.unlink(missing_ok=True)
            return False
        # Whoever was suspended just here finds its claim gone, or that of another heir in its place.
        with contextlib.suppress(FileNotFoundError):
            heir.replace(self.path)
        if not self.is_mine():
            return False
        logs.say(f"{self.output}: {seen.holder or 'the process'} that was making it is gone; taking over")
        return True

    def _try(self, path: Path) -> bool:
        """Create a lock file with its content, unless there is one: the one step that no two processes can both do."""
        content = json.dumps(self.me._asdict())
        beside = self.path.with_name(f"{self.path.name}.{self.me.token}.part")
        try:
            beside.write_text(content, encoding="utf-8")
            os.link(beside, path)
            return True
        except FileExistsError:
            # A network file system may have done it and forgotten that it did.
            return beside.stat().st_nlink == 2
        except OSError as error:
            if error.errno not in WITHOUT_LINKS:
                raise
        finally:
            beside.unlink(missing_ok=True)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(content)
        except FileExistsError:
            return False
        return True

    def _sweep(self) -> None:
        """Remove what processes that are gone left on their way to the lock."""
        for path in self.path.parent.glob(f"{glob.escape(self.path.name)}.*"):
            seen = look(path)
            if seen is not None and not self.is_held(seen):
                path.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self.ended.wait(HEARTBEAT):
            with contextlib.suppress(OSError):
                if self.is_mine():
                    os.utime(self.path)


def held(output: Path) -> Lock:
    """The lock of an output, for a `with` block: waits until no other process makes that output.

    Raises:
        UserError: on entry, if the folder cannot be written.
    """
    return _held.get(file_of(output)) or Lock(output)


def wait(output: Path) -> None:
    """Wait until no other process makes an output; the lock is left to whoever comes next.

    Raises:
        Stopped: the process is asked to stop, be that postponed or not.
    """
    mine = Lock(output)
    spoken = False
    while (seen := look(mine.path)) and mine.is_held(seen):
        if not spoken:
            spoken = True
            logs.say(f"{output}: {seen.holder or 'another process'} is making it; waiting for its end")
        stop.heed()
        time.sleep(LOOK_EVERY)


def confirm() -> None:
    """Make sure that all locks of this process are still its own; asked before anything is written.

    Raises:
        UserError: another process took this one for gone.
    """
    for one in list(_held.values()):
        if not one.is_mine():
            raise one.loss()


def look(path: Path) -> Seen | None:
    """A lock file, if there is one."""
    try:
        with path.open(encoding="utf-8") as file:
            text, stamp = file.read(), os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return None
    try:
        holder = processes.parse(json.loads(text))
    except (ValueError, KeyError, TypeError):
        holder = None
    return Seen(holder, stamp)


def clock_of(folder: Path) -> float:
    """The time by the clock that stamps files in a folder, which need not be this machine's."""
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_mtime
