"""List every hyper-parameter of a preset's experiments and benchmarks, with where its value comes from."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from workflow_src import provenance, store
from workflow_src.config import Preset, RuntimeBenchmarkSpec, read_preset, sources
from workflow_src.steps.arguments import arguments, run

Row = tuple[str, str, str, str]
# Blocks of the preset that a value may stand in, the innermost first.
PLAIN = ("sequence_lengths", "seeds", "updates", "passes", "forcing_strengths", "guesses", "sequence_length")


def hyperparameters(preset: Preset, origin: dict[str, str]) -> pd.DataFrame:
    """Rows (experiment, key, value, source).

    Args:
        origin: comment of each dotted key. The innermost block that states a key decides; a block on one line has one
            source.
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
    for key in ("latent_dim", "hidden_dim", "slow_units", "rank", "init_scale", "model_dim", "state_dim"):
        values = {m: getattr(preset.models[m], key, None) for m in spec.models}
        values = {m: value for m, value in values.items() if value is not None}
        if values:
            yield name, key, _joined(values.values()), _source(origin, f"models.{next(iter(values))}")
    for key in ("sequence_lengths", "seeds"):
        yield name, key, _text(getattr(spec, key)), _source(origin, f"{where}.{key}")
    yield from _training(preset, origin, name, where, spec.models, spec.training)
    evaluation = preset.evaluation_of(name)
    for key, value in evaluation:
        if key == "embeddings":
            value = ", ".join(f"({e.dimension}, {e.delay})" for e in value)
        found = f"{where}.evaluation" if key in spec.evaluation else f"evaluation.{key}"
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
        yield from _training(preset, origin, name, where, spec.models, spec.training)


def _training(
    preset: Preset, origin: dict[str, str], name: str, where: str, models: Sequence[str], overrides: dict[str, object]
) -> Iterator[Row]:
    resolved = {model: preset.training_of(model, overrides) for model in models}
    for key in type(next(iter(resolved.values()))).model_fields:
        values = [getattr(spec, key) for spec in resolved.values() if getattr(spec, key) is not None]
        if not values or (key == "updates" and where.startswith("benchmarks")):
            continue
        own = next((model for model in models if key in preset.models[model].training), None)
        place = f"models.{own}" if own else f"{where}.training" if key in overrides else f"training.{key}"
        yield name, key, _joined(values), _source(origin, place)


def _joined(values: object) -> str:
    return ", ".join(dict.fromkeys(_text(value) for value in values))  # type: ignore[union-attr]


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
