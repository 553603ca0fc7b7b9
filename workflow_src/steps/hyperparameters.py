"""List every hyper-parameter of a preset's experiments and benchmarks, with where its value comes from."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from workflow_src import provenance, store
from workflow_src.config import Preset, RuntimeBenchmarkSpec, read_preset, sources
from workflow_src.specs.training import TrainingSpec
from workflow_src.steps.arguments import arguments, run

Row = tuple[str, str, str, str]
# What a benchmark states itself, in this order.
PLAIN = ("sequence_lengths", "seeds", "updates", "passes", "forcing_strengths", "guesses", "sequence_length")


def hyperparameters(preset: Preset, origin: dict[str, str]) -> pd.DataFrame:
    """Rows (experiment, key, value, source).

    Args:
        origin: comment of each dotted key. The innermost block that states a key decides; where models differ, each
            distinct value brings its source.
    """
    rows = [row for name in preset.experiments for row in _experiment(preset, origin, name)]
    rows += [row for name in preset.benchmarks for row in _benchmark(preset, origin, name)]
    return pd.DataFrame(rows, columns=["experiment", "key", "value", "source"])


def _experiment(preset: Preset, origin: dict[str, str], name: str) -> Iterator[Row]:
    spec = preset.experiments[name]
    where = f"experiments.{name}"
    dataset = preset.datasets[spec.dataset]
    for key in ("time_step", "noise"):
        yield name, key, str(getattr(dataset, key)), _source(origin, f"datasets.{spec.dataset}.{key}")
    yield name, "models", ", ".join(spec.models), _source(origin, f"{where}.models")
    yield from _architectures(preset, origin, name, spec.models)
    for key in ("sequence_lengths", "seeds"):
        yield name, key, _text(getattr(spec, key)), _source(origin, f"{where}.{key}")
    yield from _training(preset, origin, name, where, spec.models, spec.training)
    evaluation = preset.evaluation_of(name)
    for key, value in evaluation:
        if key == "embeddings":
            value = ", ".join(f"({e.dimension}, {e.delay})" for e in value)
        found = f"{where}.evaluation.{key}" if key in spec.evaluation else f"evaluation.{key}"
        yield name, f"evaluation.{key}", _text(value), _source(origin, found)


def _benchmark(preset: Preset, origin: dict[str, str], name: str) -> Iterator[Row]:
    spec = preset.benchmarks[name]
    where = f"benchmarks.{name}"
    for key in PLAIN:
        if hasattr(spec, key):
            label = "timed_updates" if key == "updates" else key
            yield name, label, _text(getattr(spec, key)), _source(origin, f"{where}.{key}")
    if isinstance(spec, RuntimeBenchmarkSpec):
        yield name, "models", ", ".join(spec.models), _source(origin, f"{where}.models")
        yield from _architectures(preset, origin, name, spec.models)
        yield from _training(preset, origin, name, where, spec.models, spec.training)


def _architectures(preset: Preset, origin: dict[str, str], name: str, models: Sequence[str]) -> Iterator[Row]:
    specs = {model: preset.models[model] for model in models}
    for key in dict.fromkeys(key for spec in specs.values() for key in type(spec).model_fields):
        if key not in ("architecture", "training"):
            stated = [(getattr(spec, key), f"models.{m}.{key}") for m, spec in specs.items() if hasattr(spec, key)]
            yield _row(origin, name, key, stated)


def _training(
    preset: Preset, origin: dict[str, str], name: str, where: str, models: Sequence[str], overrides: dict[str, object]
) -> Iterator[Row]:
    resolved = {model: preset.training_of(where, model) for model in models}
    for key in TrainingSpec.model_fields:
        if key == "updates" and where.startswith("benchmarks"):
            continue
        block = f"{where}.training" if key in overrides else "training"
        stated = [
            (value, f"models.{model}.training.{key}" if key in preset.models[model].training else f"{block}.{key}")
            for model, spec in resolved.items()
            if (value := getattr(spec, key)) is not None
        ]
        if stated:
            yield _row(origin, name, key, stated)


def _row(origin: dict[str, str], name: str, key: str, stated: Iterable[tuple[object, str]]) -> Row:
    """The distinct values of a key and their sources, in the order of the models.

    Args:
        stated: value and dotted key of its place, per model.
    """
    found: dict[str, str] = {}
    for value, place in stated:
        found.setdefault(_text(value), _source(origin, place))
    return name, key, ", ".join(found), "; ".join(dict.fromkeys(found.values()))


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _source(origin: dict[str, str], key: str) -> str:
    return origin.get(key, "this preset")


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(__doc__, preset=Path, output=Path).parse(argv)
    with provenance.record("hyperparameters", args):
        rows = hyperparameters(read_preset(args.preset), sources(args.preset))
        store.write_atomically(args.output, lambda path: rows.to_csv(path, index=False, lineterminator="\n"))


if __name__ == "__main__":
    run(main)
