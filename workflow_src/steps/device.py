"""Where and how precisely a step computes; set before JAX starts its backend."""

import os
from typing import Any

import jax

from workflow_src.errors import UserError
from workflow_src.steps import compiled

# Of a GPU's memory, for all jobs on it together: the rest is for what CUDA itself takes, some 500 MiB per process.
MEMORY_FRACTION = 0.9
# The variable of that part, and its former name.
FRACTIONS = ("XLA_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_MEM_FRACTION")
# Jobs that share a GPU; set by the workflow from the preset.
PACKS_PER_GPU = "GTF_DEER_PACKS_PER_GPU"


def numerics() -> dict[str, Any]:
    """What a record says of the device and of how numbers are made on it; after `prepare`."""
    devices = jax.devices()
    setting: dict[str, Any] = {
        name: getattr(jax.config, f"jax_{name}")
        for name in ("default_prng_impl", "threefry_partitionable", "enable_x64", "default_matmul_precision")
    }
    return {
        "device": f"{devices[0].platform}: {devices[0].device_kind}",
        "numerics": {
            "devices": len(devices),
            "backend": str(devices[0].client.platform_version),
            "random_numbers": f"jax {setting['default_prng_impl']}",
            "threefry_partitionable": bool(setting["threefry_partitionable"]),
            "precision": "float64" if setting["enable_x64"] else "float32",
            "matmul_precision": str(setting["default_matmul_precision"]),
        },
    }


def prepare(
    compute: str, precision: str, *, keep_compiled: bool = True, deterministic: bool = False, alone: bool = False
) -> str:
    """Choose the device and the precision.

    Args:
        compute: "cpu" or "cuda"; without that device the step fails instead of computing elsewhere.
        precision: "float32" or "float64". Matrix products always run at full precision: tensor-float products stall the
            Newton iterations above their tolerance.
        keep_compiled: whether programs that an earlier job compiled may be used; not where compiling is timed.
        deterministic: whether a GPU must sum in a fixed order; a CPU does anyway.
        alone: whether no other job is on the GPU, even where some share it.
    Returns:
        The device in words, for the record.
    """
    if compute == "cpu" and os.environ.get("OMP_NUM_THREADS") == "1":
        # A job that was given one thread: jobs beside it use the other cores, and small products gain nothing from
        # more. What LLVM finds beyond its first level takes longer to find than it saves, and the older generator of
        # fused loops compiles in half the time into code as fast.
        flags = (
            "--xla_cpu_multi_thread_eigen=false --xla_backend_optimization_level=1 --xla_cpu_use_fusion_emitters=false"
        )
        os.environ["XLA_FLAGS"] = f"{flags} {os.environ.get('XLA_FLAGS', '')}".strip()
    if compute == "cuda":
        _settle_gpu(deterministic, alone)
    # No other device is started: a job for the CPU takes nothing of a GPU that a scheduler gave it.
    jax.config.update("jax_platforms", compute)
    jax.config.update("jax_enable_x64", precision == "float64")
    jax.config.update("jax_default_matmul_precision", "highest")
    if keep_compiled:
        compiled.keep()
    try:
        device = jax.devices()[0]
    except (RuntimeError, AssertionError) as error:  # AssertionError: JAX was installed without that device's plugin
        reason = next(iter(str(error).splitlines()), "this JAX knows no such device")
        raise UserError(
            f"compute: '{compute}' has no device here ({reason}); set compute: cpu or use a GPU node"
        ) from None
    return f"{device.platform}: {device.device_kind}"


def _settle_gpu(deterministic: bool, alone: bool) -> None:
    """How much of the GPU's memory a job takes, and whether its sums have a fixed order; what a user has set stays."""
    share = MEMORY_FRACTION / (1 if alone else int(os.environ.get(PACKS_PER_GPU) or 1))
    # With both, JAX fails.
    if not any(os.environ.get(name) for name in FRACTIONS):
        os.environ[FRACTIONS[0]] = f"{share:.3f}"
    flags = os.environ.get("XLA_FLAGS", "")
    if deterministic and "xla_gpu_deterministic_ops" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()
