"""Every job of a preset: what it writes, with which settings, from what. The rules say how; this says what."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from workflow_src.config.preset import Preset, pack_label
from workflow_src.config.shown import ModelsSpec
from workflow_src.specs.benchmark import IterationsBenchmarkSpec


class Job(NamedTuple):
    """One job, as its record states it.

    Attributes:
        step: module under workflow_src.steps.
        outputs: paths below the preset's folder of results.
        spec: settings by argument.
        modules: modules under workflow_src whose sources count, besides the step's own.
        inputs: role and path below the folder of results, where the preset chooses them; empty where settings and
            outputs tell them.
    """

    step: str
    outputs: tuple[str, ...]
    spec: Mapping[str, Any]
    modules: tuple[str, ...] = ()
    inputs: Mapping[str, str] = {}


def jobs(preset: Preset) -> Iterator[Job]:
    """All jobs of a preset, upstream first."""
    for name, dataset in preset.datasets.items():
        yield Job("simulate", (f"simulate/{name}.nc",), {"spec": dataset.model_dump(mode="json"), "name": name})
    for run in preset.runs():
        place = f"{run.experiment}/{run.model}/T{run.sequence_length}/seeds{pack_label(run.seeds)}"
        trained = (f"train/{place}/model.eqx", f"train/{place}/history.nc")
        yield Job("train", trained, {"spec": run.model_dump(mode="json")})
        judged = preset.evaluation_of(run.experiment).model_dump(mode="json")
        yield Job("evaluate", (f"evaluate/{place}.nc",), {"evaluation": judged})
    for name in preset.benchmarks:
        yield from _benchmark(preset, name)
    for name in preset.experiments:
        yield Job("aggregate", (f"aggregate/{name}.nc",), {"spec": preset.aggregate(name).model_dump(mode="json")})
    yield from _shown(preset)


def _benchmark(preset: Preset, name: str) -> Iterator[Job]:
    cells = preset.benchmark_cells(name)
    for model, length in cells.cells:
        if isinstance(preset.benchmarks[name], IterationsBenchmarkSpec):
            spec = preset.iterations_run(name, model)
            yield Job("benchmark_iterations", (f"benchmark/{name}/{model}.nc",), {"spec": spec.model_dump(mode="json")})
        elif length is not None:
            timed = preset.runtime_run(name, model, length)
            output = f"benchmark/{name}/{model}/T{length}.nc"
            yield Job("benchmark_runtime", (output,), {"spec": timed.model_dump(mode="json")})
    yield Job("aggregate_benchmark", (f"aggregate/{name}.nc",), {"cells": cells.model_dump(mode="json")})


def _shown(preset: Preset) -> Iterator[Job]:
    """Figures and tables."""
    rows = "tables/hyperparameters.csv"
    yield Job("hyperparameters", (rows,), {})
    for section, step, suffixes in (("figures", "figure", "pdf png csv"), ("tables", "table", "csv md tex")):
        for target, roles in getattr(preset, section):
            if roles is not None:
                outputs = tuple(f"{section}/{target}.{suffix}" for suffix in suffixes.split())
                spec = {step: target, "models": _models(roles)}
                inputs = {"rows": rows} if target == "table5" else _inputs(roles)
                yield Job(step, outputs, spec, (f"{section}.{target}",), inputs)


def _models(roles: Any) -> str:
    chosen = getattr(roles, "comparison", roles)
    return ",".join(getattr(chosen, "models", ())) or "all"


def _inputs(roles: Any) -> dict[str, str]:
    found = {}
    for role, value in roles:
        if role == "dataset":
            found[role] = f"simulate/{value}.nc"
        elif role == "experiment":
            found["models"] = f"aggregate/{value}.nc"
        elif isinstance(value, ModelsSpec):
            found[role] = f"aggregate/{value.experiment}.nc"
        elif role != "models":
            found[role] = f"aggregate/{value}.nc"
    return found
