"""The list of hyper-parameters: what a preset resolves to, each value with the comment behind it."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from workflow_src.config import RuntimeBenchmarkSpec, read_preset, sources
from workflow_src.steps import hyperparameters as step
from workflow_src.tables import table5, write

CONFIG = Path(__file__).parents[2] / "config"
FILE = CONFIG / "paper.yaml"
PRESET = read_preset(FILE)
ORIGIN = sources(FILE)
ROWS = step.hyperparameters(PRESET, ORIGIN)
CELLS = ROWS.set_index(["name", "key"])
OUTSIDE_TRAINING = ("architecture", "training")


def value(name, key):
    return CELLS.loc[(name, key), "value"]


def source(name, key):
    return CELLS.loc[(name, key), "source"]


def comment(start, key):
    """What stands behind the first line of the paper preset that begins with this key, from that of `start` on."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    first = next(i for i, line in enumerate(lines) if line.strip().startswith(f"{start}:"))
    line = next(line for line in lines[first:] if line.strip().startswith(f"{key}:"))
    return line.partition("#")[2].strip()


def test_every_part_states_each_key_once_and_with_a_source():
    assert not ROWS.duplicated(["section", "name", "key"]).any()
    parts = {"dataset": PRESET.datasets, "experiment": PRESET.experiments, "benchmark": PRESET.benchmarks}
    for section, names in parts.items():
        assert ROWS.loc[ROWS["section"] == section, "name"].unique().tolist() == list(names)
    assert (ROWS["value"] != "").all()
    assert not ROWS["source"].isin(["", step.UNSTATED]).any()


@pytest.mark.parametrize("name", list(PRESET.experiments))
def test_values_are_those_that_the_jobs_of_the_experiment_receive(name):
    runs = [run for run in PRESET.runs() if run.experiment == name]
    for key in type(runs[0].training).model_fields:
        values = dict.fromkeys(str(one) for run in runs if (one := getattr(run.training, key)) is not None)
        rows = ROWS[(ROWS["name"] == name) & (ROWS["key"] == f"training.{key}")]
        assert rows["value"].tolist() == ([", ".join(values)] if values else []), key
    for key in dict.fromkeys(key for run in runs for key in type(run.architecture).model_fields):
        if key not in OUTSIDE_TRAINING:
            values = dict.fromkeys(str(getattr(r.architecture, key)) for r in runs if hasattr(r.architecture, key))
            assert value(name, key) == ", ".join(values), key
    evaluation = PRESET.evaluation_of(name)
    assert value(name, "evaluation.generated_steps") == str(evaluation.generated_steps)
    assert value(name, "evaluation.embeddings") == ", ".join(
        f"({e.dimension}, {e.delay})" for e in evaluation.embeddings
    )


@pytest.mark.parametrize("name", list(PRESET.datasets))
def test_a_dataset_lists_its_parameters_its_sampling_and_its_noise(name):
    spec = PRESET.datasets[name]
    for key, number in spec.parameters.items():
        assert float(value(name, f"parameters.{key}")) == number
    for key in ("time_step", "substeps", "noise"):
        assert value(name, key) == str(getattr(spec, key))
    assert value(name, "train.steps") == str(spec.train.steps)
    assert value(name, "test.transient_steps") == str(spec.test.transient_steps)
    assert value(name, "observed") == ", ".join(spec.observed)
    assert ("long_pauses" in ROWS.loc[ROWS["name"] == name, "key"].tolist()) == (spec.long_pauses is not None)


@pytest.mark.parametrize("name", [n for n, b in PRESET.benchmarks.items() if isinstance(b, RuntimeBenchmarkSpec)])
def test_a_runtime_benchmark_lists_what_it_times_and_not_what_training_would_do(name):
    benchmark = PRESET.benchmarks[name]
    assert value(name, "timed updates") == ", ".join(f"{k} {v}" for k, v in benchmark.updates.items())
    keys = ROWS.loc[ROWS["name"] == name, "key"].tolist()
    assert "training.tolerance" in keys
    assert not {"training.updates", "training.solver", "updates"} & set(keys)
    assert value(name, "hidden_dim") == str(PRESET.models[benchmark.models[0]].hidden_dim)


def test_a_value_has_the_source_of_the_innermost_block_that_states_it():
    assert source("lorenz96_lengths", "training.tolerance") == comment("training", "tolerance")
    assert source("lorenz63_full", "training.updates") == comment("lorenz63_full", "training")
    assert source("lorenz63_partial", "evaluation.embeddings") == comment("lorenz63_partial", "evaluation")
    assert source("lorenz63", "noise") == comment("lorenz63", "noise")
    assert source("bursting", "parameters.g_nmda") == comment("bursting", "parameters")
    assert source("runtime", "training.batch_size") == "assumed: App. H.1 fixes it at a lost number"
    assert source("runtime", "training.warmup_steps") == "App. H.1: no warm-up"
    assert source("lorenz63_full", "dataset") == step.NO_SOURCE


def test_where_models_differ_each_distinct_value_brings_its_source():
    assert value("lorenz63_full", "training.solver") == "deer, quasi_deer"
    stated = [comment("training", "solver"), "App. H.2: diagonal Jacobians"]
    assert source("lorenz63_full", "training.solver") == "; ".join(stated)
    ranks = [ORIGIN[f"models.shplrnn_rank{rank}.rank"] for rank in (5, 6, 7, 10)]
    assert source("lorenz96_models", "rank") == "; ".join(dict.fromkeys(ranks))
    own = [model for model in PRESET.experiments["lorenz96_models"].models if model.startswith("lssm")]
    strengths = dict.fromkeys(ORIGIN[f"models.{model}.training.mar_strength"] for model in own)
    found = source("lorenz96_models", "training.mar_strength")
    assert found == "; ".join(strengths), "the first model with a value counts"


def test_a_driven_model_lists_no_solver_and_no_forcing():
    experiments = {"linear": PRESET.experiments["lorenz96_models"].model_copy(update={"models": ("lssm", "mamba2_7k")})}
    preset = PRESET.model_copy(update={"experiments": experiments})
    rows = step.hyperparameters(preset, sources(FILE))
    keys = rows.loc[rows["name"] == "linear", "key"].tolist()
    assert {"training.updates", "training.mar_strength", "latent_dim", "model_dim"} <= set(keys)
    assert not {"training.solver", "training.guess", "training.forcing_strength"} & set(keys)


@pytest.mark.parametrize("name", ["smoke", "laptop", "lorenz63"])
def test_a_scaled_down_preset_says_once_where_its_numbers_come_from(name):
    file = CONFIG / f"{name}.yaml"
    rows = step.hyperparameters(read_preset(file), sources(file))
    assert not rows["source"].eq(step.UNSTATED).any()
    assert rows["source"].str.startswith("assumed: ").mean() > 0.5
    cited = rows[rows["source"].str.startswith("cited: ")]
    assert cited["key"].str.startswith("parameters.").all()
    assert "parameters.rho" in cited["key"].tolist()


@pytest.mark.parametrize("name", ["smoke", "paper"])
def test_no_row_of_the_table_is_too_long_to_read(name):
    file = CONFIG / f"{name}.yaml"
    text = write.to_latex(table5.build(step.hyperparameters(read_preset(file), sources(file))))
    assert max(map(len, text.splitlines())) < 320


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
    found = rows.set_index(["name", "key"])["source"].loc["lorenz63_dimensions"]
    assert found["training.updates"] == "Sec. 1"
    assert found["training.warmup_steps"] == "Sec. 2"
    assert found["training.tolerance"] == step.UNSTATED, "no comment, no source"
