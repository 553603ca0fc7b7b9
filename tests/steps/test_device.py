"""Where a step computes: on the wanted device, or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

ROOT = Path(__file__).parents[2]
# A process of its own: a device is chosen once.
CODE = """
import sys
from workflow_src.steps.arguments import run
from workflow_src.steps.device import prepare

run(lambda: print(prepare(*sys.argv[1:])))
"""


def prepare(compute, precision="float32"):
    environment = {name: value for name, value in os.environ.items() if name != "JAX_PLATFORMS"}
    command = [sys.executable, "-c", CODE, compute, precision]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_the_device_is_told_in_words():
    run = prepare("cpu")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("cpu: ")


@pytest.mark.skipif(jax.default_backend() == "gpu", reason="has a GPU")
def test_a_missing_gpu_ends_with_one_line():
    run = prepare("cuda")
    assert run.returncode == 1
    assert run.stdout == ""
    assert "Traceback" not in run.stderr
    lines = [line for line in run.stderr.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    assert "compute: 'cuda' has no device here" in lines[0]
    assert "set compute: cpu or use a GPU node" in lines[0]
