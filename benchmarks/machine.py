"""The machine and the code of a record: hardware, versions, commit, load, and what the hardware can do at most."""

import contextlib
import hashlib
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

PRECISION = "highest"
ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("jax", "jaxlib", "equinox", "optax", "jaxtyping", "numpy")
SOURCES = ("benchmarks", "workflow_src/solvers", "workflow_src/models", "workflow_src/forcing.py")

# Float32 flop/s outside the tensor cores and byte/s of the memory, from the makers' data sheets.
DATASHEETS = {
    "H200": (67e12, 4.8e12),
    "H100 PCIe": (51e12, 2.0e12),
    "H100": (67e12, 3.35e12),
    "A100": (19.5e12, 2.0e12),
    "L40S": (91e12, 0.86e12),
    "V100": (15.7e12, 0.9e12),
    "T4": (8.1e12, 0.32e12),
}


def prepare() -> None:
    """Settings of every measurement: float32, full precision of products, nothing compiled before."""
    jax.config.update("jax_enable_x64", False)
    jax.config.update("jax_default_matmul_precision", PRECISION)
    jax.config.update("jax_enable_compilation_cache", False)


def on_cpu() -> contextlib.AbstractContextManager[Any]:
    """Compute on the CPU where JAX has it beside the device that is measured."""
    try:
        return jax.default_device(jax.devices("cpu")[0])
    except RuntimeError:
        return contextlib.nullcontext()


def facts(commit: str | None = None) -> dict[str, Any]:
    """Hardware, versions and code, for the record.

    Args:
        commit: of a checkout without git.
    """
    device = jax.devices()[0]
    return {
        "machine": {
            "platform": device.platform,
            "device": _cpu() if device.platform == "cpu" else device.device_kind,
            "device_memory_bytes": memory_limit(),
            "cpu": _cpu(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "system": platform.platform(),
            "backend": getattr(getattr(device, "client", None), "platform_version", None),
        },
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in PACKAGES},
        "environment": {
            name: value
            for name, value in sorted(os.environ.items())
            if name in ("XLA_FLAGS", "JAX_PLATFORMS", "OMP_NUM_THREADS") or name.startswith("XLA_PYTHON_CLIENT_")
        },
        **_git(commit),
        "code_sha256": _code(),
        "command": shlex.join(["python", "-m", _module(), *sys.argv[1:]]),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def load() -> float | None:
    """The load average of the last minute, where the system has one."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def memory_limit() -> int | None:
    """Bytes that a computation on the device can have."""
    device = jax.devices()[0]
    if device.platform != "cpu":
        return (device.memory_stats() or {}).get("bytes_limit")
    return host_memory()


def host_memory() -> int | None:
    """Bytes that are free on the machine; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    with contextlib.suppress(OSError, ValueError):
        free = min(free, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return free


def rates(size: int = 2048) -> dict[str, Any]:
    """Flop/s of a large float32 product and byte/s of a large copy, measured, and those of the data sheet if known."""
    with jax.enable_x64(False):
        a = jnp.asarray(np.random.default_rng(0).normal(size=(size, size)).astype(np.float32))
        long = jnp.zeros(16 * size**2, jnp.float32)
        product = jax.jit(lambda a: a @ a)
        copy = jax.jit(lambda long: long + 1)
        measured = 2 * size**3 / _best(product, a), 2 * long.nbytes / _best(copy, long)
    kind = jax.devices()[0].device_kind
    sheet = next((rate for name, rate in DATASHEETS.items() if all(word in kind for word in name.split())), None)
    return {
        "measured": {"flop_per_s": measured[0], "byte_per_s": measured[1]},
        "datasheet": None if sheet is None else {"flop_per_s": sheet[0], "byte_per_s": sheet[1]},
    }


def _best(function: Callable[..., Any], argument: Any) -> float:
    jax.block_until_ready(function(argument))
    seconds = []
    for _ in range(7):
        began = time.perf_counter()
        jax.block_until_ready(function(argument))
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _git(commit: str | None) -> dict[str, Any]:
    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=20)
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    apart = (f":!{folder}" for folder in ("benchmarks/records", "docs", "results"))
    status = git("status", "--porcelain", "--untracked-files=no", "--", ".", *apart)
    return {"commit": git("rev-parse", "HEAD") or commit, "dirty": None if status is None else bool(status)}


def _code() -> str:
    """Hash of the sources behind a measurement: says which code ran where there is no git."""
    digest = hashlib.sha256()
    for source in SOURCES:
        path = ROOT / source
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _module() -> str:
    return ".".join(Path(sys.argv[0]).with_suffix("").parts[-2:]) if sys.argv[0] else "benchmarks"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
