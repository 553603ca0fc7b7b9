"""An audit as text for readers, JSON for programs, a graph for Graphviz, a page for browsers."""

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workflow_src.audit.chain import Node, walk
from workflow_src.audit.finding import Finding
from workflow_src.audit.report import Report

# Inputs of one job that are all sound, beyond which a tree says how many more there are.
MOST_ALIKE = 3
MOST_LINES = 20
WIDEST = 110


def text(report: Report, *, everything: bool = False) -> str:
    """Summary, findings, tree.

    Args:
        everything: no shortening.
    """
    lines = [f"{report.subject}: {report.verdict}"]
    lines += [f"  {name:<9} {_cut(value, everything)}" for name, value in report.facts.items()]
    told = [str(finding) for finding in report.findings] if everything else _grouped(report.findings)
    lines += [f"  {line}" for line in told]
    if report.stages:
        lines.append("")
        for stage, (files, damaged) in report.stages.items():
            lines.append(f"{stage:<12} {files:>6} files  {f'{damaged} damaged' if damaged else 'hold'}")
    if report.tree is not None:
        lines += ["", _line(report.tree), *_branches(report.tree, "", set(), everything)]
    return "\n".join(lines)


def as_json(report: Report) -> str:
    """Everything, with the full record of every file in the tree."""
    document: dict[str, Any] = {
        "subject": report.subject,
        "verdict": report.verdict,
        "facts": dict(report.facts),
        "findings": [finding._asdict() for finding in report.findings],
    }
    if report.stages:
        document["stages"] = {name: {"files": n, "damaged": bad} for name, (n, bad) in report.stages.items()}
    if report.tree is not None:
        document["tree"] = _names(report.tree)
        document["files"] = {
            node.shown: {"verdict": node.verdict, "record": _plain(node.record)} for node in walk(report.tree)
        }
    return json.dumps(document, indent=1, sort_keys=True)


def as_dot(report: Report) -> str:
    """The lineage as a graph, arrows in the direction of the data."""
    lines = ["digraph lineage {", "  rankdir=LR; node [shape=box];"]
    for node in walk(report.tree) if report.tree else ():
        colour = "black" if node.verdict.startswith("holds") else "grey" if node.verdict == "not here" else "red"
        step = node.record["step"] if node.record else "unknown"
        label = f"{node.shown}\n{step}: {node.verdict}"
        lines.append(f"  {json.dumps(node.shown)} [label={json.dumps(label)}, color={colour}];")
        lines += [f"  {json.dumps(one.shown)} -> {json.dumps(node.shown)};" for one in node.inputs]
    return "\n".join([*lines, "}"])


def as_html(report: Report) -> str:
    """One page without scripts; the tree unfolds."""
    facts = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in report.facts.items()
    )
    findings = "".join(
        f"<li class={one.level}><b>{one.level}</b> {html.escape(one.about)}: {html.escape(one.text)}</li>"
        for one in report.findings
    )
    stages = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{files} files, {damaged} damaged</td></tr>"
        for name, (files, damaged) in report.stages.items()
    )
    title = html.escape(f"{report.subject}: {report.verdict}")
    tree = _details(report.tree, set()) if report.tree else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>'
        "body{font:15px sans-serif;max-width:70em;margin:2em auto}th{text-align:left;padding-right:1em;"
        "vertical-align:top}details{margin-left:1.5em}.damage b{color:#D55E00}.note{color:#767676}</style></head>"
        f"<body><h1>{title}</h1><table>{facts}{stages}</table><ul>{findings}</ul>{tree}</body></html>"
    )


def _grouped(findings: Sequence[Finding]) -> list[str]:
    """A line for each finding; where many files share one, a line for all of them."""
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.level, finding.text), []).append(finding)
    lines = []
    for (level, text), group in alike.items():
        if len(group) > MOST_ALIKE:
            lines.append(f"{level:<8} {group[0].about} and {len(group) - 1} others: {text}")
        else:
            lines += [str(finding) for finding in group]
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], f"and {more} more; --all shows them"] if more > 0 else lines


def _line(node: Node) -> str:
    role = f"{node.role}: " if node.role else ""
    step = f"  <- {node.record['step']}" if node.record else ""
    stale = ", stale" if any(one.text.startswith("stale") for one in node.findings) else ""
    return f"{role}{node.shown}  [{node.verdict}{stale}]{step}"


def _branches(node: Node, indent: str, shown: set[str], everything: bool) -> Iterator[str]:
    """The lines below a node; a file that stands above already is not unfolded again."""
    kept, left = (node.inputs, 0) if everything else _shortened(node.inputs)
    for position, one in enumerate(kept):
        last = position == len(kept) - 1 and not left
        again = one.shown in shown and bool(one.inputs)
        yield f"{indent}{'└─' if last else '├─'} {_line(one)}{'  (see above)' if again else ''}"
        if not again:
            shown.add(one.shown)
            yield from _branches(one, indent + ("   " if last else "│  "), shown, everything)
    if left:
        yield f"{indent}└─ and {left} more like these; --all shows them"


def _shortened(inputs: list[Node]) -> tuple[list[Node], int]:
    """The first few inputs of each role and verdict, and all that differ."""
    counts: dict[tuple[str, str], int] = {}
    kept = []
    for one in inputs:
        kind = (one.role, one.verdict)
        counts[kind] = counts.get(kind, 0) + 1
        if counts[kind] <= MOST_ALIKE or any(finding.level == "damage" for finding in one.findings):
            kept.append(one)
    return kept, len(inputs) - len(kept)


def _names(node: Node) -> dict[str, Any]:
    return {"file": node.shown, "role": node.role, "inputs": [_names(one) for one in node.inputs]}


def _plain(record: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if record is None else {key: value for key, value in record.items() if key != "lineage"}


def _details(node: Node, shown: set[str]) -> str:
    line = html.escape(_line(node))
    if node.shown in shown:
        return f"<details><summary>{line} (see above)</summary></details>"
    shown.add(node.shown)
    record = html.escape(json.dumps(_plain(node.record), indent=1, sort_keys=True))
    inner = "".join(_details(one, shown) for one in node.inputs)
    return (
        f"<details open><summary>{line}</summary><details><summary>record</summary><pre>{record}</pre></details>"
        f"{inner}</details>"
    )


def _cut(value: str, everything: bool) -> str:
    return value if everything or len(value) <= WIDEST else f"{value[: WIDEST - 3]}..."
