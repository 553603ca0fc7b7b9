"""Reading netCDF files that nothing vouches for, in a process of its own.

The HDF5 library may crash, or never end, on a file of which a few bytes were changed; an audit must not. The process is
started when it is first needed, answers one line of JSON per path, and is started anew after a crash.
"""

import atexit
import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

from workflow_src.errors import UserError
from workflow_src.provenance import carriers
from workflow_src.provenance.carriers import Damaged
from workflow_src.provenance.fingerprint import ROOT

# Seconds after which reading one file counts as endless.
PATIENCE = 120.0

_child: subprocess.Popen[bytes] | None = None


def read(path: Path) -> tuple[dict[str, Any] | None, str | None, str]:
    """Record, stated content hash, and the hash of the content of a netCDF file.

    Raises:
        Damaged: the file is not readable, its record is none, or the library does not survive it.
    """
    child = _started()
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps(str(path.absolute())).encode() + b"\n")
    child.stdin.flush()
    answers = select.select([child.stdout], [], [], PATIENCE)[0]
    answer = child.stdout.readline() if answers else b""
    if not answer.endswith(b"\n"):
        _stop()
        how = "crashes" if answers else "never ends in"
        raise Damaged(f"it is no sound netCDF file (reading it {how} the netCDF library)")
    found = json.loads(answer)
    if isinstance(found, str):
        raise Damaged(found)
    return found["record"], found["stated"], found["content"]


def look(path: Path) -> tuple[dict[str, Any] | None, str | None, str]:
    """The same in this process, for a file whose bytes are known to be those that were written."""
    record, stated = carriers.read(path)
    # xarray takes longer to import than most audits take.
    from workflow_src import store

    try:
        return record, stated, store.content_hash(store.load(path))
    except (UserError, KeyError, ValueError, TypeError) as error:
        reason = str(error).partition("(")[2].rpartition(")")[0] or "its variables cannot be read"
        raise Damaged(reason.splitlines()[0]) from None


def _started() -> subprocess.Popen[bytes]:
    global _child
    if _child is None or _child.poll() is not None:
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        command = [sys.executable, "-m", "workflow_src.audit.probe"]
        environment = os.environ | {"PYTHONPATH": path}
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        _child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=null, env=environment)
    return _child


@atexit.register
def _stop() -> None:
    global _child
    if _child is not None:
        _child.kill()
        _child.communicate()
        _child = None


def _answer(path: Path) -> dict[str, Any] | str:
    try:
        record, stated, content = look(path)
    except Damaged as error:
        return str(error)
    except Exception as error:  # Whatever a damaged file provokes is a damage of the file.
        return f"it is no sound netCDF file ({type(error).__name__})"
    return {"record": record, "stated": stated, "content": content}


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        print(json.dumps(_answer(Path(json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
