"""Presets: every shipped one loads, and every mistake gives one line that names file, key and mend."""

import copy
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from workflow_src.config import load_preset, pack_label, read_preset, sources
from workflow_src.errors import UserError

ROOT = Path(__file__).parents[1]
PRESETS = sorted((ROOT / "config").glob("*.yaml"))
SMOKE = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())


def changed(path, value):
    """The smoke preset with one dotted key set, or removed where the value is `...`."""
    config = copy.deepcopy(SMOKE)
    *parents, last = path.split(".")
    section = config
    for key in parents:
        section = section[key]
    if value is ...:
        del section[last]
    else:
        section[last] = value
    return config


# (dotted key, value, words of the message: key and mend)
WRONG = [
    ("trainig", {}, ["trainig", "unknown key", "'training'"]),
    ("training.tolerence", 1.0e-4, ["training.tolerence", "unknown key"]),
    ("training.tolerance", ..., ["training.tolerance", "is missing", "add it"]),
    ("training.tolerance", "1e-4", ["training.tolerance", "'1e-4' is text", "1.0e-3"]),
    ("training.forcing_strength", 1.2, ["training.forcing_strength", "less than or equal to 1", "1.2"]),
    ("training.forcing_strength", -0.1, ["training.forcing_strength", "greater than or equal to 0"]),
    ("training.solver", "deeer", ["training.solver", "deeer", "'deer'"]),
    ("training.batch_size", 4, ["training", "either batch_size or samples_per_update"]),
    ("training.learning_rate_end", 1.0, ["learning_rate_end", "exceeds learning_rate_start"]),
    ("training.samples_per_update", 100, ["samples_per_update", "100 is no multiple", "choose a multiple"]),
    ("experiments.lorenz63_full.training.warmup_steps", 100, ["lorenz63_full", "warmup_steps", "100", "lower"]),
    ("experiments.lorenz63_full.sequence_lengths", [30000], ["sequence_lengths", "30000", "20000 training steps"]),
    ("experiments.lorenz63_full.dataset", "lorenz64", ["dataset", "'lorenz64' is not defined", "lorenz63"]),
    ("experiments.lorenz63_full.models", ["plrnn"], ["models", "'plrnn' is not defined", "use one of"]),
    ("experiments.lorenz63_full.seeds", 0, ["experiments.lorenz63_full.seeds", "greater than or equal to 1"]),
    ("experiments.Lorenz", SMOKE["experiments"]["lorenz63_full"], ["experiments.Lorenz", "pattern"]),
    ("models.shplrnn_rank5.rank", 41, ["models.shplrnn_rank5.rank", "41 exceeds hidden_dim 40", "lower rank"]),
    ("models.shplrnn_rank5.rank", 16, ["models.shplrnn_rank5.rank", "16 exceeds latent_dim 15", "lower rank"]),
    ("models.shplrnn_full.slow_units", 15, ["slow_units", "no fast unit", "lower slow_units"]),
    ("models.shplrnn_full.latent_dim", 5, ["slow_units", "latent_dim 5"]),
    ("models.shplrnn.architecture", "lstm", ["models.shplrnn", "unknown", "shplrnn"]),
    ("models.mamba2_7k.head_dim", 5, ["models.mamba2_7k.head_dim", "does not divide", "divisor"]),
    ("datasets.lorenz63.system", "lorenz64", ["datasets.lorenz63.system", "unknown", "lorenz63"]),
    ("datasets.lorenz63.parameters", {"sigma": 10.0, "rho": 28.0}, ["parameters.beta", "missing"]),
    ("datasets.lorenz63.observed", ["x", "w"], ["observed", "'w' is no component", "x, y, z"]),
    ("datasets.lorenz63.train.initial_state", [1.0, 2.0], ["train.initial_state", "2 numbers", "x, y, z"]),
    ("datasets.bursting.long_pauses", ..., ["long_pauses", "bursting_neuron"]),
    (
        "experiments.lorenz96_lengths.evaluation",
        {"embeddings": [{"dimension": 3, "delay": 4000}]},
        ["embeddings", "8000"],
    ),
    ("evaluation.warmup_steps", 10000, ["warmup_steps", "10000 test steps"]),
    ("benchmarks.iterations.experiment", "lorenz", ["benchmarks.iterations.experiment", "'lorenz' is not defined"]),
    ("benchmarks.lorenz63_full", SMOKE["benchmarks"]["iterations"], ["lorenz63_full", "an experiment too", "rename"]),
    ("figures.figure2.full", "lorenz", ["figures.figure2.full", "'lorenz' is not defined"]),
    ("figures.figure1.runtime", "iterations", ["figures.figure1.runtime", "runtime benchmark 'iterations'"]),
    ("figures.figureA2.models", ["shplrnn"], ["figures.figureA2.models", "'shplrnn' is not defined"]),
    ("figures.figure4", {}, ["figures.figure4", "unknown key"]),
]


@pytest.mark.parametrize(("key", "value", "words"), WRONG, ids=[f"{key}={value}"[:60] for key, value, _ in WRONG])
def test_a_wrong_preset_is_refused_in_one_line_that_names_file_key_and_mend(key, value, words):
    with pytest.raises(UserError) as caught:
        load_preset(changed(key, value), "config/mine.yaml")
    message = str(caught.value)
    assert message.startswith("config/mine.yaml: ")
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("preset: a\npreset: b\n", ["line 2", "preset", "stands twice"]),
        ("preset: [a\n", ["line 2", "mend the YAML"]),
        ("- a\n", ["holds no keys"]),
    ],
)
def test_a_broken_file_is_refused_in_one_line(tmp_path, text, words):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(UserError) as caught:
        read_preset(file)
    assert "mine.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("file", PRESETS, ids=lambda file: file.stem)
def test_every_shipped_preset_loads_and_bears_the_name_of_its_file(file):
    preset = read_preset(file)
    assert preset.preset == file.stem
    assert len(list(preset.runs())) > 0


def test_every_number_of_the_paper_preset_has_a_source_or_says_that_it_is_assumed():
    file = ROOT / "config/paper.yaml"
    origin = sources(file)
    lines = file.read_text().splitlines()
    unsourced = []
    inside = ""
    for line in lines:
        if found := re.match(r"(\w+):", line):
            inside = found[1]
        scientific = inside in ("training", "evaluation", "datasets", "models", "experiments", "benchmarks")
        states_number = re.search(r":.*\d", line.partition("#")[0]) is not None
        structural = re.match(r"\s*(\w+:\s*$|noise_seed|pack|dataset|experiment|kind|system|models:.*shplrnn)", line)
        if scientific and states_number and not structural:
            comment = line.partition("#")[2].strip()
            if not re.match(r"(assumed: \S|App\. |Sec\. |Fig\. |Table |Eq\. )", comment):
                unsourced.append(line)
    assert not unsourced
    assert origin["training.forcing_strength"].startswith("assumed:")


def test_overrides_go_from_preset_to_experiment_to_model():
    preset = load_preset(SMOKE, "smoke")
    quasi = preset.run("lorenz63_full", "shplrnn_quasi", 100, (0, 1, 2))
    assert quasi.training.solver == "quasi_deer"
    assert preset.run("lorenz63_full", "shplrnn", 100, (0,)).training.solver == "deer"
    assert preset.run("lorenz96_lengths", "shplrnn_full", 64, (0,)).training.solver == "sequential"


def test_batch_and_warm_up_follow_the_sequence_length():
    preset = load_preset(SMOKE, "smoke")
    runs = [preset.run("lorenz96_lengths", "shplrnn_full", length, (0,)) for length in (64, 256, 1024)]
    assert [run.batch_size * run.sequence_length for run in runs] == [2048] * 3
    assert [run.warmup for run in runs] == [16, 64, 256]


def test_a_run_spec_survives_the_command_line():
    preset = load_preset(SMOKE, "smoke")
    for run in preset.runs():
        assert type(run).parse(run.dump()) == run


def test_packs_cover_all_seeds_once():
    preset = load_preset(
        changed("experiments.lorenz63_full", SMOKE["experiments"]["lorenz63_full"] | {"seeds": 7}), "x"
    )
    packs = preset.packs("lorenz63_full")
    assert [pack_label(pack) for pack in packs] == ["0-2", "3-5", "6"]
    assert sum(packs, ()) == tuple(range(7))


def test_reading_presets_needs_no_jax():
    code = (
        "import sys, workflow_src.config, workflow_src.store, workflow_src.provenance; assert 'jax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
