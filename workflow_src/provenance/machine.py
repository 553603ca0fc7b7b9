"""Where a job runs: processor, driver, packages, settings of the environment, the scheduler's name for the job."""

import hashlib
import os
import platform
import resource
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from workflow_src.processes import scheduler_job

NVIDIA = Path("/proc/driver/nvidia/version")
# Settings that change numbers or speed; nothing that may hold a secret.
PREFIXES = ("JAX_", "XLA_", "OMP_", "OPENBLAS_", "MKL_", "NVIDIA_TF32")
NAMES = ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_JOB_PARTITION")


def place() -> dict[str, Any]:
    """The machine and its settings."""
    return {
        "host": platform.node(),
        "platform": platform.platform(),
        "cpu": cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "gpu_driver": gpu_driver(),
        "scheduler_job": scheduler_job(),
        "environment": {k: os.environ[k] for k in sorted(os.environ) if k.startswith(PREFIXES) or k in NAMES},
    }


def software() -> dict[str, Any]:
    """Python, every installed package, and the lock file that the environment was installed from."""
    return {
        "python": platform.python_version(),
        "packages": dict(sorted((d.name, d.version) for d in metadata.distributions())),
        "lock": lock(),
    }


def lock(prefix: Path = Path(sys.prefix)) -> dict[str, str] | None:
    """Name and SHA-256 of the lock that the installation left in its environment; None where it left none."""
    # uv leaves a hidden one of its own.
    locks = sorted(path for path in prefix.glob("*.lock") if not path.name.startswith("."))
    if not locks:
        return None
    return {"name": f"envs/{locks[0].stem}.txt", "sha256": hashlib.sha256(locks[0].read_bytes()).hexdigest()}


def cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def gpu_driver() -> str | None:
    """First line of what the NVIDIA driver says of itself; None where there is none."""
    try:
        return NVIDIA.read_text().splitlines()[0].removeprefix("NVRM version:").strip()
    except (OSError, IndexError):
        return None


def usage() -> dict[str, float]:
    """Processor time and largest resident size of this process so far; the system counts the latter in KiB, that of
    Apple in bytes."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return {
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
        "peak_memory_mib": round(used.ru_maxrss / unit, 1),
    }
