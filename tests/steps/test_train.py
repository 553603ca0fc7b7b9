"""The training step: what it writes, and that nothing is lost when it is killed."""

import json
import os
import random
import shutil
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
from workflow_src import lock, stop, store
from workflow_src.errors import UserError
from workflow_src.models import checkpoint
from workflow_src.provenance import sidecar
from workflow_src.steps import train
from workflow_src.steps.unfinished import Unfinished
from workflow_src.training import loop, parts

ROOT = Path(__file__).parents[2]
UPDATES = 10_000
# What differs from one run of the same training to the next.
CLOCK = ["wall_time", "compilation_time"]
FILES = ["history.nc", "history.nc.record.json", "model.eqx", "model.eqx.record.json"]
# The step as a job runs it, but for the pace of its checkpoints.
COMMAND = """
import sys
from workflow_src.steps import arguments, train

train.KEEP_EVERY = 0.02
arguments.run(lambda: train.main(sys.argv[1:]))
"""


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
    """Updates in a checkpoint; 0 without one, and while the next one takes its place."""
    try:
        return checkpoint.read_header(path)["updates"]
    except UserError:
        return 0


def kill_past(process, path, target, by=signal.SIGKILL):
    """Send a signal once the checkpoint holds so many updates, at whatever the training is doing then; what it said."""
    while process.poll() is None and progress(path) < target:
        time.sleep(0.005)
    assert process.poll() is None, process.stderr.read()
    process.send_signal(by)
    return process.communicate()[1] if by is not signal.SIGSTOP else ""


@pytest.mark.slow
def test_a_killed_or_stopped_training_continues_and_ends_with_the_same_bytes(tmp_path, dataset):
    """SIGKILL at a random update and SIGTERM at a later one, far from the last."""
    spec = run_spec(updates=UPDATES, solver="sequential", precision="float32", seeds=(0, 1))
    whole = start(spec, dataset, tmp_path / "whole")
    assert "continuing" not in whole.communicate()[1]
    assert whole.returncode == 0

    moments = random.Random()
    folder = tmp_path / "killed"
    kept = folder / "unfinished.eqx"
    kill_past(start(spec, dataset, folder), kept, moments.uniform(0.0, 0.2) * UPDATES)
    process = start(spec, dataset, folder)
    said = kill_past(process, kept, moments.uniform(0.3, 0.5) * UPDATES, signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGTERM
    assert f"stopped after update {progress(kept)} of {UPDATES}" in said
    assert "Traceback" not in said
    assert not (folder / "model.eqx").exists()
    assert not list(folder.glob(".*.lock"))
    process = start(spec, dataset, folder)
    assert f"continuing after update {progress(kept)}" in process.communicate()[1]
    assert process.returncode == 0
    assert payload(folder / "model.eqx") == payload(tmp_path / "whole/model.eqx")
    histories = [store.load(path / "history.nc").drop_vars(CLOCK) for path in (folder, tmp_path / "whole")]
    assert histories[0].identical(histories[1].assign_attrs(histories[0].attrs))
    assert sorted(path.name for path in folder.iterdir()) == FILES, "no checkpoint, no lock, no half file"
    attempts = sidecar.read(folder / "model.eqx")["record"]["execution"]["attempts"]
    assert [one["outcome"] for one in attempts] == ["killed", "stopped: SIGTERM", "ok"]


@pytest.mark.slow
def test_a_training_that_was_suspended_leaves_alone_what_another_finished_meanwhile(tmp_path, dataset):
    spec = run_spec(updates=UPDATES, solver="sequential", precision="float32")
    kept, held = tmp_path / "unfinished.eqx", lock.file_of(tmp_path / "model.eqx")
    first = start(spec, dataset, tmp_path)
    kill_past(first, kept, 1, signal.SIGSTOP)
    # As if it ran on another machine, and had been silent for long.
    held.write_text(json.dumps(json.loads(held.read_text()) | {"host": "n2"}))
    os.utime(held, (1, 1))
    second = start(spec, dataset, tmp_path)
    said = second.communicate()[1]
    assert second.returncode == 0
    assert "on n2 that was making it is gone; taking over" in said
    made = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    first.send_signal(signal.SIGCONT)
    said = first.communicate()[1]
    assert first.returncode == 0, said
    assert "is made; nothing is left to do" in said
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()} == made


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


def unfinished_of(spec, folder, code="a"):
    return Unfinished(folder / "unfinished.eqx", {"spec": spec.model_dump(mode="json"), "code": code, "data": "b"})


def shorter(spec, updates):
    return spec.model_copy(update={"training": spec.training.model_copy(update={"updates": updates})})


@pytest.fixture(scope="module")
def kept(dataset, tmp_path_factory):
    """A folder with checkpoints after 2 and 4 of 6 updates."""
    spec = run_spec(updates=6)
    folder = tmp_path_factory.mktemp("kept")
    unfinished = unfinished_of(spec, folder)
    data = store.load(dataset)["train"].values
    for updates in (2, 4):
        unfinished.keep(loop.train(shorter(spec, updates), data))
    return folder


def flip(path):
    content = bytearray(path.read_bytes())
    content[-50] ^= 4
    path.write_bytes(content)


DAMAGES = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "flipped bit": flip,
    "empty": lambda path: path.write_bytes(b""),
    "no header": lambda path: path.write_bytes(b"\x00" * 1000),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path, kept, damage, capfd):
    spec = run_spec(updates=6)
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    DAMAGES[damage](tmp_path / "unfinished.eqx")
    progressed = unfinished_of(spec, tmp_path).resume(spec)
    said = capfd.readouterr().err.splitlines()
    assert said == [
        f"{tmp_path / 'unfinished.eqx'}: is damaged; removed",
        "continuing after update 2 of 6",
    ]
    # The next checkpoint must not put the damaged one in the place of the sound one.
    unfinished_of(spec, tmp_path).keep(progressed)
    DAMAGES[damage](tmp_path / "unfinished.eqx")
    assert unfinished_of(spec, tmp_path).resume(spec).updates == 2


def test_a_checkpoint_with_other_arrays_is_not_called_damaged(tmp_path, kept, capfd):
    spec = run_spec(updates=6)
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    unfinished = unfinished_of(spec, tmp_path)
    checkpoint.write(unfinished.path, {**unfinished.identity, "updates": 4}, np.zeros(3))
    assert unfinished.resume(spec).updates == 2
    assert capfd.readouterr().err.splitlines()[0] == f"{unfinished.path}: holds another model; removed"


def test_a_training_is_begun_with_a_sound_checkpoint_of_its_own(tmp_path, kept):
    unfinished = unfinished_of(run_spec(updates=6), tmp_path)
    assert not unfinished.is_begun()
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    assert not unfinished_of(run_spec(updates=6), tmp_path, "c").is_begun()
    flip(unfinished.path)
    assert unfinished.is_begun()
    flip(unfinished.previous)
    assert not unfinished.is_begun()


@pytest.mark.parametrize(("other", "word"), [("code", "code"), ("pack", "specification"), ("both damaged", "damaged")])
def test_a_training_without_a_sound_checkpoint_of_its_own_starts_afresh_and_says_why(
    tmp_path, kept, other, word, capfd
):
    spec = run_spec(updates=6, seeds=(1, 2) if other == "pack" else (0, 1))
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    if other == "both damaged":
        for path in tmp_path.iterdir():
            flip(path)
    assert unfinished_of(spec, tmp_path, "c" if other == "code" else "a").resume(spec) is None
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 3
    assert all(word in line for line in said[:2])
    assert said[2].endswith("starting afresh")


def by_twos(most, calls):
    """A training that adds to the parameters, two updates per call, of at most so many runs."""

    def train(spec, trajectory, *, resume, asked, **kwargs):
        done = resume.updates if resume else 0
        calls.append((spec.seeds, done))
        if len(spec.seeds) > most:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 99 bytes.")
        progressed = resume or loop.Progressed(loop.start(spec), loop.blank(spec, 0).trace, np.zeros(0), np.ones(()))
        while done < spec.training.updates:
            done += 2
            model = jax.tree.map(lambda leaf: leaf + 1, progressed.state.model)
            trace = loop.blank(spec, done).trace._replace(
                loss=np.repeat([[1.0 + seed] for seed in spec.seeds], done, 1)
            )
            progressed = progressed._replace(
                state=progressed.state._replace(model=model), trace=trace, wall_time=np.arange(1.0, done + 1)
            )
            if asked():
                kwargs["keep"](progressed)
                break
        return progressed

    return train


def test_checkpoints_of_parts_of_another_training_do_not_split_a_pack(tmp_path, dataset, monkeypatch):
    spec = run_spec(updates=6, seeds=(0, 1, 2))
    half = parts.halves(spec)[0]
    begun = by_twos(3, [])(shorter(half, 2), None, resume=None, asked=lambda: False)
    unfinished_of(spec, tmp_path, "b").of(half).keep(begun)
    calls = []
    monkeypatch.setattr(loop, "train", by_twos(3, calls))
    train.train(spec, store.load(dataset), unfinished_of(spec, tmp_path))
    assert calls == [((0, 1, 2), 0)]


def test_a_pack_that_does_not_fit_into_memory_is_trained_in_parts(tmp_path, dataset, monkeypatch):
    """From the checkpoint of the whole pack on, and after a stop in the middle of the second part."""
    spec = run_spec(updates=6, seeds=(0, 1, 2))
    data = store.load(dataset)
    monkeypatch.setattr(loop, "train", by_twos(3, []))
    models, history, _ = train.train(spec, data, unfinished_of(spec, tmp_path / "whole"))
    calls = []
    monkeypatch.setattr(loop, "train", by_twos(2, calls))
    unfinished = unfinished_of(spec, tmp_path / "parts")
    unfinished.keep(by_twos(3, [])(shorter(spec, 2), None, resume=None, asked=lambda: False))
    asked = iter([None, None, signal.SIGTERM, signal.SIGTERM])
    with pytest.raises(stop.Stopped):
        train.train(spec, data, unfinished, lambda: next(asked))
    assert calls == [((0, 1, 2), 2), ((0, 1), 2), ((2,), 2)]
    calls.clear()
    again, parted, together = train.train(spec, data, unfinished)
    assert together == [(0, 1), (2,)]
    assert calls == [((0, 1), 6), ((2,), 4)]
    for a, b in zip(jax.tree.leaves(again), jax.tree.leaves(models), strict=True):
        np.testing.assert_array_equal(a, b)
    times = ["wall_time", "compilation_time"]
    xr.testing.assert_equal(parted.drop_vars(times), history.drop_vars(times))
    for name in times:
        np.testing.assert_allclose(parted[name], 2 * history[name])
    unfinished.remove()
    assert not list((tmp_path / "parts").iterdir())


def test_a_run_that_does_not_fit_alone_is_told_in_one_line(tmp_path, dataset, monkeypatch):
    def full(*args, **kwargs):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 99 bytes.")

    monkeypatch.setattr(loop, "train", full)
    spec = run_spec(updates=6, seeds=(4,))
    with pytest.raises(UserError, match="seed 4: one run at batch size 3 and T = 31 takes more memory"):
        train.train(spec, store.load(dataset), unfinished_of(spec, tmp_path))


def test_the_trained_pack_and_its_specification_come_back(tmp_path, dataset):
    spec = run_spec(updates=3)
    models, history, together = train.train(spec, store.load(dataset), unfinished_of(spec, tmp_path))
    assert together == [spec.seeds]
    checkpoint.save(tmp_path / "model.eqx", spec, models, {"step": "train"})
    assert checkpoint.read_spec(tmp_path / "model.eqx") == spec
    for a, b in zip(jax.tree.leaves(checkpoint.load(tmp_path / "model.eqx")), jax.tree.leaves(models), strict=True):
        np.testing.assert_array_equal(a, b)
    store.save(tmp_path / "history.nc", history)
    loaded = store.load(tmp_path / "history.nc")
    assert loaded["loss"].dims == ("seed", "update")
    np.testing.assert_allclose(loaded["learning_rate"][0], spec.training.learning_rate_start)
    assert loaded["learning_rate"][-1] < loaded["learning_rate"][0]
