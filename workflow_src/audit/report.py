"""An audit as a whole: summary, findings, and the tree or the table behind them."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from workflow_src.audit import bundle, summary
from workflow_src.audit.chain import Chain, Node, compare, walk
from workflow_src.audit.examine import Examined
from workflow_src.audit.finding import Finding
from workflow_src.audit.today import Presets
from workflow_src.errors import UserError
from workflow_src.provenance import archive, lineage, sidecar
from workflow_src.provenance.carriers import Damaged
from workflow_src.provenance.git import read_git
from workflow_src.provenance.record import SCHEMA

# Files of a folder that are no results: logs, records, and trainings on their way.
NO_RESULTS = (".log", sidecar.ENDING, "unfinished.eqx")
# A bundle is told by its own audit.
NO_STAGES = ("logs", "bundle")
# Results that lie beside the folders of the stages.
WITHOUT_FOLDER = ("claims", "report")


class Report(NamedTuple):
    """What an audit says.

    Attributes:
        subject: the file or folder.
        facts: lines of the summary by name.
        findings: damage first.
        tree: of a file; None for a folder.
        stages: files of a folder by stage: how many there are, and how many are damaged.
    """

    subject: str
    facts: Mapping[str, str]
    findings: Sequence[Finding]
    tree: Node | None
    stages: Mapping[str, tuple[int, int]]

    @property
    def verdict(self) -> str:
        counts = Counter(finding.level for finding in self.findings)
        state = "DAMAGED" if counts["damage"] else "holds"
        told = [f"{counts[level]} {level}{'s' if counts[level] > 1 else ''}" for level in ("warning",) if counts[level]]
        return ", ".join([state, *told])

    def exit_code(self, *, strict: bool) -> int:
        """1 for damage, and for warnings too if they are not accepted."""
        faults = ("damage", "warning") if strict else ("damage",)
        return int(any(finding.level in faults for finding in self.findings))


def audit(path: Path, preset: Path | None = None) -> Report:
    """Audit a file or a folder.

    Args:
        preset: the preset that results are compared with, where it does not lie in config/.
    Raises:
        UserError: there is nothing to audit.
    """
    presets = Presets(preset)
    if path.is_dir():
        return _folder(path, presets)
    if not path.is_file():
        raise UserError(f"{path}: no such file; give a result or a folder of results")
    if path.name.endswith(sidecar.ENDING):
        raise UserError(
            f"{path}: is a record; give the file that it is about, {path.name.removesuffix(sidecar.ENDING)}"
        )
    if archive.is_archive(path):
        return _bundle(path, presets)
    return _file(path, presets)


def _file(path: Path, presets: Presets) -> Report:
    tree = Chain(presets).tree(path)
    nodes = list(walk(tree))
    findings = [finding for node in nodes for finding in node.findings]
    if gone := [node.shown for node in nodes if node.verdict == "not here"]:
        text = f"{len(gone)} files upstream are not here and told by their records alone, {gone[0]} among them"
        findings.append(Finding("warning", "upstream", text))
    # One for each job, which may have written several of the files.
    records = {str(node.record["id"]): node.record for node in nodes if node.record is not None}
    facts, told = _facts(list(records.values()), presets, findings)
    if tree.record is not None:
        facts = {"made by": f"step {tree.record['step']} of preset {tree.record['preset']}"} | facts
        facts["command"] = str(tree.record["command"])
    return Report(str(path), facts, _sorted([*findings, *told]), tree, {})


def _folder(folder: Path, presets: Presets) -> Report:
    chain, findings, stages = Chain(presets), [], {}
    records: dict[str, Mapping[str, Any]] = {}
    results, left = _results(folder)
    found = [(path, chain.examine(path, str(path), deep=False)) for path in results]
    gone: set[str] = set()
    alone: list[Path] = []
    for path, one in found:
        findings += one.findings
        stage = _stage(path, folder)
        files, damaged = stages.get(stage, (0, 0))
        stages[stage] = (files + 1, damaged + (not one.holds))
        if one.record is None:
            continue
        records.setdefault(str(one.record["id"]), one.record)
        findings += chain.stale(one.shown, path.name, one.record)
        for wanted in one.record["inputs"]:
            place = chain.locate(wanted["path"], path)
            if place is None:
                gone.add(wanted["path"])
                alone += [path] if path not in alone else []
                continue
            verdict, _ = compare(wanted, chain.examine(place, str(place), deep=False))
            if verdict in ("made again", "another"):
                findings.append(Finding("warning", one.shown, f"stale: {wanted['path']} has changed since it was read"))
    if not found:
        raise UserError(f"{folder}: has no results; give a folder of results")
    if gone:
        text = f"{len(gone)} files upstream are not here, {min(gone)} among them"
        findings.append(Finding("warning", "upstream", text))
    for path in alone:
        known, damage = _upstream(chain.examine(path, str(path), deep=True))
        records = known | records
        findings += damage
    findings += [Finding("warning", path, "the file of this record is gone; delete it") for path in left]
    facts, told = _facts(list(records.values()), presets, findings)
    return Report(str(folder), facts, _sorted([*findings, *told]), None, stages)


def _upstream(found: Examined) -> tuple[dict[str, Mapping[str, Any]], list[Finding]]:
    """The records that a file brings along of what it was made from, by their ids."""
    try:
        ancestors = lineage.unpack((found.record or {}).get("lineage"))
    except Damaged as error:
        return {}, [Finding("damage", found.shown, str(error))]
    records = [one.record for one in ancestors if one.record is not None and one.record.get("schema") == SCHEMA]
    return {str(record["id"]): record for record in records}, []


def _bundle(path: Path, presets: Presets) -> Report:
    with bundle.opened(path) as (folder, damage):
        if damage:
            return Report(str(path), {}, damage, None, {})
        places = sorted((folder / "results").glob("*"))
        if not places:
            raise UserError(f"{path}: has no results; make the bundle again")
        found = _folder(places[0], presets)
        findings = [one._replace(about=one.about.replace(f"{folder}/", f"{path}: ")) for one in found.findings]
        count = sum(one.is_file() for one in folder.rglob("*"))
    facts = {"bundle": f"{count} files as they were packed"} | dict(found.facts)
    return Report(str(path), facts, findings, None, found.stages)


def _results(folder: Path) -> tuple[list[Path], list[str]]:
    """The files of a folder that have a record, or should; and records whose file is gone."""
    found, left = [], []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in NO_STAGES and not name.startswith(".")]
        found += [
            os.path.join(place, name) for name in names if not name.startswith(".") and not name.endswith(NO_RESULTS)
        ]
        there = set(names)
        records = (name for name in names if name.endswith(sidecar.ENDING) and not name.startswith("."))
        left += [os.path.join(place, name) for name in records if name.removesuffix(sidecar.ENDING) not in there]
    return [Path(path) for path in sorted(found)], sorted(left)


def _stage(path: Path, folder: Path) -> str:
    """The folder of a result below that of its preset, as far as it is there."""
    parts = path.relative_to(folder).parts
    return parts[0] if len(parts) > 1 else path.stem if path.stem in WITHOUT_FOLDER else folder.name


def _facts(
    records: Sequence[Mapping[str, Any]], presets: Presets, findings: Sequence[Finding]
) -> tuple[dict[str, str], list[Finding]]:
    """The summary of a chain or a folder."""
    if not records:
        return {}, []
    at, of_commits = summary.commits(records)
    packages, of_versions = summary.versions(records)
    seeds, of_runs = summary.runs(records)
    facts = {
        "commit": f"{at} (this checkout: {_checkout()})",
        "seeds": seeds,
        "versions": packages,
        "machines": summary.machines(records),
        "today": _today(records, presets, findings),
    }
    return facts, [*of_commits, *of_versions, *of_runs]


def _checkout() -> str:
    found = read_git()
    if found["commit"] is None:
        return "no git"
    return f"{found['commit'][:10]}, {'dirty' if found['dirty'] else 'clean'}"


def _today(records: Sequence[Mapping[str, Any]], presets: Presets, findings: Sequence[Finding]) -> str:
    """Whether the preset and the sources of today would make the same."""
    unknown = sorted({str(record["preset"]) for record in records if presets.today(record["preset"]) is None})
    if unknown:
        return f"not compared: no preset {', '.join(unknown)} in config/ (--preset names its file)"
    count = sum(finding.text.startswith("stale") for finding in findings)
    return f"{count} files are stale" if count else "same settings and sources"


def _sorted(findings: Sequence[Finding]) -> list[Finding]:
    order = ("damage", "warning", "note")
    return sorted(dict.fromkeys(findings), key=lambda finding: order.index(finding.level))
