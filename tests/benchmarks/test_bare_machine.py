"""The benchmarks for GPUs run where JAX, Equinox, Optax, jaxtyping, NumPy and their own needs are, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import records

ROOT = Path(__file__).parents[2]

BARE = """
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder

# What the project asks for on a bare machine, and what these packages need themselves.
ALLOWED = {"jax", "jaxlib", "equinox", "optax", "jaxtyping", "numpy"}
THEIRS = {"scipy", "ml_dtypes", "opt_einsum", "absl", "typing_extensions", "wadler_lindig"}
OURS = {"benchmarks", "workflow_src"}


class Bare:
    '''Finds nothing else: in place of all finders that look at files.'''

    find_distributions = PathFinder.find_distributions

    @staticmethod
    def find_spec(name, path=None, target=None):
        top = name.partition(".")[0]
        known = ALLOWED | THEIRS | OURS | set(sys.stdlib_module_names)
        return PathFinder.find_spec(name, path, target) if top in known or top.startswith("_sysconfig") else None


sys.meta_path[:] = [finder for finder in sys.meta_path if finder in (BuiltinImporter, FrozenImporter)] + [Bare]
"""


def on_bare_machine(code, *arguments):
    command = [sys.executable, "-W", "ignore", "-c", BARE + code, *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("module", ["pydantic", "beartype", "netCDF4", "xarray", "matplotlib", "yaml"])
def test_the_bare_machine_of_this_test_is_bare(module):
    assert f"No module named '{module}'" in on_bare_machine(f"import {module}").stderr


@pytest.mark.slow
def test_a_tiny_slice_runs_on_a_bare_machine_and_resumes(tmp_path):
    arguments = ("--tiny", "--slice", "1", "--records", str(tmp_path / "records"), "--cache", str(tmp_path / "cache"))
    code = "import sys; sys.argv[0] = 'benchmarks/gpu.py'; from benchmarks.gpu import main; main()"
    run = on_bare_machine(code, *arguments)
    assert run.returncode == 0, run.stderr
    found = records.read(tmp_path / "records")
    assert [one["case"]["name"] for one in found] == ["figure1a_m8_t1048576", "figure1a_m32_t1048576"]
    assert all(solver["status"] == "timed" for one in found for solver in one["solvers"].values())
    assert found[0]["command"].startswith("python -m benchmarks.gpu --tiny")

    again = on_bare_machine(code, *arguments)
    assert again.returncode == 0, again.stderr
    assert records.read(tmp_path / "records") == found
