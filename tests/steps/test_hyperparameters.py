"""The list of hyper-parameters: what a preset resolves to, each value with the comment behind it."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from workflow_src.config import RuntimeBenchmarkSpec, read_preset, sources
from workflow_src.steps import hyperparameters as step

FILE = Path(__file__).parents[2] / "config/paper.yaml"
PRESET = read_preset(FILE)
ROWS = step.hyperparameters(PRESET, sources(FILE))


def value(owner, key):
    return ROWS.set_index(["experiment", "key"]).loc[(owner, key), "value"]


def source(owner, key):
    return ROWS.set_index(["experiment", "key"]).loc[(owner, key), "source"]


def comment(name, key):
    """What stands behind the first line of the paper preset that begins with this key, below that of `name`."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    first = next(i for i, line in enumerate(lines) if line.strip().startswith(f"{name}:")) if name else 0
    line = next(line for line in lines[first:] if line.strip().startswith(f"{key}:"))
    return line.partition("#")[2].strip()


def test_every_experiment_and_benchmark_states_each_key_once_and_with_a_source():
    assert not ROWS.duplicated(["experiment", "key"]).any()
    assert set(ROWS["experiment"]) == {*PRESET.experiments, *PRESET.benchmarks}
    assert (ROWS["source"].str.strip() != "").all()
    assert (ROWS["value"] != "").all()


@pytest.mark.parametrize("name", list(PRESET.experiments))
def test_values_are_those_that_the_jobs_of_the_experiment_receive(name):
    runs = [run for run in PRESET.runs() if run.experiment == name]
    for key in type(runs[0].training).model_fields:
        values = dict.fromkeys(str(one) for run in runs if (one := getattr(run.training, key)) is not None)
        rows = ROWS[(ROWS["experiment"] == name) & (ROWS["key"] == key)]
        assert rows["value"].tolist() == ([", ".join(values)] if values else []), key
    for key in dict.fromkeys(key for run in runs for key in type(run.architecture).model_fields):
        if key not in ("architecture", "training"):
            values = dict.fromkeys(str(getattr(r.architecture, key)) for r in runs if hasattr(r.architecture, key))
            assert value(name, key) == ", ".join(values), key
    evaluation = PRESET.evaluation_of(name)
    assert value(name, "evaluation.generated_steps") == str(evaluation.generated_steps)


@pytest.mark.parametrize("name", [n for n, b in PRESET.benchmarks.items() if isinstance(b, RuntimeBenchmarkSpec)])
def test_a_runtime_benchmark_lists_its_timed_updates_and_not_those_of_training(name):
    assert value(name, "timed_updates") == ", ".join(f"{k} {v}" for k, v in PRESET.benchmarks[name].updates.items())
    assert "updates" not in ROWS[ROWS["experiment"] == name]["key"].tolist()
    model = PRESET.benchmarks[name].models[0]
    assert value(name, "hidden_dim") == str(PRESET.models[model].hidden_dim)


def test_a_value_has_the_source_of_the_innermost_block_that_states_it():
    assert source("lorenz96_lengths", "tolerance") == comment("training", "tolerance")
    assert source("lorenz63_full", "updates") == comment("lorenz63_full", "training")
    assert source("lorenz63_partial", "evaluation.embeddings") == comment("lorenz63_partial", "evaluation")
    assert source("lorenz63_full", "noise") == comment("lorenz63", "noise")


def test_where_models_differ_each_distinct_value_brings_its_source():
    assert value("lorenz63_full", "solver") == "deer, quasi_deer"
    stated = [comment("training", "solver"), comment("models", "shplrnn_quasi")]
    assert source("lorenz63_full", "solver") == "; ".join(stated)
    ranks = [comment("models", f"shplrnn_rank{rank}") for rank in (5, 6, 7, 10)]
    assert source("lorenz96_models", "rank") == "; ".join(dict.fromkeys(ranks))
    own = [model for model in PRESET.experiments["lorenz96_models"].models if model.startswith("lssm")]
    strengths = dict.fromkeys(comment("models", model) for model in own)
    assert source("lorenz96_models", "mar_strength") == "; ".join(strengths), "the first model with a value counts"


def test_a_block_over_several_lines_gives_each_key_its_own_source(tmp_path):
    """The same preset with every block spread out; comments go behind two keys of an experiment's training."""
    spread = yaml.safe_load(FILE.read_text(encoding="utf-8")) | {"preset": "spread"}
    text = yaml.safe_dump(spread, sort_keys=False)
    head, experiments, tail = text.partition("\nexperiments:")
    tail = tail.replace("      updates: 10000\n", "      updates: 10000  # Sec. 1\n", 1)
    tail = tail.replace("      warmup_steps: 100\n", "      warmup_steps: 100  # Sec. 2\n", 1)
    file = tmp_path / "spread.yaml"
    file.write_text(head + experiments + tail, encoding="utf-8")
    step.main(["--preset", str(file), "--output", str(tmp_path / "rows.csv")])
    rows = pd.read_csv(tmp_path / "rows.csv", dtype=str, keep_default_na=False)
    assert rows["value"].tolist() == ROWS["value"].tolist()
    found = rows.set_index(["experiment", "key"])["source"].loc["lorenz63_dimensions"]
    assert found["updates"] == "Sec. 1"
    assert found["warmup_steps"] == "Sec. 2"
    assert found["tolerance"] == "this preset", "no comment, no source"
