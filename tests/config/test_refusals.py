"""Wrong presets: every mistake gives one line that names file, key and mend, before any job starts."""

import copy
from pathlib import Path

import pytest
import yaml

from workflow_src.config import load_preset, read_preset
from workflow_src.errors import UserError

SMOKE = yaml.safe_load((Path(__file__).parents[2] / "config/smoke.yaml").read_text(encoding="utf-8"))
FILE = "config/mine.yaml"
LORENZ63_PARAMETERS = SMOKE["datasets"]["lorenz63"]["parameters"]
LORENZ96_PARAMETERS = SMOKE["datasets"]["lorenz96"]["parameters"]


def at(config, path):
    """The section around a dotted key, and the last part of the key."""
    *parents, last = path.split(".")
    for key in parents:
        config = config[key]
    return config, last


def changed(changes):
    """The smoke preset with some dotted keys set, or removed where the value is `...`."""
    config = copy.deepcopy(SMOKE)
    for path, value in changes.items():
        section, last = at(config, path)
        if value is ...:
            del section[last]
        else:
            section[last] = value
    return config


def renamed(path, name):
    """The smoke preset with one key under another name, in its old place."""
    config = copy.deepcopy(SMOKE)
    section, last = at(config, path)
    items = [(name if key == last else key, value) for key, value in section.items()]
    section.clear()
    section.update(items)
    return config


def refusal(config):
    with pytest.raises(UserError) as caught:
        load_preset(config, FILE)
    message = str(caught.value)
    assert "\n" not in message
    return message


# (dotted key, its misspelling, what is suggested)
MISSPELT = [
    ("training", "trainig", "did you mean 'training'?"),
    ("compute", "computer", "did you mean 'compute'?"),
    ("training.forcing_strength", "forcing_strenght", "did you mean 'forcing_strength'?"),
    ("training.solver", "method", "remove it or correct its spelling"),
    ("evaluation.generated_steps", "generated_step", "did you mean 'generated_steps'?"),
    ("datasets.lorenz63.noise", "noize", "did you mean 'noise'?"),
    ("datasets.bursting.long_pauses", "long_pause", "did you mean 'long_pauses'?"),
    ("datasets.lorenz63.train.steps", "step", "did you mean 'steps'?"),
    ("models.shplrnn_rank5.rank", "ranks", "did you mean 'rank'?"),
    ("models.mamba2_7k.head_dim", "headdim", "did you mean 'head_dim'?"),
    ("models.shplrnn.architecture", "architectur", "did you mean 'architecture'?"),
    ("benchmarks.runtime.kind", "knd", "did you mean 'kind'?"),
    ("models.shplrnn_quasi.training.solver", "solvr", "did you mean 'solver'?"),
    ("experiments.lorenz63_full.sequence_lengths", "sequence_length", "did you mean 'sequence_lengths'?"),
    ("experiments.lorenz63_full.training.batch_size", "batchsize", "did you mean 'batch_size'?"),
    ("experiments.lorenz96_lengths.evaluation.embeddings", "embedding", "did you mean 'embeddings'?"),
    ("benchmarks.runtime.training.forcing_strength", "alpha", "remove it or correct its spelling"),
    ("benchmarks.iterations.passes", "pases", "did you mean 'passes'?"),
    ("figures.figure3.comparison", "comparision", "did you mean 'comparison'?"),
    ("figures.figure3.comparison.models", "model", "did you mean 'models'?"),
    ("tables.table4", "table6", "did you mean 'table"),
    ("extras.figureS1.factors", "factor", "did you mean 'factors'?"),
]


@pytest.mark.parametrize(("path", "name", "mend"), MISSPELT, ids=[f"{path}={name}" for path, name, _ in MISSPELT])
def test_a_misspelt_key_is_named_where_it_stands(path, name, mend):
    key = ".".join([*path.split(".")[:-1], name])
    assert refusal(renamed(path, name)).startswith(f"{FILE}: {key}: unknown key; {mend}")


def test_a_misspelt_key_of_an_embedding_is_named():
    config = changed({"evaluation.embeddings": [{"dimension": 1, "delay": 1}, {"dimension": 2, "dely": 1}]})
    assert refusal(config) == f"{FILE}: evaluation.embeddings.1.dely: unknown key; did you mean 'delay'?"


@pytest.mark.parametrize("block", ["training", "evaluation"])
def test_a_key_that_only_another_block_has_is_unknown(block):
    other = {"training": ("generated_steps", 5), "evaluation": ("updates", 5)}[block]
    message = refusal(changed({f"experiments.lorenz63_full.{block}": dict([other])}))
    assert message.startswith(f"{FILE}: experiments.lorenz63_full.{block}.{other[0]}: unknown key")


def test_a_model_that_no_experiment_uses_is_checked_too():
    unused = SMOKE["models"]["shplrnn"] | {"training": {"updates": "many"}}
    assert refusal(changed({"models.unused": unused})).startswith(f"{FILE}: models.unused.training.updates: 'many' is")


# (changes, key, words of problem and mend)
WRONG = [
    ({"training.tolerance": ...}, "training.tolerance", ["is missing", "add it"]),
    ({"evaluation.generated_steps": ...}, "evaluation.generated_steps", ["is missing", "add it"]),
    ({"datasets.lorenz63.noise": ...}, "datasets.lorenz63.noise", ["is missing", "add it"]),
    ({"models.shplrnn.architecture": ...}, "models.shplrnn.architecture", ["is missing", "add it"]),
    ({"training.tolerance": "1e-4"}, "training.tolerance", ["'1e-4' is text", "1.0e-3"]),
    ({"training.forcing_strength": 1.2}, "training.forcing_strength", ["less than or equal to 1", "1.2"]),
    ({"training.forcing_strength": -0.1}, "training.forcing_strength", ["greater than or equal to 0"]),
    ({"training.solver": "deeer"}, "training.solver", ["deeer", "'deer'"]),
    (
        {"benchmarks.runtime.training.forcing_strength": 1.2},
        "benchmarks.runtime.training.forcing_strength",
        ["less than or equal to 1"],
    ),
    (
        {"experiments.lorenz96_lengths.evaluation.lyapunov_steps": 0},
        "experiments.lorenz96_lengths.evaluation.lyapunov_steps",
        ["greater than or equal to 1"],
    ),
    ({"training.mar_direction": "times"}, "training.mar_direction", ["'times' is unknown", "'multiply'"]),
    ({"training.forcing_schedule": "annealed"}, "training.forcing_schedule", ["is unknown", "'adaptive'"]),
    ({"training.warmup_forcing_strength": 1.5}, "training.warmup_forcing_strength", ["less than or equal to 1"]),
    ({"training.pseudo_inverse_gradient": "yes"}, "training.pseudo_inverse_gradient", ["correct it"]),
    (
        {"benchmarks.runtime.training.warmup_forcing_strength": 1.0},
        "benchmarks.runtime.training.warmup_forcing_strength",
        ["no warm-up at sequence length 128", "remove it"],
    ),
    (
        {"experiments.lorenz63_full.training.forcing_schedule": "adaptive", "training.forcing_strength": 1.0},
        "training.forcing_strength",
        ["lower bound of an adaptive schedule", "0.99", "lower it"],
    ),
    (
        {"training.forcing_schedule": "adaptive"},
        "training.forcing_schedule",
        ["benchmarks.runtime times", "forcing_schedule: constant in benchmarks.runtime.training"],
    ),
    (
        {"models.lssm.training.forcing_schedule": "adaptive"},
        "models.lssm.training.forcing_schedule",
        ["no effect on architecture lssm"],
    ),
    (
        {"models.mamba2_7k.training": {"warmup_forcing_strength": 1.0}},
        "models.mamba2_7k.training.warmup_forcing_strength",
        ["no effect on architecture mamba2"],
    ),
    ({"training.samples_per_update": None}, "training.samples_per_update", ["is empty", "write a value"]),
    ({"training.batch_size": 4}, "training.batch_size", ["either batch_size or samples_per_update"]),
    (
        {"experiments.lorenz63_full.training.samples_per_update": 400},
        "experiments.lorenz63_full.training.batch_size",
        ["either batch_size or samples_per_update"],
    ),
    ({"training.learning_rate_end": 1.0}, "training.learning_rate_end", ["1.0 exceeds learning_rate_start", "lower"]),
    (
        {"experiments.lorenz63_full.training.learning_rate_end": 1.0},
        "experiments.lorenz63_full.training.learning_rate_end",
        ["1.0 exceeds learning_rate_start 0.005"],
    ),
    ({"training.samples_per_update": 100}, "training.samples_per_update", ["100 is no multiple", "length 64"]),
    (
        {"experiments.lorenz96_models.training.samples_per_update": 1000},
        "experiments.lorenz96_models.training.samples_per_update",
        ["no multiple of sequence length 256"],
    ),
    (
        {"benchmarks.lorenz96_update_time.training": {"samples_per_update": 3000}},
        "benchmarks.lorenz96_update_time.training.samples_per_update",
        ["no multiple of sequence length 1024 of benchmarks.lorenz96_update_time"],
    ),
    (
        {"experiments.lorenz63_full.training.warmup_steps": 100},
        "experiments.lorenz63_full.training.warmup_steps",
        ["100 leaves nothing to predict", "lower it"],
    ),
    (
        {"experiments.lorenz63_full.sequence_lengths": [30000]},
        "experiments.lorenz63_full.sequence_lengths",
        ["30000", "20000 training steps", "shorten"],
    ),
    (
        {"experiments.lorenz63_full.sequence_lengths": [100, 50, 100]},
        "experiments.lorenz63_full.sequence_lengths",
        ["100 stands twice", "once"],
    ),
    (
        {"experiments.lorenz63_full.models": ["shplrnn", "shplrnn"]},
        "experiments.lorenz63_full.models",
        ["'shplrnn' stands twice", "once"],
    ),
    (
        {"experiments.lorenz63_full.dataset": "lorenz64"},
        "experiments.lorenz63_full.dataset",
        ["'lorenz64' is not defined", "lorenz63"],
    ),
    (
        {"experiments.lorenz63_full.models": ["plrnn"]},
        "experiments.lorenz63_full.models",
        ["'plrnn' is not defined", "use one of"],
    ),
    (
        {"experiments": {}, "figures": {}, "tables": {}},
        "benchmarks.iterations.experiment",
        ["'lorenz63_dimensions' is not defined", "define it"],
    ),
    ({"experiments.lorenz63_full.seeds": 0}, "experiments.lorenz63_full.seeds", ["greater than or equal to 1"]),
    ({"experiments.Lorenz": SMOKE["experiments"]["lorenz63_full"]}, "experiments.Lorenz", ["pattern"]),
    ({"models.shplrnn_rank5.rank": 41}, "models.shplrnn_rank5.rank", ["41 exceeds hidden_dim 40", "lower rank"]),
    ({"models.shplrnn_rank5.rank": 16}, "models.shplrnn_rank5.rank", ["16 exceeds latent_dim 15", "lower rank"]),
    ({"models.shplrnn_full.slow_units": 15}, "models.shplrnn_full.slow_units", ["no fast unit", "lower slow_units"]),
    ({"models.shplrnn.architecture": "lstm"}, "models.shplrnn.architecture", ["'lstm' is unknown", "'shplrnn'"]),
    ({"models.mamba2_7k.head_dim": 5}, "models.mamba2_7k.head_dim", ["does not divide", "divisor"]),
    (
        {"models.lssm.training.solver": "quasi_deer"},
        "models.lssm.training.solver",
        ["no effect on architecture lssm", "remove"],
    ),
    (
        {"models.mamba2_7k.training": {"solver": "deer"}},
        "models.mamba2_7k.training.solver",
        ["no effect on architecture mamba2", "remove it"],
    ),
    ({"datasets.lorenz63.system": "lorenz64"}, "datasets.lorenz63.system", ["'lorenz64' is unknown", "lorenz63"]),
    (
        {"datasets.lorenz63.parameters": {"sigma": 10.0, "rho": 28.0}},
        "datasets.lorenz63.parameters.beta",
        ["missing", "state all of"],
    ),
    ({"datasets.lorenz63.observed": ["x", "w"]}, "datasets.lorenz63.observed", ["'w' is no component", "x, y, z"]),
    ({"datasets.lorenz63.observed": ["x", "x"]}, "datasets.lorenz63.observed", ["'x' stands twice", "once"]),
    (
        {"datasets.lorenz63.train.initial_state": [1.0, 2.0]},
        "datasets.lorenz63.train.initial_state",
        ["2 numbers", "x, y, z"],
    ),
    (
        {"datasets.lorenz63.test.initial_state": [1.0, 1.0, 20.0]},
        "datasets.lorenz63.test.initial_state",
        ["is that of train", "choose another"],
    ),
    ({"datasets.bursting.long_pauses": ...}, "datasets.bursting.long_pauses", ["state it for system bursting_neuron"]),
    (
        {"datasets.lorenz96.parameters.forcing_amplitude": -4.0},
        "datasets.lorenz96.parameters.forcing_amplitude",
        ["-4.0", "raise it above 0"],
    ),
    (
        {"datasets.lorenz96.parameters.forcing_amplitude": 0.0},
        "datasets.lorenz96.parameters.forcing_amplitude",
        ["0.0", "raise it above 0"],
    ),
    (
        {"experiments.lorenz96_lengths.evaluation": {"embeddings": [{"dimension": 3, "delay": 2500}]}},
        "experiments.lorenz96_lengths.evaluation.embeddings",
        ["(3, 2500)", "5000 steps", "10000 test steps", "lower it"],
    ),
    (
        {
            "experiments.lorenz96_lengths.evaluation": {"embeddings": [{"dimension": 2, "delay": 3000}]},
            "datasets.lorenz96.train.steps": 3000,
        },
        "experiments.lorenz96_lengths.evaluation.embeddings",
        ["3000 steps", "all 3000 training steps", "lengthen train.steps"],
    ),
    (
        {
            "experiments.lorenz96_lengths.evaluation": {
                "embeddings": [{"dimension": 5, "delay": 500}],
                "generated_steps": 2000,
            }
        },
        "experiments.lorenz96_lengths.evaluation.generated_steps",
        ["2000 steps leave no point of embedding (5, 500)", "raise it above 2000"],
    ),
    (
        {"evaluation.embeddings": [{"dimension": 2, "delay": 3}] * 2},
        "evaluation.embeddings",
        ["stands twice", "once"],
    ),
    ({"evaluation.warmup_steps": 10000}, "evaluation.warmup_steps", ["10000 test steps", "lower it"]),
    (
        {"evaluation.warmup_steps": 8401},
        "evaluation.example_steps",
        ["1600 exceeds the 1599 test steps behind the warm-up", "lower it"],
    ),
    (
        {"evaluation.warmup_steps": 9990, "evaluation.example_steps": 5},
        "evaluation.forecast_steps",
        ["20 exceeds the 10 test steps behind the warm-up"],
    ),
    ({"evaluation.example_steps": 8001}, "evaluation.example_steps", ["8001", "8000 generated steps", "lower it"]),
    (
        {"evaluation.lead_steps": 19},
        "evaluation.lead_steps",
        ["19 steps do not hold the 20 forecast_steps", "raise it"],
    ),
    (
        {"evaluation.lead_steps": 9801},
        "evaluation.lead_steps",
        ["9801 exceeds the 9800 test steps behind the warm-up", "lower it"],
    ),
    ({"evaluation.spectrum_smoothing": 0.0}, "evaluation.spectrum_smoothing", []),
    ({"evaluation.lyapunov_steps": 9801}, "evaluation.lyapunov_steps", ["9801 exceeds the 9800 test steps"]),
    ({"evaluation.forecast_windows": 8202}, "evaluation.forecast_windows", ["8202 windows", "8201 steps", "lower it"]),
    (
        {"benchmarks.iterations.experiment": "lorenz"},
        "benchmarks.iterations.experiment",
        ["'lorenz' is not defined", "lorenz63_dimensions"],
    ),
    (
        {"benchmarks.iterations.experiment": "lorenz96_models"},
        "benchmarks.iterations.experiment",
        ["trains lssm", "no Newton iterations", "choose an experiment"],
    ),
    (
        {"experiments.lorenz63_dimensions.seeds": 3, "experiments.lorenz63_dimensions.pack": 2},
        "benchmarks.iterations.experiment",
        ["lorenz63_dimensions trains 2 packs", "set its pack to 3"],
    ),
    ({"benchmarks.iterations.guesses": ["zero", "zero"]}, "benchmarks.iterations.guesses", ["'zero' stands twice"]),
    (
        {"benchmarks.iterations.forcing_strengths": [0.1, 0.2, 0.1]},
        "benchmarks.iterations.forcing_strengths",
        ["0.1 stands twice"],
    ),
    ({"benchmarks.iterations.kind": "newton"}, "benchmarks.iterations.kind", ["'newton' is unknown", "'iterations'"]),
    (
        {"benchmarks.iterations.sequence_length": 10001},
        "benchmarks.iterations.sequence_length",
        ["10001 exceeds the 10000 test steps", "shorten"],
    ),
    (
        {"benchmarks.runtime.models": ["shplrnn_m3", "mamba2_7k"]},
        "benchmarks.runtime.models",
        ["mamba2_7k", "no solver", "remove it"],
    ),
    ({"benchmarks.runtime.models": ["lssm"]}, "benchmarks.runtime.models", ["lssm", "no solver", "remove it"]),
    (
        {"benchmarks.lorenz63_full": SMOKE["benchmarks"]["iterations"]},
        "benchmarks.lorenz63_full",
        ["an experiment too", "rename"],
    ),
    ({"figures.figure2.full": "lorenz"}, "figures.figure2.full", ["'lorenz' is not defined", "lorenz63_full"]),
    ({"figures.figure1.runtime": "iterations"}, "figures.figure1.runtime", ["runtime benchmark 'iterations'"]),
    ({"figures.figure1.iterations": "runtime"}, "figures.figure1.iterations", ["iterations benchmark 'runtime'"]),
    ({"figures.figureA2.models": ["shplrnn"]}, "figures.figureA2.models", ["'shplrnn' is not defined"]),
    ({"figures.figure3.comparison.models": ["lssm"] * 2}, "figures.figure3.comparison.models", ["stands twice"]),
    ({"figures.figureA1.dataset": "lorenz63"}, "figures.figureA1.dataset", ["no periodic force", "lorenz96"]),
    ({"tables.tableA1.dataset": "lorenz96"}, "tables.tableA1.dataset", ["no bursting neuron", "bursting_neuron"]),
    (
        {"benchmarks.lorenz96_update_time.updates": {"deer": 5}},
        "tables.table2.lorenz96_runtime",
        ["does not time sequential", "add it to benchmarks.lorenz96_update_time.updates"],
    ),
    (
        {"benchmarks.bursting_update_time.updates": {"sequential": 5, "quasi_deer": 5}},
        "tables.table2.bursting_runtime",
        ["does not time deer"],
    ),
    (
        {"benchmarks.lorenz96_update_time.models": ["shplrnn_rank5"]},
        "tables.table2.lorenz96_runtime",
        ["does not time shplrnn_full of lorenz96_lengths", "add it"],
    ),
    (
        {"benchmarks.lorenz96_update_time.sequence_lengths": [64, 256]},
        "tables.table2.lorenz96_runtime",
        ["does not time 1024, the longest sequence", "add it"],
    ),
    (
        {"tables.table2.bursting_runtime": "lorenz96_update_time"},
        "tables.table2.bursting_runtime",
        ["trains on lorenz96", "bursting_lengths on bursting", "correct"],
    ),
]


def sweep(factor, value=None, **changes):
    """The smoke preset with one factor of its sweep changed, or one value of it."""
    config = copy.deepcopy(SMOKE)
    row = config["extras"]["figureS1"]["factors"][factor]
    (row if value is None else row["values"][value]).update(changes)
    return config


@pytest.mark.parametrize(
    ("config", "key", "words"),
    [
        (sweep(0, name="embedding"), "factors.2.name", ["'embedding' stands twice"]),
        (sweep(0, reference="N + 3"), "factors.0.reference", ["'N + 3' labels none", "use one of N, N + 1"]),
        (sweep(0, values=[]), "factors.0.values", ["at least 1 item"]),
        (sweep(0, contrast_is="else"), "factors.0.contrast_is", ["'else' is unknown", "'worse' or 'better'"]),
        (sweep(0, 1, label="N"), "factors.0.values.1.label", ["'N' stands twice"]),
        (sweep(0, 1, model="shplrnn"), "factors.0.values.1.model", ["'shplrnn' is not defined", "shplrnn_rank6"]),
        (sweep(0, 1, contrast="gru"), "factors.0.values.1.contrast", ["model 'gru' is not defined"]),
        (sweep(0, 1, contrast="shplrnn_rank6"), "factors.0.values.1.contrast", ["the model itself", "name another"]),
        (sweep(0, 1, experiment="other"), "factors.0.values.1.experiment", ["experiment 'other' is not defined"]),
        (sweep(0, 1, embedding="m2_tau9"), "factors.0.values.1.embedding", ["not judged in 'm2_tau9'", "m2_tau200"]),
        (changed({"extras.figureS1.experiment": "other"}), "experiment", ["experiment 'other' is not defined"]),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_wrong_sweep_is_refused_where_it_is_wrong(config, key, words):
    message = refusal(config)
    assert message.startswith(f"{FILE}: extras.figureS1.{key}: "), message
    for word in words:
        assert word in message


@pytest.mark.parametrize(("changes", "key", "words"), WRONG, ids=[f"{next(iter(c))} -> {k}" for c, k, _ in WRONG])
def test_a_wrong_preset_is_refused_in_one_line_that_names_file_key_and_mend(changes, key, words):
    message = refusal(changed(changes))
    assert message.startswith(f"{FILE}: {key}: "), message
    for word in words:
        assert word in message.removeprefix(f"{FILE}: {key}: ")


# What lies just on the right side of a limit.
RIGHT = [
    {"models.shplrnn.latent_dim": 2},
    {"evaluation.warmup_steps": 8400, "evaluation.forecast_windows": 1, "experiments.lorenz63_full.evaluation": {}},
    {"evaluation.lyapunov_steps": 9800},
    {"evaluation.forecast_windows": 8201},
    {"benchmarks.lorenz96_update_time.sequence_lengths": [256, 1024]},
    {"datasets.lorenz96.parameters.forcing_amplitude": 0.5},
    {"experiments.lorenz63_full.training.learning_rate_end": 0.005},
    {"experiments.lorenz63_full.training.forcing_schedule": "adaptive"},
    {"experiments.lorenz96_models.training": {"warmup_forcing_strength": 1.0, "mar_direction": "multiply"}},
    {"source": "assumed: for a test"},
]


@pytest.mark.parametrize("changes", RIGHT, ids=[next(iter(changes)) for changes in RIGHT])
def test_what_can_work_is_not_refused(changes):
    load_preset(changed(changes), FILE)


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
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_copy_that_keeps_the_name_of_its_original_is_refused(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(SMOKE))
    with pytest.raises(UserError) as caught:
        read_preset(file)
    assert str(caught.value).startswith(f"{file}: preset: 'smoke' is not the name of the file; write mine, or call")
    file.write_text(yaml.safe_dump(SMOKE | {"preset": "mine"}))
    assert read_preset(file).preset == "mine"


def controlled(changes=(), **experiments):
    """The smoke preset with the controls of Figure B5, changed."""
    base = SMOKE["experiments"]["lorenz96_lengths"]
    trained = {"fixed_warmup": {"warmup_steps": 8}, "adaptive": {"forcing_schedule": "adaptive"}}
    controls = {role: base | {"training": training} | experiments.get(role, {}) for role, training in trained.items()}
    roles = {"reference": "lorenz96_lengths"} | {role: role for role in trained}
    shown = {"extras.figureB5": roles} | {f"experiments.{role}": control for role, control in controls.items()}
    return changed(shown | dict(changes))


@pytest.mark.parametrize(
    ("config", "role", "words"),
    [
        (controlled(fixed_warmup={"dataset": "lorenz63"}), "fixed_warmup", ["another dataset than lorenz96_lengths"]),
        (controlled(adaptive={"models": ["lssm"]}), "adaptive", ["trains lssm instead of shplrnn_full", "correct"]),
        (controlled(adaptive={"evaluation": {}}), "adaptive", ["another evaluation than lorenz96_lengths"]),
        (controlled(fixed_warmup={"training": {}}), "fixed_warmup", ["as lorenz96_lengths is", "state warmup_steps"]),
        (controlled(adaptive={"training": {}}), "adaptive", ["state forcing_schedule: adaptive"]),
        (controlled({"extras.figureB5.adaptive": "other"}), "adaptive", ["experiment 'other' is not defined"]),
    ],
)
def test_a_control_that_controls_something_else_is_refused(config, role, words):
    message = refusal(config)
    assert message.startswith(f"{FILE}: extras.figureB5.{role}: "), message
    for word in words:
        assert word in message


def test_controls_that_differ_in_what_they_control_are_accepted():
    assert load_preset(controlled(), FILE).extras.figureB5.adaptive == "adaptive"


def test_a_file_that_is_no_preset_is_told_so():
    with pytest.raises(UserError, match=r"claims\.yaml: is no preset, for it has no key preset; give one"):
        read_preset(Path(__file__).parents[2] / "config/claims.yaml")
