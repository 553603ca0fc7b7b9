"""Every name that a preset uses must be defined in it."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from workflow_src.config.preset import Preset, RuntimeBenchmarkSpec
from workflow_src.config.shown import AbstractDetailedSpec, ModelsSpec
from workflow_src.errors import UserError
from workflow_src.specs.section import AbstractSection


class Reference(NamedTuple):
    """A use of a name: dotted key, kind of thing, the name, and those that are defined."""

    key: str
    kind: str
    name: str
    defined: Collection[str]


def check_references(preset: Preset) -> None:
    """Refuse a name that is not defined, or that an experiment and a benchmark share."""
    for key, kind, name, defined in _references(preset):
        if name not in defined:
            mend = f"use one of {', '.join(defined)}" if defined else "define it"
            raise UserError(f"{key}: {kind} '{name}' is not defined; {mend}")
    for name in preset.benchmarks:
        if name in preset.experiments:
            raise UserError(f"benchmarks.{name}: is the name of an experiment too; rename one")


def _references(preset: Preset) -> Iterator[Reference]:
    for owner, spec in preset.protocols().items():
        yield Reference(f"{owner}.dataset", "dataset", spec.dataset, preset.datasets)
        for model in spec.models:
            yield Reference(f"{owner}.models", "model", model, preset.models)
    for name, benchmark in preset.benchmarks.items():
        if not isinstance(benchmark, RuntimeBenchmarkSpec):
            yield Reference(f"benchmarks.{name}.experiment", "experiment", benchmark.experiment, preset.experiments)
    for section, shown in (("figures", preset.figures), ("tables", preset.tables), ("extras", preset.extras)):
        for target, roles in shown:
            if roles is not None:
                yield from _roles(preset, f"{section}.{target}", roles)
    for role, name in preset.claims:
        if name is not None:
            yield Reference(f"claims.{role}", "experiment", name, preset.experiments)


def _roles(preset: Preset, key: str, roles: AbstractSection) -> Iterator[Reference]:
    """The names in the roles of one figure or table."""
    runtime = [name for name, spec in preset.benchmarks.items() if isinstance(spec, RuntimeBenchmarkSpec)]
    iterations = [name for name in preset.benchmarks if name not in runtime]
    if isinstance(roles, ModelsSpec):
        yield Reference(f"{key}.experiment", "experiment", roles.experiment, preset.experiments)
        for model in roles.models:
            yield Reference(f"{key}.models", "model", model, preset.experiments[roles.experiment].models)
        return
    if isinstance(roles, AbstractDetailedSpec):
        for use in roles.uses():
            yield Reference(f"{key}.{use.experiment_key}", "experiment", use.experiment, preset.experiments)
            yield Reference(f"{key}.{use.model_key}", "model", use.model, preset.experiments[use.experiment].models)
        return
    for role, value in roles:
        if isinstance(value, AbstractSection):
            yield from _roles(preset, f"{key}.{role}", value)
        elif role == "dataset":
            yield Reference(f"{key}.{role}", "dataset", value, preset.datasets)
        elif role == "iterations":
            yield Reference(f"{key}.{role}", "iterations benchmark", value, iterations)
        elif role.endswith("runtime"):
            yield Reference(f"{key}.{role}", "runtime benchmark", value, runtime)
        else:
            yield Reference(f"{key}.{role}", "experiment", value, preset.experiments)
