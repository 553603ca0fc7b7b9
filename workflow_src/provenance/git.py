"""What the checkout says of its sources: commit, and whether and how files differ from it."""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

from workflow_src.provenance.fingerprint import ROOT

EVERYTHING_BUT_RESULTS = (".", ":!results")
# More names than this say no more; the hash covers all.
MOST_NAMES = 20


def read_git(root: Path = ROOT) -> dict[str, Any]:
    """Commit of the checkout, and how everything outside results/ differs from it; None where there is no git.

    Untracked files count unless git ignores them: a module that was never added is imported all the same.
    """
    commit = _git(root, "rev-parse", "HEAD")
    status = _git(root, "status", "--porcelain", "-z", "--untracked-files=all", "--", *EVERYTHING_BUT_RESULTS)
    if commit is None or status is None:
        return {"commit": None, "dirty": None, "diff_sha256": None, "changed": []}
    text = commit.decode().strip()
    if not status:
        return {"commit": text, "dirty": False, "diff_sha256": None, "changed": []}
    entries = [entry.decode(errors="replace") for entry in status.split(b"\0") if entry]
    untracked = sorted(entry[3:] for entry in entries if entry.startswith("?? "))
    # The old name of a renamed file stands in an entry of its own, without the two letters of a status.
    changed = [entry[3:] for entry in entries if entry[2:3] == " "]
    digest = hashlib.sha256(_git(root, "diff", "HEAD", "--binary", "--", *EVERYTHING_BUT_RESULTS) or b"")
    for name in untracked:
        digest.update(f"\0{name}\0".encode() + _content(root / name))
    return {"commit": text, "dirty": True, "diff_sha256": digest.hexdigest(), "changed": sorted(changed)[:MOST_NAMES]}


def last_commit(file: Path) -> str:
    """The commit that changed a file last, with `changed since` if the file differs from it; `unknown` without git."""
    folder, name = file.resolve().parent, file.name
    commit = _git(folder, "log", "-1", "--format=%H", "--", name)
    status = _git(folder, "status", "--porcelain", "--", name)
    if not commit or status is None:
        return "unknown"
    return commit.decode().strip() + (", changed since" if status else "")


def _content(path: Path) -> bytes:
    if path.is_symlink():
        return os.readlink(path).encode()
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b"unreadable"


def _git(root: Path, *arguments: str) -> bytes | None:
    # Status would otherwise write its index, and jobs that start together would wait for each other's lock.
    command = ["git", "--no-optional-locks", *arguments]
    try:
        return subprocess.run(command, cwd=root, capture_output=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return None
