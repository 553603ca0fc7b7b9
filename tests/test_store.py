"""netCDF files: complete or absent, understood by others, and recognised by their content."""

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from tests import conventions
from workflow_src import files, store
from workflow_src.errors import UserError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def orbits():
    """A dataset in the layout of simulate."""
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "train": (("train_step", "component"), rng.normal(size=(700, 2))),
            "test": (("test_step", "component"), rng.normal(size=(5, 2))),
            "mean": ("component", [1.0, 2.0]),
        },
        coords={
            "train_step": np.arange(700),
            "test_step": np.arange(5),
            "component": ["x", "y"],
            "train_time": ("train_step", 0.01 * np.arange(700)),
        },
        attrs={"system": "lorenz63", "time_step": 0.01},
    )


@pytest.fixture
def outcomes():
    """A dataset in the layout of aggregate, with flags, NaN and numbers for coordinates."""
    return xr.Dataset(
        {
            "status": (("seed",), np.array([0, 1], dtype=np.int8)),
            "forecast_rmse": (("seed",), [0.5, np.nan]),
            "loss": (("seed", "update"), np.ones((2, 3))),
        },
        coords={"seed": [0, 1], "update": [0, 10, 20]},
    )


def one_model(name):
    return xr.Dataset({"parameter_count": ("model", [10])}, coords={"model": [name]})


@pytest.mark.parametrize("kind", ["orbits", "outcomes"])
def test_loading_returns_what_was_saved(kind, request, tmp_path):
    dataset = request.getfixturevalue(kind)
    store.save(tmp_path / "a.nc", dataset, {"step": "simulate"})
    loaded = store.load(tmp_path / "a.nc")
    xr.testing.assert_equal(loaded, dataset)
    assert {name: v.dtype for name, v in loaded.data_vars.items()} == {n: v.dtype for n, v in dataset.data_vars.items()}
    assert set(dataset.attrs.items()) <= set(loaded.attrs.items())
    assert json.loads(loaded.attrs["provenance"]) == {"step": "simulate"}
    assert loaded.attrs["content_sha256"] == store.content_hash(loaded)


def test_every_variable_is_described(orbits, tmp_path):
    store.save(tmp_path / "a.nc", orbits)
    assert all("long_name" in v.attrs for v in store.load(tmp_path / "a.nc").variables.values())


def test_unknown_variable_is_an_error(tmp_path):
    with pytest.raises(KeyError, match="VARIABLES does not name 'speed'"):
        store.save(tmp_path / "a.nc", xr.Dataset({"speed": 1.0}))
    assert not list(tmp_path.iterdir())


def test_file_is_within_cf(orbits, outcomes, tmp_path):
    # This check subtracts neighbours without asking whether they are text, and fails on any labelled dimension.
    for dataset, skipped in ((orbits, ["check_coordinate_variables_strict_monotonicity"]), (outcomes, [])):
        store.save(tmp_path / "a.nc", dataset, {"step": "simulate", "started": "2026-01-01", "command": "simulate"})
        assert conventions.faults(tmp_path / "a.nc", skipped) == {"high": 0, "medium": 0, "low": 0}


def test_content_hash_ignores_history_and_layout(orbits, tmp_path):
    store.save(tmp_path / "a.nc", orbits, {"step": "simulate", "started": "2026-01-01", "command": "one"})
    first = store.load(tmp_path / "a.nc")
    store.save(tmp_path / "b.nc", orbits, {"step": "simulate", "started": "2027-02-02", "command": "another"})
    assert store.content_hash(store.load(tmp_path / "b.nc")) == store.content_hash(first)
    first[list(first.data_vars)[::-1]].to_netcdf(tmp_path / "c.nc", encoding={"train": {"chunksizes": (7, 1)}})
    assert (tmp_path / "c.nc").read_bytes() != (tmp_path / "a.nc").read_bytes()
    assert store.content_hash(store.load(tmp_path / "c.nc")) == store.content_hash(first)


def test_content_hash_ignores_byte_order(orbits):
    swapped = orbits.assign(mean=("component", orbits["mean"].values.astype(">f8")))
    assert store.content_hash(swapped) == store.content_hash(orbits)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.assign(mean=("component", np.nextafter(d["mean"].values, 3.0))),
        lambda d: d.assign(mean=("component", d["mean"].values.astype("f4"))),
        lambda d: d.assign_coords(component=["x", "z"]),
        lambda d: d.rename(mean="std"),
        lambda d: d.drop_vars("test"),
        lambda d: d.transpose("component", "train_step", "test_step"),
    ],
    ids=["last bit", "type", "label", "name", "variable", "axes"],
)
def test_content_hash_sees_one_change(orbits, change):
    assert store.content_hash(change(orbits)) != store.content_hash(orbits)


def test_truncated_file_is_reported_in_one_line(orbits, tmp_path):
    path = tmp_path / "a.nc"
    store.save(path, orbits)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match="is no readable netCDF file") as caught:
        store.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_says_how_to_make_it(tmp_path):
    with pytest.raises(UserError, match=r"no such file; make it with: snakemake"):
        store.load(tmp_path / "a.nc")


def test_strings_of_different_lengths_are_kept_when_files_are_combined(tmp_path):
    names = ["lssm", "shplrnn_quasi"]
    for name in names:
        store.save(tmp_path / f"{name}.nc", one_model(name))
    parts = [store.load(tmp_path / f"{name}.nc") for name in names]
    store.save(tmp_path / "all.nc", xr.concat(parts, "model", combine_attrs="drop"))
    assert store.load(tmp_path / "all.nc")["model"].values.tolist() == names


def test_inherited_encodings_neither_cut_strings_nor_round_numbers(tmp_path):
    dataset = one_model("shplrnn_quasi").assign(forecast_rmse=("model", [0.7]))
    dataset["model"].encoding = {"dtype": "S4"}
    dataset["forecast_rmse"].encoding = {"dtype": "int16", "_FillValue": -1}
    store.save(tmp_path / "a.nc", dataset)
    xr.testing.assert_equal(store.load(tmp_path / "a.nc"), dataset)


def test_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.nc"
    store.save(path, one_model("lssm"))
    before = path.read_bytes()

    def break_off(beside):
        beside.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.write_atomically(path, break_off)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, signal, sys
from pathlib import Path
from workflow_src import store

def stop_short(beside):
    beside.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)

store.write_atomically(Path(sys.argv[1]), stop_short)
"""


def test_what_a_kill_in_the_middle_of_a_write_leaves_goes_with_the_next_write(tmp_path):
    path, other = tmp_path / "a[1].nc", tmp_path / ".a.nc"
    other.write_text("other")
    for left in (1, 1):
        killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=ROOT)
        assert killed.returncode == -signal.SIGKILL
        assert len(list(tmp_path.glob("*.part"))) == left
    assert not path.exists()
    store.write_atomically(path, lambda beside: beside.write_text("whole"))
    assert path.read_text() == "whole"
    assert sorted(tmp_path.iterdir()) == [other, path]


def test_removing_a_file_removes_what_a_killed_write_has_left(tmp_path):
    path = tmp_path / "a.nc"
    path.write_text("old")
    subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=ROOT)
    assert len(list(tmp_path.iterdir())) == 2
    store.remove(path)
    assert not list(tmp_path.iterdir())


def test_two_writers_of_one_target_never_mix_their_bytes(tmp_path):
    path = tmp_path / "a.txt"

    def interrupted_by_another(beside):
        with beside.open("w") as file:
            file.write("first, ")
            store.write_atomically(path, lambda own: own.write_text("second"))
            file.write("end of the first")

    with pytest.raises(UserError, match="cannot be written"):
        store.write_atomically(path, interrupted_by_another)
    assert path.read_text() == "second"


@pytest.mark.parametrize(
    ("number", "reason", "mend"),
    [
        (errno.ENOSPC, "No space left on device", "free space there (df -h"),
        (errno.EDQUOT, "Disk quota exceeded", "free space within your quota"),
        (errno.EROFS, "Read-only file system", "that file system can only be read"),
        (errno.EACCES, "Permission denied", "give yourself the right to write"),
    ],
)
@pytest.mark.parametrize("where", ["mkstemp", "write", "fsync"])
def test_a_refused_write_is_told_in_one_line_and_leaves_the_old_file(
    tmp_path, monkeypatch, number, reason, mend, where
):
    path = tmp_path / "a.nc"
    path.write_text("old")

    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    owner = {"mkstemp": tempfile, "fsync": os}.get(where)
    if owner:
        monkeypatch.setattr(owner, where, refuse)
    with pytest.raises(UserError) as caught:
        store.write_atomically(path, refuse if where == "write" else lambda beside: beside.write_text("new"))
    assert f"{path}: cannot be written ({reason}); {mend}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_refuses_all_files_is_known_before_there_is_one(tmp_path, monkeypatch):
    folder = tmp_path / "results/smoke"
    assert files.refusal(folder) is None
    asked = []
    monkeypatch.setattr(os, "access", lambda path, mode: asked.append(path))
    assert str(files.refusal(folder)).startswith(f"{folder}: cannot be written (Permission denied); give yourself")
    assert asked == [tmp_path]


FULL = """
import resource, sys
from pathlib import Path
import numpy as np, xarray as xr
from workflow_src import store
from workflow_src.errors import UserError

dataset = xr.Dataset({"loss": (("seed", "update"), np.random.default_rng(0).normal(size=(10, 10_000)))})
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    store.save(Path(sys.argv[1]), dataset)
except UserError as error:
    print(error)
"""


def test_where_the_system_writes_no_more_a_netcdf_file_says_so_and_leaves_the_old_one(tmp_path):
    """With a limit on the size of files, which the system refuses to pass in the middle of writing."""
    path = tmp_path / "a.nc"
    path.write_text("old")
    run = subprocess.run([sys.executable, "-c", FULL, str(path)], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout == f"{path}: cannot be written (File too large); free space or rights\n", run.stderr
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
