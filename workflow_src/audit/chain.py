"""The lineage of a file as a tree: what it was made from, each link with its verdict, down to the generators.

A link holds where the file that lies there now has the content that the next job read. A file that is not here is told
by its record, which everything downstream of an aggregate brings along.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from workflow_src.audit.examine import Examined, examine, tail
from workflow_src.audit.finding import Finding
from workflow_src.audit.today import Presets
from workflow_src.provenance import lineage
from workflow_src.provenance.carriers import Damaged
from workflow_src.provenance.lineage import Ancestor
from workflow_src.provenance.record import SCHEMA


class Node(NamedTuple):
    """A file in the tree.

    Attributes:
        role: what it was to the job that read it; empty for the file that was asked for.
        verdict: of the link to it, in a word or two.
        record: what made it; None if unknown.
    """

    role: str
    shown: str
    verdict: str
    record: Mapping[str, Any] | None
    findings: list[Finding]
    inputs: list["Node"]


class Chain:
    """Builds the tree of one file. Every file is read once, however many others were made from it."""

    def __init__(self, presets: Presets) -> None:
        self.presets = presets
        self.nodes: dict[tuple[str, str], Node] = {}
        self.seen: dict[str, Examined] = {}
        self.bases: dict[int, str] = {}

    def tree(self, path: Path) -> Node:
        """The tree of a file that is here."""
        found = self.examine(path, str(path), deep=True)
        findings = list(found.findings)
        ancestors: list[Ancestor] = []
        if found.record is not None:
            try:
                ancestors = lineage.unpack(found.record.get("lineage"))
            except Damaged as error:
                findings.append(Finding("damage", str(path), str(error)))
        inputs = self._inputs(found.record, ancestors, path) if found.record is not None else []
        if found.record is not None:
            findings += self.stale(str(path), path.name, found.record)
        findings += _broken(found.record, inputs)
        verdict = "holds" if found.holds else "damaged"
        return Node("", str(path), verdict, found.record, findings, inputs)

    def _inputs(self, record: Mapping[str, Any], ancestors: list[Ancestor], start: Path) -> list[Node]:
        return [self._link(one, ancestors, start) for one in record["inputs"]]

    def _link(self, wanted: Mapping[str, Any], ancestors: list[Ancestor], start: Path) -> Node:
        """The node of an input: what its record says, and whether the file that lies there is the one that was read."""
        key = (wanted["path"], wanted["sha256"])
        if key in self.nodes:
            return self.nodes[key]._replace(role=wanted["role"])
        ancestor = next((one for one in ancestors if (one.path, one.sha256) == key), None)
        record = ancestor.record if ancestor else None
        if record is not None and record.get("schema") != SCHEMA:
            record = None
        shown, findings = wanted["path"], []
        place = self.locate(wanted["path"], start)
        if place is None:
            verdict = "not here"
        else:
            found = self.examine(place, shown, deep=False)
            verdict, findings = compare(wanted, found)
            record = record or (found.record if verdict.startswith("holds") else None)
        findings = list(findings)
        if record is None and _is_result(wanted["path"]):
            findings.append(Finding("damage", shown, "the chain is broken here: nothing says what made it"))
        inputs: list[Node] = []
        if record is not None:
            inputs = self._inputs(record, ancestors, start)
            findings += self.stale(shown, Path(shown).name, record)
        node = Node(wanted["role"], shown, verdict, record, findings, inputs)
        self.nodes[key] = node
        return node

    def examine(self, path: Path, shown: str, *, deep: bool) -> Examined:
        """What a file says of itself; `deep` as in `examine.examine`."""
        key = os.path.abspath(path)
        if key not in self.seen or deep:
            self.seen[key] = examine(path, shown, deep=deep)
        return self.seen[key]

    def locate(self, recorded: str, start: Path) -> Path | None:
        """Where an input lies now: as recorded, or the same way from a folder above the file that was asked for.

        Results may have been moved as a whole, without the folders `results` or `results/PRESET` above them.
        """
        parts = tail(recorded)
        ways = [recorded, *(["/".join(parts), "/".join(parts[1:])] if parts else [])]
        folder = os.path.dirname(os.path.abspath(start))
        # Most inputs lie below the same folder as the last one.
        for number, way in enumerate(ways):
            known = self.bases.get(number)
            near = known is not None and (folder + "/").startswith(known + "/")
            if near and os.path.isfile(place := f"{known}/{way}"):
                return Path(place)
        above = [folder]
        while (folder := os.path.dirname(folder)) != above[-1]:
            above.append(folder)
        for folder in above:
            for number, way in enumerate(ways):
                # An absolute path ignores the folder before it.
                if os.path.isfile(place := os.path.join(folder, way)):
                    self.bases[number] = folder
                    return Path(place)
        return Path(recorded) if os.path.isfile(recorded) else None

    def stale(self, shown: str, name: str, record: Mapping[str, Any]) -> list[Finding]:
        """Whether today's preset and sources would make another file."""
        reason = self.presets.stale(name, record)
        return [Finding("warning", shown, f"stale: {reason}")] if reason else []


def compare(wanted: Mapping[str, Any], found: Examined) -> tuple[str, list[Finding]]:
    """Whether the file that lies there now is the one that was read."""
    if not _is_result(wanted["path"]):
        changed = [Finding("warning", found.shown, "has changed since it was read")]
        return ("holds", []) if found.sha256 == wanted["sha256"] else ("another", changed)
    if found.sha256 == wanted["sha256"]:
        return ("holds" if found.holds else "damaged"), found.findings
    if not found.holds:
        return "damaged", found.findings
    if wanted["content_sha256"] is not None and found.content_sha256 == wanted["content_sha256"]:
        return "holds (written again, same content)", found.findings
    if found.record is None:
        return "another", [*found.findings, Finding("warning", found.shown, "has changed since it was read")]
    text = "has been made again since, with other content; what was made from it is older"
    return "made again", [*found.findings, Finding("warning", found.shown, f"stale: {text}")]


def _is_result(path: str) -> bool:
    """Whether a step must have made this file; a preset is written by hand."""
    return Path(path).suffix not in (".yaml", ".yml")


def _broken(record: Mapping[str, Any] | None, inputs: Iterable[Node]) -> Iterator[Finding]:
    """A chain that ends at something that reads what it does not name."""
    if record is not None and record["step"] not in ("simulate", "hyperparameters") and not list(inputs):
        yield Finding("damage", str(record["step"]), "the chain is broken: its record names no input")


def walk(node: Node) -> Iterator[Node]:
    """Every node once, the root first."""
    seen: set[str] = set()
    waiting = [node]
    while waiting:
        one = waiting.pop(0)
        if one.shown not in seen:
            seen.add(one.shown)
            yield one
            waiting += one.inputs
