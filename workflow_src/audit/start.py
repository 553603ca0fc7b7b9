"""Which results would be made again, told by their records alone: a clone has these, but no memory of Snakemake's."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from workflow_src.audit import probe
from workflow_src.audit.today import Today, below
from workflow_src.config import Preset
from workflow_src.config.jobs import Job
from workflow_src.provenance import carriers, lineage, sidecar
from workflow_src.provenance.carriers import Damaged
from workflow_src.provenance.record import SCHEMA
from workflow_src.provenance.seals import is_intact, sha256_of

# Rules that stand for all files of a section.
SECTIONS = {
    "all": ("figures/", "tables/", "claims.", "report.html"),
    "bundle": ("figures/", "tables/", "claims.", "report.html", "extras/"),
    "figures": ("figures/",),
    "tables": ("tables/",),
    "extras": ("extras/",),
    "sensitivity": ("extras/figureS1.",),
}

# Folders of what is not shipped with arrays that were combined from it.
RUNS = ("train/", "benchmark/")


class Verdict(NamedTuple):
    """Reason by path, upstream first, of results that are not as today's preset and sources would make them.

    Attributes:
        stale: to be made again.
        kept: left as they are.
    """

    stale: dict[str, str]
    kept: dict[str, str]


class Told(NamedTuple):
    """What a result's record says."""

    record: Mapping[str, Any]
    content_sha256: str


def outdated(preset: Preset, file: Path, results: Path, targets: Iterable[str] = ()) -> Verdict:
    """The results whose record is not of today's preset and sources, or whose inputs were made again, and why.

    Arrays that were shipped without the runs they were combined from outlive a change of the sources, each for itself:
    a figure drawn from them must not train everything again. A change of the preset they do not outlive: their records
    tell the settings of all runs.

    Args:
        file: of the preset.
        results: the preset's folder of results.
        targets: rules and files that are asked for; all figures and tables by default. What they do not need is left
            out.
    Returns:
        What is stale and what is kept. Files without a record are left out: nothing tells what made them.
    """
    today = Today(preset, file)
    told: dict[str, Told | None] = {}
    found = Verdict({}, {})
    needed = _needed(today, results, targets)
    shipped = _shipped(today, results)
    for output, job in today.jobs.items():
        path = results / output
        if job.outputs[0] not in needed or not path.exists():
            continue
        here = _told(path, told)
        if here is None:
            continue
        if (
            reason := today.other_settings(output, here.record)
            or _older(here.record, job, results, told)
            or _other_upstream(path, job, today, results)
        ):
            found.stale[str(path)] = reason
        elif reason := today.other_sources(output, here.record):
            (found.kept if job.outputs[0] in shipped else found.stale)[str(path)] = reason
    return found


def finished(preset: Preset, file: Path, results: Path, unsure: Iterable[str]) -> list[str]:
    """Those of some results that today's preset and sources made, whole, although nobody saw their jobs end.

    A job that outlives the Snakemake that started it finishes its work; its record is the last thing that it writes.

    Args:
        unsure: paths of results.
    """
    today = Today(preset, file)
    told: dict[str, Told | None] = {}
    found: list[str] = []
    waiting = {str(Path(one).relative_to(results)) for one in unsure if Path(one).is_relative_to(results)}
    for job in {id(job): job for job in today.jobs.values()}.values():
        if waiting.isdisjoint(job.outputs):
            continue
        whole = [_is_whole(results / output) for output in job.outputs]
        records = [_told(results / output, told) for output in job.outputs] if all(whole) else [None]
        if all(
            one and not today.stale(output, one.record) and not _older(one.record, job, results, told)
            for output, one in zip(job.outputs, records, strict=False)
        ):
            found += [str(results / output) for output in job.outputs if output in waiting]
    return found


def asked_for(preset: Preset, file: Path, results: Path, targets: Iterable[str], paths: Iterable[str]) -> list[str]:
    """Those of some results that the targets need, or that all figures and tables do where there are no targets."""
    if not (paths := list(paths)):
        return []
    today = Today(preset, file)
    needed = _needed(today, results, targets)
    names = {path: os.path.relpath(path, results) for path in paths}
    return [path for path, name in names.items() if name in today.jobs and today.jobs[name].outputs[0] in needed]


def _other_upstream(path: Path, job: Job, today: Today, results: Path) -> str | None:
    """What today's preset asks for that a file upstream was not made with, if that is not here to tell it itself."""
    if job.step != "aggregate" or all((results / name).exists() for name in job.reads):
        return None
    try:
        record = (carriers.read(path) if _is_whole(path) else probe.read(path))[0] or {}
        ancestors = lineage.unpack(record.get("lineage"))
    except Damaged:
        return None
    for one in ancestors:
        name = below(one.record, Path(one.path).name) if one.record and one.record.get("schema") == SCHEMA else None
        if name and not (results / name).exists() and (reason := today.other_settings(name, one.record or {})):
            return f"{results / name} is not here, and {reason}"
    return None


def _shipped(today: Today, results: Path) -> set[str]:
    """First outputs of the jobs of combined arrays that are there without any of their runs, and of all upstream.

    To make one of these again is to train everything downstream of it again.
    """
    found: set[str] = set()
    for output, job in today.jobs.items():
        if job.step in ("aggregate", "aggregate_benchmark") and (results / output).exists():
            made_from = _closure(today, [output])
            names = {name for one in made_from for name in today.jobs[one].outputs}
            if not any(name.startswith(RUNS) and (results / name).exists() for name in names):
                found |= made_from
    return found


def _is_whole(path: Path) -> bool:
    """Whether a file is the one that its sidecar was written for."""
    try:
        beside = sidecar.read(path)
        return beside is not None and beside["file"]["sha256"] == sha256_of(path)
    except (Damaged, OSError):
        return False


def _told(path: Path, known: dict[str, Told | None]) -> Told | None:
    """Record and content hash of a file, from its sidecar or else from itself; its bytes are not checked."""
    key = str(path)
    if key not in known:
        known[key] = None
        try:
            beside = sidecar.read(path)
            if beside is not None and is_intact(beside) and beside["record"].get("schema") == SCHEMA:
                known[key] = Told(beside["record"], beside["file"]["content_sha256"])
            elif path.is_file():
                is_netcdf = carriers.format_of(path) == "netcdf"
                record, content = probe.read(path)[:2] if is_netcdf else carriers.read(path)
                if record is not None and record.get("schema") == SCHEMA and content is not None:
                    known[key] = Told(record, content)
        except (Damaged, KeyError):
            # Its own rule, or an audit, says what is wrong with it.
            pass
    return known[key]


def _older(record: Mapping[str, Any], job: Job, results: Path, known: dict[str, Told | None]) -> str | None:
    """Whether an input was made again with other content since."""
    read = {one["path"]: one["content_sha256"] for one in record["inputs"]}
    for name in job.reads:
        path = results / name
        now, then = _told(path, known), read.get(str(path))
        if now is not None and then is not None and now.content_sha256 != then:
            return f"{path} has been made again since, with other content"
    return None


def _needed(today: Today, results: Path, targets: Iterable[str]) -> set[str]:
    """First outputs of the jobs that the targets need."""
    wanted = list(targets) or ["all"]
    outputs = {os.path.relpath(one).removeprefix(f"{results}/") for one in wanted}
    # The bundle itself is no job of the preset.
    wanted += ["bundle"] if any(one.startswith("bundle/") for one in outputs) else []
    for one in wanted:
        for name in today.jobs:
            # The rule of a figure or table has its name.
            if name.startswith(SECTIONS.get(one, ())) or Path(name).stem == one:
                outputs.add(name)
    return _closure(today, outputs)


def _closure(today: Today, outputs: Iterable[str]) -> set[str]:
    """First outputs of the jobs that make these, and of all upstream."""
    waiting = [name for name in outputs if name in today.jobs]
    found: set[str] = set()
    while waiting:
        job = today.jobs[waiting.pop()]
        if job.outputs[0] not in found:
            found.add(job.outputs[0])
            waiting += [name for name in job.reads if name in today.jobs]
    return found
