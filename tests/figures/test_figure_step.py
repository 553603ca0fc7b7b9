"""The door: files in, PDF, PNG and CSV out."""

import json

import pandas as pd
import pytest

from tests.figures import synthetic
from workflow_src import store
from workflow_src.errors import UserError
from workflow_src.provenance import sidecar
from workflow_src.steps import figure


def paths(folder):
    return {suffix: folder / f"figure3.{suffix}" for suffix in ("pdf", "png", "csv")}


@pytest.fixture
def inputs(tmp_path):
    datasets = {
        "lorenz96": synthetic.experiment(lengths=(64, 128), seeds=2),
        "bursting": synthetic.experiment(lengths=(64, 128), seeds=2, components=("v", "n"), bursts=True),
        "comparison": synthetic.experiment(("shplrnn", "lssm", "mamba2_7k"), (128,), 2),
    }
    for role, dataset in datasets.items():
        store.save(tmp_path / f"{role}.nc", dataset)
    return [f"{role}={tmp_path / role}.nc" for role in datasets]


def call(inputs, files, models="mamba2_7k,shplrnn"):
    outputs = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    figure.main(["--figure", "figure3", "--inputs", *inputs, "--models", models, *outputs])


def test_it_writes_all_files_with_the_chosen_models_in_order(tmp_path, inputs):
    files = paths(tmp_path / "out")
    call(inputs, files)
    assert files["pdf"].read_bytes().startswith(b"%PDF")
    assert files["png"].read_bytes().startswith(b"\x89PNG")
    numbers = pd.read_csv(files["csv"])
    assert numbers[numbers["panel"] == "B"]["x"].dropna().unique().tolist() == ["mamba2_7k", "shplrnn"]
    assert not list((tmp_path / "out").glob(".*"))


def test_the_same_inputs_give_the_same_bytes(tmp_path, inputs):
    files = paths(tmp_path / "out")
    call(inputs, files)
    first = {suffix: path.read_bytes() for suffix, path in files.items()}
    call(inputs, files)
    for suffix, path in files.items():
        assert path.read_bytes() == first[suffix], suffix


def test_the_files_name_the_content_of_their_inputs(tmp_path, inputs):
    files = paths(tmp_path / "out")
    call(inputs, files)
    digest = store.content_hash(store.load(tmp_path / "bursting.nc"))
    assert digest.encode() in files["pdf"].read_bytes()
    assert digest.encode() in files["png"].read_bytes()


def test_all_models_keeps_their_order(tmp_path, inputs):
    files = paths(tmp_path / "out")
    call(inputs, files, models="all")
    numbers = pd.read_csv(files["csv"])
    assert numbers[numbers["panel"] == "B"]["x"].dropna().nunique() == 3


def test_an_unknown_model_is_named(tmp_path, inputs):
    with pytest.raises(UserError, match="'gru' is not in the input comparison"):
        call(inputs, paths(tmp_path), models="shplrnn,gru")


def test_a_figure_with_settings_is_told_them_and_its_record_states_them(tmp_path):
    store.save(tmp_path / "sweep.nc", synthetic.experiment(("shplrnn", "lssm"), (128,), 2))
    values = [{"label": "0", "model": "shplrnn"}, {"label": "1", "model": "lssm", "contrast": "shplrnn"}]
    factor = {"name": "alpha", "reference": "1", "contrast_is": "better", "values": values}
    settings = {"experiment": "sweep", "factors": [factor]}
    files = {suffix: tmp_path / f"out/figureS1.{suffix}" for suffix in ("pdf", "png", "csv")}
    outputs = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    inputs = ["--inputs", f"sweep={tmp_path / 'sweep.nc'}", "--models", "all", "--settings", json.dumps(settings)]
    figure.main(["--figure", "figureS1", *inputs, *outputs])
    assert pd.read_csv(files["csv"], dtype={"x": str})["x"].dropna().unique().tolist() == ["0", "1"]
    assert sidecar.read(files["pdf"])["record"]["spec"]["settings"] == settings
