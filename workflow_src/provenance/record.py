"""The record of one job: what ran, on what, with what, when, and how it ended."""

import contextlib
import hashlib
import json
import os
import platform
import resource
import shlex
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from workflow_src.provenance.fingerprint import ROOT, fingerprint

SCHEMA = 1


class Record(MutableMapping[str, Any]):
    """The facts of a job. Its wall time and peak memory are those at the moment of reading.

    A result is saved while its job still runs: each file states the time and memory that it took to come about.
    """

    def __init__(self, facts: Mapping[str, Any], began: float) -> None:
        self.facts = dict(facts)
        self.began = began

    def now(self) -> dict[str, Any]:
        """All facts as they stand."""
        return self.facts | {
            "wall_seconds": round(time.monotonic() - self.began, 3),
            "peak_memory_mib": round(_peak_memory(), 1),
        }

    def __getitem__(self, key: str) -> Any:
        return self.now()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.facts[key] = value

    def __delitem__(self, key: str) -> None:
        del self.facts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.now())

    def __len__(self) -> int:
        return len(self.now())


@contextlib.contextmanager
def record(step: str, args: Namespace) -> Iterator[Record]:
    """Collect the facts of a job while it runs; pass the record to whatever saves its results.

    Args:
        step: the step's name, which is also its module under workflow_src.steps.
        args: its parsed arguments: paths of existing files are taken as inputs, settings as the specification.
    """
    began = time.monotonic()
    spec = {k: v.model_dump(mode="json") for k, v in vars(args).items() if isinstance(v, BaseModel)}
    facts = {
        "schema": SCHEMA,
        "step": step,
        "command": shlex.join([f"python -m workflow_src.steps.{step}", *sys.argv[1:]]).replace("'", "", 2),
        "spec": spec,
        "spec_sha256": hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest(),
        "code_fingerprint": fingerprint(f"workflow_src.steps.{step}"),
        "inputs": [{"path": str(p), "sha256": sha256_of(p)} for p in _paths(args) if p.is_file()],
        **read_git(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "packages": dict(sorted((d.name, d.version) for d in metadata.distributions())),
        "environment": {k: os.environ[k] for k in ("XLA_FLAGS", "JAX_PLATFORMS", "SLURM_JOB_ID") if k in os.environ},
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    yield Record(facts, began)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_git() -> dict[str, Any]:
    """Commit of the checkout, and whether tracked files outside results/ differ from it; None where there is no git."""
    commit = _git("rev-parse", "HEAD")
    status = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!results")
    return {"commit": commit, "dirty": None if status is None else bool(status)}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _paths(args: Namespace) -> Iterator[Path]:
    for value in vars(args).values():
        if isinstance(value, Path):
            yield value
        elif isinstance(value, dict | list | tuple):
            items = value.values() if isinstance(value, dict) else value
            yield from (item for item in items if isinstance(item, Path))


def _peak_memory() -> float:
    """Largest resident size of this process so far, in MiB; the system counts in KiB, that of Apple in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
