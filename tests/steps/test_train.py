"""The training step: what it writes, and that nothing is lost when it is killed."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr

from tests.training.specs import run_spec
from tests.training.test_gtf_deer import orbit
from workflow_src import store
from workflow_src.models import checkpoint
from workflow_src.provenance import sidecar
from workflow_src.steps import train

ROOT = Path(__file__).parents[2]
UPDATES = 10_000
# What differs from one run of the same training to the next.
CLOCK = ["wall_time", "compilation_time"]
FILES = ["history.nc", "history.nc.record.json", "model.eqx", "model.eqx.record.json"]
# The step as a job runs it, but for the pace of its checkpoints.
COMMAND = "import sys; from workflow_src.steps import train; train.KEEP_EVERY = 0.02; train.main(sys.argv[1:])"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "data.nc"
    series = orbit(2000, 2)
    store.save(path, xr.Dataset({"train": (("train_step", "component"), series)}, coords={"component": ["x", "y"]}))
    return path


def arguments(spec, dataset, folder):
    return [
        *("--spec", spec.dump()),
        *("--dataset", str(dataset)),
        *("--model", str(folder / "model.eqx")),
        *("--history", str(folder / "history.nc")),
    ]


def start(spec, dataset, folder):
    command = [sys.executable, "-c", COMMAND, *arguments(spec, dataset, folder)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def payload(path):
    return path.read_bytes().partition(b"\n")[2]


def progress(path):
    """Updates in a checkpoint; 0 without one."""
    return checkpoint.read_header(path)["updates"] if path.exists() else 0


def kill_past(process, path, target):
    """SIGKILL once the checkpoint holds so many updates, at whatever the training is doing then."""
    while process.poll() is None and progress(path) < target:
        time.sleep(0.005)
    assert process.poll() is None, process.stderr.read()
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.slow
def test_a_killed_training_continues_and_ends_with_the_same_bytes(tmp_path, dataset):
    """SIGKILL at two random updates, far from the last."""
    spec = run_spec(updates=UPDATES, solver="sequential", precision="float32", seeds=(0, 1))
    whole = start(spec, dataset, tmp_path / "whole")
    assert "continuing" not in whole.communicate()[1]
    assert whole.returncode == 0

    moments = random.Random()
    folder = tmp_path / "killed"
    for begin, end in ((0.0, 0.2), (0.3, 0.5)):
        process = start(spec, dataset, folder)
        kill_past(process, folder / "unfinished.eqx", moments.uniform(begin, end) * UPDATES)
        assert not (folder / "model.eqx").exists()
    process = start(spec, dataset, folder)
    assert "continuing after update" in process.communicate()[1]
    assert process.returncode == 0
    assert payload(folder / "model.eqx") == payload(tmp_path / "whole/model.eqx")
    histories = [store.load(path / "history.nc").drop_vars(CLOCK) for path in (folder, tmp_path / "whole")]
    assert histories[0].identical(histories[1].assign_attrs(histories[0].attrs))
    assert sorted(path.name for path in folder.iterdir()) == FILES, "no checkpoint, no half file"
    attempts = sidecar.read(folder / "model.eqx")["record"]["execution"]["attempts"]
    assert [one["outcome"] for one in attempts] == ["killed", "killed", "ok"]


def test_a_checkpoint_that_a_kill_broke_off_goes_with_the_finished_training(tmp_path, dataset):
    folder = tmp_path / "results/test/train/one"
    folder.mkdir(parents=True)
    (folder / ".unfinished.eqx.abcdefgh.part").write_bytes(b"half")
    train.main(arguments(run_spec(updates=2, precision="float64"), dataset, folder))
    assert sorted(path.name for path in folder.iterdir()) == FILES
    told = json.loads((tmp_path / "results/test/logs/train/one.status.json").read_bytes())
    assert (told["state"], told["done"], told["total"], told["unit"]) == ("finished", 2, 2, "update")
    assert np.isfinite(told["loss"])
    assert (told["seeds"], told["diverged"]) == (2, 0)


def identity_of(spec):
    return {"spec": spec.model_dump(mode="json"), "code": "a", "data": "b"}


@pytest.mark.parametrize("damage", ["truncated", "flipped bit", "other code", "empty"])
def test_a_damaged_or_foreign_checkpoint_is_named_and_not_used(tmp_path, dataset, damage, capfd):
    spec = run_spec(updates=6)
    data = store.load(dataset)
    path = tmp_path / "unfinished.eqx"
    clean, _ = train.train(spec, data, tmp_path / "absent.eqx", identity_of(spec))
    train._keep(path, identity_of(spec), train.loop.train(run_spec(updates=3), data["train"].values))
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(content[:-100])
    elif damage == "flipped bit":
        content[-50] ^= 4
        path.write_bytes(content)
    elif damage == "empty":
        path.write_bytes(b"")
    identity = identity_of(spec) | ({"code": "c"} if damage == "other code" else {})
    models, history = train.train(spec, data, path, identity)
    assert "starting afresh" in capfd.readouterr().err
    assert history.sizes["update"] == 6
    for a, b in zip(jax.tree.leaves(models), jax.tree.leaves(clean), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_trained_pack_and_its_specification_come_back(tmp_path, dataset):
    spec = run_spec(updates=3)
    models, history = train.train(spec, store.load(dataset), tmp_path / "absent.eqx", identity_of(spec))
    checkpoint.save(tmp_path / "model.eqx", spec, models, {"step": "train"})
    assert checkpoint.read_spec(tmp_path / "model.eqx") == spec
    for a, b in zip(jax.tree.leaves(checkpoint.load(tmp_path / "model.eqx")), jax.tree.leaves(models), strict=True):
        np.testing.assert_array_equal(a, b)
    store.save(tmp_path / "history.nc", history)
    loaded = store.load(tmp_path / "history.nc")
    assert loaded["loss"].dims == ("seed", "update")
    np.testing.assert_allclose(loaded["learning_rate"][0], spec.training.learning_rate_start)
    assert loaded["learning_rate"][-1] < loaded["learning_rate"][0]
