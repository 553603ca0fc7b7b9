"""What is read from the records of earlier jobs."""

import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from tests.training.specs import run_spec
from workflow_src import provenance, store
from workflow_src.models import checkpoint
from workflow_src.plan import records

ROOT = Path(__file__).parents[2]
SPEC = run_spec(solver="sequential", updates=40)
# Ten updates that are slower than the others: the first call warms up.
TIMES = np.concatenate([np.linspace(0, 35, 11)[1:], 35 + 0.5 * np.arange(1, 31)])
COMPILED = {"compilation_time": ((), 30.0)}


def trained(diverged=-1, device="cpu: cpu", compiled=COMPILED):
    """A finished training in the folder of the test."""
    folder = Path("results/test/train/one/shplrnn/T31/seeds0-1")
    args = Namespace(spec=SPEC, model=folder / "model.eqx", history=folder / "history.nc")
    with provenance.record("train", args, ["model", "history"]) as record:
        record["device"] = device
        history = xr.Dataset(
            {"wall_time": ("update", TIMES), "diverged_at": ("seed", np.array([-1, diverged]))} | compiled,
            coords={"seed": [0, 1], "update": np.arange(40)},
        )
        store.save(args.history, history, record.document())
        checkpoint.write(args.model, {"provenance": record.document()}, {"A": np.zeros(3)})


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(**options):
    return records.read(Path("results"), Path("benchmarks/records"), **options)


def test_a_training_gives_the_pace_of_its_second_half():
    trained()
    (found,) = read().updates["cpu", "sequential"]
    assert found.seconds == pytest.approx(0.5)
    assert found.source == "results/test"


def test_a_history_that_has_the_compilation_in_its_times_is_left_out():
    trained(compiled={})
    assert ("cpu", "sequential") not in read().updates


def test_a_training_with_a_run_that_diverged_gives_no_pace():
    trained(diverged=3)
    assert ("cpu", "sequential") not in read().updates


def test_a_history_that_is_not_as_its_record_says_is_left_out():
    trained()
    history = Path("results/test/train/one/shplrnn/T31/seeds0-1/history.nc")
    history.write_bytes(history.read_bytes()[:-10])
    assert not read().updates


def test_a_gpu_speaks_for_gpus_alone_and_can_be_chosen_by_name():
    trained(device="gpu: NVIDIA A100-SXM4-40GB")
    assert ("cuda", "sequential") in read(device="a100").updates
    assert not read(device="H100").updates
    assert read().devices["cuda"] == {"NVIDIA A100-SXM4-40GB"}


def test_benchmarks_count_as_less_alike_than_trainings():
    found = records.read(Path("results"), ROOT / "benchmarks/records")
    assert {solver for _, solver in found.updates} >= {"sequential", "deer", "block"}
    cases = {path.name.rpartition("_")[0] for path in (ROOT / "benchmarks/records").glob("*.json")}
    assert len(found.updates["cpu", "block"]) == len(cases), "one record of each, the newest"
    assert all(one.away > 0 for samples in found.updates.values() for one in samples)
    assert all(0.01 < one.seconds / one.counted < 100 for samples in found.updates.values() for one in samples)


def test_files_that_are_no_records_are_passed_over():
    Path("results/test").mkdir(parents=True)
    Path("results/test/a.nc.record.json").write_text("{")
    Path("results/test/b.nc.record.json").write_text(json.dumps({"file": {"name": "b.nc"}, "record": {}}))
    assert not read().jobs
