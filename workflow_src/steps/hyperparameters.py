"""List every hyper-parameter of a preset's datasets, experiments and benchmarks, with where its value comes from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from workflow_src import provenance, store
from workflow_src.config import OF_FORCED_MODELS, Block, ExperimentSpec, Preset, merge, read_preset, sources
from workflow_src.specs.benchmark import IterationsBenchmarkSpec
from workflow_src.specs.model import AbstractForcedModelSpec
from workflow_src.steps.arguments import arguments, run

UNSTATED = "not stated"
# Random numbers and the names of other parts of the preset come from nowhere, and results do not depend on packs.
LEFT_OUT = ("noise_seed", "pack", "first_seed", "kind", "architecture", "training", "evaluation")
NAMES = ("system", "dataset", "experiment")
NO_SOURCE = "–"


class Row(NamedTuple):
    """One quantity of one part of the preset."""

    section: str
    name: str
    key: str
    value: str
    source: str


def hyperparameters(preset: Preset, origin: Mapping[str, str]) -> pd.DataFrame:
    """Rows of what datasets are made with and of what every job of an experiment or benchmark receives.

    Args:
        origin: comment of each dotted key. The innermost block that states a key decides; without a comment the
            preset's own `source` holds. Where models differ, each distinct value brings its source.
    """
    listing = _Listing(preset, origin)
    rows = [row for name in preset.datasets for row in listing.dataset(name)]
    rows += [row for owner in preset.protocols() if owner.startswith("experiments.") for row in listing.protocol(owner)]
    for name, benchmark in preset.benchmarks.items():
        is_plain = isinstance(benchmark, IterationsBenchmarkSpec)
        rows += listing.iterations(name, benchmark) if is_plain else listing.protocol(f"benchmarks.{name}")
    return pd.DataFrame(rows, columns=list(Row._fields))


class _Listing:
    def __init__(self, preset: Preset, origin: Mapping[str, str]) -> None:
        self.preset = preset
        self.origin = origin

    def dataset(self, name: str) -> Iterator[Row]:
        for key, value in _flat(self.preset.datasets[name].model_dump(exclude_none=True)):
            if key not in LEFT_OUT:
                yield self._row("dataset", name, key, [(value, f"datasets.{name}.{key}")])

    def iterations(self, name: str, benchmark: IterationsBenchmarkSpec) -> Iterator[Row]:
        for key, value in benchmark:
            if key not in LEFT_OUT:
                yield self._row("benchmark", name, key, [(value, f"benchmarks.{name}.{key}")])

    def protocol(self, owner: str) -> Iterator[Row]:
        """An experiment or a runtime benchmark."""
        spec = self.preset.protocols()[owner]
        section, name = ("experiment" if isinstance(spec, ExperimentSpec) else "benchmark"), owner.partition(".")[2]
        for key, value in spec:
            if key not in LEFT_OUT:
                label = "timed updates" if key == "updates" else key
                yield self._row(section, name, label, [(value, f"{owner}.{key}")])
        sizes = [Block(f"models.{model}", dict(self.preset.models[model])) for model in spec.models]
        for key, stated in _by_key(merge(block) for block in sizes):
            if key not in LEFT_OUT:
                yield self._row(section, name, key, stated)
        for key, stated in _by_key(self._training(owner, model) for model in spec.models):
            # A benchmark trains for as long as its timing takes, by every solver that it times.
            if section == "experiment" or key not in ("updates", "solver"):
                yield self._row(section, name, f"training.{key}", stated)
        if section == "experiment":
            for key, stated in _by_key([merge(*self.preset.evaluation_blocks(name))]):
                yield self._row(section, name, f"evaluation.{key}", stated)

    def _training(self, owner: str, model: str) -> tuple[dict[str, Any], dict[str, str]]:
        """Values and places of what the training of a model makes use of."""
        values, places = merge(*self.preset.training_blocks(owner, model))
        if not isinstance(self.preset.models[model], AbstractForcedModelSpec):
            values = {key: value for key, value in values.items() if key not in OF_FORCED_MODELS}
        return values, places

    def _row(self, section: str, name: str, key: str, stated: Iterable[tuple[Any, str]]) -> Row:
        """The distinct values of a key and their sources.

        Args:
            stated: value and dotted key of its place, per model.
        """
        found: dict[str, str] = {}
        for value, place in stated:
            found.setdefault(_text(value), NO_SOURCE if key in NAMES else self._source(place))
        return Row(section, name, key, ", ".join(found), "; ".join(dict.fromkeys(found.values())))

    def _source(self, place: str) -> str:
        return self.origin.get(place) or self.preset.source or UNSTATED


def _by_key(
    merged: Iterable[tuple[dict[str, Any], dict[str, str]]],
) -> Iterator[tuple[str, list[tuple[Any, str]]]]:
    """Per key, the value and place of each model that has it."""
    models = list(merged)
    for key in dict.fromkeys(key for values, _ in models for key in values):
        yield key, [(values[key], places[key]) for values, places in models if key in values]


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of nested mappings."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _text(value: Any) -> str:
    match value:
        case {"dimension": dimension, "delay": delay}:
            return f"({dimension}, {delay})"
        case dict():
            return ", ".join(f"{key} {inner}" for key, inner in value.items())
        case list() | tuple():
            return ", ".join(map(_text, value))
    return str(value)


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(__doc__, preset=Path, output=Path).parse(argv)
    with provenance.record("hyperparameters", args, outputs=["output"]):
        rows = hyperparameters(read_preset(args.preset), sources(args.preset))
        store.write_atomically(args.output, lambda path: rows.to_csv(path, index=False, lineterminator="\n"))


if __name__ == "__main__":
    run(main)
