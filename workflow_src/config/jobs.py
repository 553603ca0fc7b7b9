"""Every job of a preset: what it writes, with which settings, from what. The rules say how; this says what."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from workflow_src.config.claims import claims_spec, role_names
from workflow_src.config.preset import Preset, pack_label
from workflow_src.config.shown import AbstractDetailedSpec, ModelsSpec
from workflow_src.specs.benchmark import IterationsBenchmarkSpec
from workflow_src.specs.run import RunSpec

# What table 5 shows.
ROWS = "tables/hyperparameters.csv"


class Job(NamedTuple):
    """One job, as its record states it.

    Attributes:
        step: module under workflow_src.steps.
        outputs: paths below the preset's folder of results.
        spec: settings by argument.
        modules: modules under workflow_src whose sources count, besides the step's own.
        reads: paths below the preset's folder of results.
        inputs: role and path of these, where the preset chooses them; empty where settings and outputs tell them.
    """

    step: str
    outputs: tuple[str, ...]
    spec: Mapping[str, Any]
    modules: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    inputs: Mapping[str, str] = {}


def jobs(preset: Preset) -> Iterator[Job]:
    """All jobs of a preset, upstream first."""
    made, extras = list(_results(preset)), list(extra_jobs(preset))
    yield from made
    yield from extras
    yield from _reports(preset, made, extras)


def report_jobs(preset: Preset) -> dict[str, Job]:
    """The jobs that write pages of a preset's results, by the name of their rule."""
    pages = _reports(preset, list(_results(preset)), list(extra_jobs(preset)))
    return dict(zip(("report", "report_extras"), pages, strict=False))


def extra_jobs(preset: Preset) -> Iterator[Job]:
    """The figures beyond the paper's, which are no part of `all`."""
    yield from _section(preset, "extras", "figure", ("pdf", "png", "csv"))


def _results(preset: Preset) -> Iterator[Job]:
    """All that `all` makes or needs, but its report."""
    for name, dataset in preset.datasets.items():
        yield Job("simulate", (f"simulate/{name}.nc",), {"spec": dataset.model_dump(mode="json"), "name": name})
    for run in preset.runs():
        at = place(run)
        trained = (f"train/{at}/model.eqx", f"train/{at}/history.nc")
        data = f"simulate/{run.dataset}.nc"
        yield Job("train", trained, {"spec": run.model_dump(mode="json")}, reads=(data,))
        judged = preset.evaluation_of(run.experiment).model_dump(mode="json")
        yield Job("evaluate", (f"evaluate/{at}.nc",), {"evaluation": judged}, reads=(data, *trained))
    for name in preset.benchmarks:
        yield from _benchmark(preset, name)
    for name in preset.experiments:
        places = [place(run) for run in preset.runs() if run.experiment == name]
        parts = (*(f"evaluate/{one}.nc" for one in places), *(f"train/{one}/history.nc" for one in places))
        combined = {"spec": preset.aggregate(name).model_dump(mode="json")}
        yield Job("aggregate", (f"aggregate/{name}.nc",), combined, reads=parts)
    yield from _shown(preset)
    if inputs := {role: f"aggregate/{name}.nc" for role, name in role_names(preset).items()}:
        judged = {"spec": claims_spec(preset).model_dump(mode="json")}
        yield Job("claims", ("claims.csv", "claims.md"), judged, reads=tuple(inputs.values()), inputs=inputs)


def upstream(preset: Preset, targets: Iterable[str]) -> list[str]:
    """Everything that some results are made from, as paths below the preset's folder of results."""
    made = {path: job for job in jobs(preset) for path in job.outputs}
    found: dict[str, None] = {}
    waiting = list(targets)
    while waiting:
        for path in made[waiting.pop()].reads:
            if path not in found:
                found[path] = None
                waiting.append(path)
    return list(found)


def place(run: RunSpec) -> str:
    """Where the files of a training job lie below their stages' folders."""
    return f"{run.experiment}/{run.model}/T{run.sequence_length}/seeds{pack_label(run.seeds)}"


def _benchmark(preset: Preset, name: str) -> Iterator[Job]:
    cells = preset.benchmark_cells(name)
    parts: list[str] = []
    for model, length in cells.cells:
        if isinstance(preset.benchmarks[name], IterationsBenchmarkSpec):
            spec = preset.iterations_run(name, model)
            trained = (f"train/{place(spec.run)}/{file}" for file in ("model.eqx", "history.nc"))
            reads = (f"simulate/{spec.run.dataset}.nc", *trained)
            parts.append(f"benchmark/{name}/{model}.nc")
            yield Job("benchmark_iterations", (parts[-1],), {"spec": spec.model_dump(mode="json")}, reads=reads)
        elif length is not None:
            timed = preset.runtime_run(name, model, length)
            reads = (f"simulate/{timed.run.dataset}.nc",)
            parts.append(f"benchmark/{name}/{model}/T{length}.nc")
            yield Job("benchmark_runtime", (parts[-1],), {"spec": timed.model_dump(mode="json")}, reads=reads)
    combined = {"cells": cells.model_dump(mode="json")}
    yield Job("aggregate_benchmark", (f"aggregate/{name}.nc",), combined, reads=tuple(parts))


def _shown(preset: Preset) -> Iterator[Job]:
    """Figures and tables."""
    yield Job("hyperparameters", (ROWS,), {})
    yield from _section(preset, "figures", "figure", ("pdf", "png", "csv"))
    yield from _section(preset, "tables", "table", ("csv", "md", "tex"))


def _section(preset: Preset, section: str, step: str, suffixes: tuple[str, ...]) -> Iterator[Job]:
    """All that one section of the preset shows."""
    for target, roles in getattr(preset, section):
        if roles is not None:
            outputs = tuple(f"{section}/{target}.{suffix}" for suffix in suffixes)
            spec: dict[str, Any] = {step: target, "models": _models(roles)}
            if isinstance(roles, AbstractDetailedSpec):
                spec["settings"] = roles.model_dump(mode="json", exclude_none=True)
            inputs = {"rows": ROWS} if target == "table5" else _inputs(roles)
            yield Job(step, outputs, spec, (f"{step}s.{target}",), tuple(inputs.values()), inputs)


def _reports(preset: Preset, made: Sequence[Job], extras: Sequence[Job]) -> Iterator[Job]:
    """The page of all results, and that of the figures beyond the paper where there are any."""
    told = [job for job in made if job.step in ("hyperparameters", "claims")]
    varied = {"factors": _factors(preset)}
    shown = [job for job in made if job.step in ("figure", "table")]
    yield _report("report.html", shown, told, varied, _names(extras) or "none")
    if extras:
        yield _report("extras/report.html", extras, [job for job in told if job.step == "hyperparameters"], varied)


def _factors(preset: Preset) -> list[dict[str, Any]]:
    """What Fig. S1 varies: the value behind the other figures, and all that it tries."""
    return [
        {
            "label": factor.label or factor.name.replace("_", " "),
            "reference": factor.reference,
            "values": [value.label for value in factor.values],
        }
        for factor in (preset.extras.figureS1.factors if preset.extras.figureS1 else ())
    ]


def _report(
    page: str, shown: Sequence[Job], told: Sequence[Job], varied: Mapping[str, Any], elsewhere: str = "none"
) -> Job:
    """A page of results: it reads what is shown, and the aggregates for the runs that diverged."""
    read = dict.fromkeys(path for job in (*shown, *told) for path in job.reads if path.startswith("aggregate/"))
    reads = (*(path for job in (*shown, *told) for path in job.outputs), *read)
    return Job("report", (page,), {"shown": _names(shown), "elsewhere": elsewhere, "varied": varied}, reads=reads)


def _names(shown: Iterable[Job]) -> str:
    return ",".join(str(job.spec[job.step]) for job in shown)


def _models(roles: Any) -> str:
    chosen = getattr(roles, "comparison", roles)
    return ",".join(getattr(chosen, "models", ())) or "all"


def _inputs(roles: Any) -> dict[str, str]:
    if isinstance(roles, AbstractDetailedSpec):
        return {name: f"aggregate/{name}.nc" for name in roles.experiments()}
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
