"""Where messages and progress go: standard error, which the rules send to each job's log file."""

import sys
import time


def say(message: str) -> None:
    """One line for the job's log."""
    print(message, file=sys.stderr, flush=True)


class Progress:
    """A line with rate and remaining time, at most every `interval` seconds."""

    def __init__(self, total: int, done: int, interval: float = 5.0) -> None:
        self.total = total
        self.first = done
        self.started = time.monotonic()
        self.interval = interval
        self.spoken = self.started

    def report(self, done: int, facts: str) -> None:
        """Say how far it is, if the last line is old enough or all is done."""
        now = time.monotonic()
        if now - self.spoken < self.interval and done < self.total:
            return
        self.spoken = now
        rate = (done - self.first) / max(now - self.started, 1e-9)
        left = (self.total - done) / rate if rate > 0 else float("inf")
        say(f"update {done}/{self.total}  {facts}  {rate:.3g} updates/s  {left:.0f} s left")
