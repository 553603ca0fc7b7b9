"""The attempts at a job: a hidden file beside its first output, from the start of the first to the end of the last.

A job that is killed cannot say so. Each attempt therefore writes itself down when it starts, and how it ended when it
does; one without an end was killed.
"""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflow_src.errors import UserError
from workflow_src.files import remove, write_atomically

KILLED = "killed"


def file_of(output: Path) -> Path:
    """Where the attempts at this output are kept until one succeeds."""
    return output.with_name(f".{output.name}.attempts.json")


def begin(output: Path, identity: Mapping[str, str], attempt: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Write down that an attempt starts.

    Args:
        identity: specification and code; attempts at another job under the same name do not count.
        attempt: when it starts, where, and under which id of the scheduler.
    Returns:
        All attempts, this one last.
    """
    earlier = [one | {"outcome": one["outcome"] or KILLED} for one in _earlier(file_of(output), identity)]
    attempts = [*earlier, {**attempt, "ended": None, "outcome": None}]
    _write(file_of(output), identity, attempts)
    return attempts


def fail(output: Path, identity: Mapping[str, str], attempts: list[dict[str, Any]], ended: str, outcome: str) -> None:
    """Write down how the last attempt failed."""
    _write(file_of(output), identity, [*attempts[:-1], attempts[-1] | {"ended": ended, "outcome": outcome}])


def forget(output: Path) -> None:
    """Remove the file: the record of the result has the attempts from now on."""
    with contextlib.suppress(OSError):
        remove(file_of(output))


def _earlier(path: Path, identity: Mapping[str, str]) -> list[dict[str, Any]]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return kept["attempts"] if kept["identity"] == dict(identity) else []
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _write(path: Path, identity: Mapping[str, str], attempts: list[dict[str, Any]]) -> None:
    # A result must not fail for want of this file.
    text = json.dumps({"identity": dict(identity), "attempts": attempts})
    with contextlib.suppress(UserError):
        write_atomically(path, lambda beside: beside.write_text(text, encoding="utf-8"))
