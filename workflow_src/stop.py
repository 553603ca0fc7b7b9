"""Requests to stop: by a scheduler that preempts a job or sees its time limit come, or by a user.

A job ends at once, with its temporary files removed; where that would lose work, it postpones the end to a moment when
nothing is lost. The exit status is 128 + signal, so that whoever started the job sees that it is not done.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from workflow_src import logs

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGHUP)

_postponed = False
_asked: signal.Signals | None = None


class Stopped(SystemExit):
    """The process was asked to stop."""

    def __init__(self, by: signal.Signals) -> None:
        super().__init__(128 + by)
        self.signal = by.name


def obey() -> None:
    """Raise `Stopped` at these signals from now on, but for those that are ignored, as by nohup."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, _receive)


@contextlib.contextmanager
def postponed() -> Iterator[Callable[[], signal.Signals | None]]:
    """Let a block run to its end, or to where it asks for the signal that came meanwhile.

    A compiled call cannot be interrupted: ask between calls. A second SIGINT, of an impatient user, ends the block.
    """
    global _postponed, _asked
    _postponed, _asked = True, None
    try:
        yield lambda: _asked
    finally:
        _postponed, _asked = False, None


def heed() -> None:
    """End here if a signal has been postponed, for waits inside such a block.

    Raises:
        Stopped: there is one.
    """
    if _asked is not None:
        raise Stopped(_asked)


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt in a block, whatever the program around it makes of that signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _receive(number: int, frame: FrameType | None) -> None:
    global _asked
    by = signal.Signals(number)
    if not _postponed or (by is signal.SIGINT and _asked is signal.SIGINT):
        raise Stopped(by)
    first, _asked = _asked is None, by
    if first:
        logs.say(f"{by.name}: stopping after the current update")
