"""Settings of every test: CPU, float64, strict shapes, one thread per process, no display."""

import os
import tempfile

# Before the first import of JAX, NumPy and matplotlib; jobs that a test starts inherit them.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Tests compile much and compute little. Without the newer code generator for fusions, and with one module per program,
# compilation takes about a fifth of the time.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_cpu_multi_thread_eigen=false --xla_backend_optimization_level=0"
    " --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1",
)

os.environ.setdefault("GTF_DEER_CACHE", tempfile.mkdtemp(prefix="gtf-deer-"))

import jax
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked `gpu` where JAX runs on something else."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked and jax.default_backend() != "gpu":
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no GPU; JAX_PLATFORMS=cuda runs it"))
