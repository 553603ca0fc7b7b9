"""Where a step computes: on the wanted device, or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from workflow_src.steps import device

ROOT = Path(__file__).parents[2]
NEW, OLD = "XLA_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_MEM_FRACTION"
ORDERED, UNORDERED = "--xla_gpu_deterministic_ops=true", "--xla_gpu_deterministic_ops=false"
# A process of its own: a device is chosen once.
CODE = """
import sys
from workflow_src.steps.arguments import run
from workflow_src.steps.device import prepare

run(lambda: print(prepare(*sys.argv[1:])))
"""


def prepare(compute, precision="float32", code=CODE):
    environment = {name: value for name, value in os.environ.items() if name != "JAX_PLATFORMS"}
    command = [sys.executable, "-c", code, compute, precision]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_the_device_is_told_in_words():
    run = prepare("cpu")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("cpu: ")


@pytest.mark.parametrize(
    ("given", "alone", "fractions", "flags"),
    [
        ({}, False, {NEW: "0.900"}, ORDERED),
        ({"GTF_DEER_PACKS_PER_GPU": "3"}, False, {NEW: "0.300"}, ORDERED),
        ({"GTF_DEER_PACKS_PER_GPU": "3"}, True, {NEW: "0.900"}, ORDERED),
        ({NEW: ".5"}, False, {NEW: ".5"}, ORDERED),
        ({OLD: ".5", "XLA_FLAGS": UNORDERED}, False, {OLD: ".5"}, UNORDERED),
    ],
    ids=["one pack on a GPU", "three packs on a GPU", "a measurement", "as a user has set it", "by its former name"],
)
def test_a_job_takes_its_part_of_the_gpu_and_sums_in_order_where_asked(monkeypatch, given, alone, fractions, flags):
    for name in (NEW, OLD, "XLA_FLAGS", "GTF_DEER_PACKS_PER_GPU"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    device._settle_gpu(deterministic=True, alone=alone)
    # JAX fails where both are set.
    assert {name: os.environ[name] for name in (NEW, OLD) if name in os.environ} == fractions
    assert os.environ["XLA_FLAGS"] == flags


@pytest.mark.gpu
def test_a_job_for_the_cpu_opens_no_gpu():
    code = CODE + "import os; print(*(os.path.realpath(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')))"
    run = prepare("cpu", code=code)
    assert run.returncode == 0, run.stderr
    assert "/dev/nvidia" not in run.stdout


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
