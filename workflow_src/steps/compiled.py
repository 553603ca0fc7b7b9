"""Compiled programs, kept from job to job.

JAX writes an entry of its cache in place and never again: a job that is killed on the way would leave half of it, and
one that reads at that moment would get it. Each job therefore has a folder of its own with links to all that there is,
and adds what it compiled when it ends; an entry appears whole or not at all.
"""

import atexit
import contextlib
import hashlib
import os
import platform
import shutil
import tempfile
import time
from pathlib import Path

import jax

from workflow_src import logs

# Shorter compilations are not worth a file, in seconds.
WORTH_KEEPING = 0.2
# Oldest entries go first where a machine has more, in bytes.
MOST_BYTES = 2 * 2**30
# Folders of killed jobs are removed after two days.
FORGOTTEN_AFTER = 2 * 86400


def root() -> Path:
    """Where compiled programs of this kind of machine lie; $GTF_DEER_CACHE moves it."""
    base = os.environ.get("GTF_DEER_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "gtf-deer"
    return Path(base).expanduser() / machine()


def machine() -> str:
    """A name that differs where compiled code may not run: programs are compiled for all that the processor can do."""
    with contextlib.suppress(OSError):
        flags = [
            line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith(("flags", "Features"))
        ]
        return hashlib.sha256("".join(flags[:1]).encode()).hexdigest()[:12]
    return f"{platform.machine()}-{platform.node()}"


def keep() -> None:
    """Use programs that earlier jobs compiled, and keep those that this one compiles; without a folder, do without."""
    shared = root()
    try:
        shared.mkdir(parents=True, exist_ok=True)
        _tidy(shared)
        own = Path(tempfile.mkdtemp(prefix="job-", dir=shared))
        for entry in _entries(shared):
            with contextlib.suppress(FileNotFoundError):
                os.link(entry, own / entry.name)
    except OSError as error:
        logs.say(f"compiled programs are not kept: {error}")
        return
    jax.config.update("jax_compilation_cache_dir", str(own))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", WORTH_KEEPING)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    # XLA's own caches would put the folder's name into the key of every entry.
    jax.config.update("jax_persistent_cache_enable_xla_caches", "none")
    atexit.register(_publish, own, shared)


def _publish(own: Path, shared: Path) -> None:
    with contextlib.suppress(OSError):
        for entry in _entries(own):
            with contextlib.suppress(FileExistsError):
                os.link(entry, shared / entry.name)
    shutil.rmtree(own, ignore_errors=True)


def _entries(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()]


def _tidy(shared: Path) -> None:
    """Drop the oldest entries beyond the limit, and folders that killed jobs left."""
    now = time.time()
    for folder in shared.glob("job-*"):
        with contextlib.suppress(OSError):
            if now - folder.stat().st_mtime > FORGOTTEN_AFTER:
                shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        entries = sorted(((path.stat().st_mtime, path.stat().st_size, path) for path in _entries(shared)), reverse=True)
        total = 0
        for _, size, path in entries:
            total += size
            if total > MOST_BYTES:
                path.unlink(missing_ok=True)
