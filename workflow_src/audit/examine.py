"""One file by itself: its bytes, its content, the record in it and the record beside it."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from workflow_src.audit import probe
from workflow_src.audit.finding import Finding, Level
from workflow_src.provenance import carriers, sidecar
from workflow_src.provenance.carriers import Damaged
from workflow_src.provenance.record import SCHEMA
from workflow_src.provenance.seals import is_intact, sha256_of

OTHER_FORM = "its record is of an older or newer form, of which nothing is read; make it again"


class Examined(NamedTuple):
    """A file and what it says of itself.

    Attributes:
        shown: its name in the report.
        content_sha256: of its content, as far as it is stated or was computed.
        record: what made it; None if no sound record was found.
        findings: all that is wrong with it.
    """

    path: Path
    shown: str
    sha256: str
    content_sha256: str | None
    record: Mapping[str, Any] | None
    findings: list[Finding]

    @property
    def holds(self) -> bool:
        return not any(finding.level == "damage" for finding in self.findings)


def examine(path: Path, shown: str, *, deep: bool) -> Examined:
    """Check a file against its records.

    Args:
        shown: how the report names it.
        deep: open the file also where its sidecar vouches for its bytes. Its lineage is in there.
    """
    findings: list[Finding] = []

    def say(level: Level, text: str) -> None:
        findings.append(Finding(level, shown, text))

    try:
        sha256 = sha256_of(path)
    except OSError as error:
        say("damage", f"cannot be read ({error.strerror or error})")
        return Examined(path, shown, "", None, None, findings)
    beside = _beside(path, say)
    agrees = beside is not None and beside["file"]["sha256"] == sha256
    inside, content = None, beside["file"]["content_sha256"] if beside and agrees else None
    if deep or not agrees:
        inside, content = _inside(path, content, say)
    if beside and not agrees:
        _say_why(path, beside, inside, findings, say)
    elif beside and inside and inside["id"] != beside["record"].get("id"):
        say("damage", "the record in it is another than that in its sidecar")
    elif beside and inside and "execution" in beside["record"]:
        # A picture leaves out when and where it was drawn.
        inside = {"execution": beside["record"]["execution"], **inside}
    record = inside or (beside["record"] if beside and (agrees or not findings) else None)
    if beside is None and not findings:
        if inside is None:
            record, content = _adopted(path, sha256, say)
        else:
            say("note", "has no sidecar; its own record was read, and its content holds")
    if record:
        _check_place(path, record, say)
        if agrees and beside and beside["file"]["name"] != path.name:
            say("note", f"was written as {beside['file']['name']}")
    return Examined(path, shown, sha256, content, record, findings)


def _beside(path: Path, say: Any) -> dict[str, Any] | None:
    """The sidecar, if there is a sound one."""
    try:
        beside = sidecar.read(path)
    except Damaged as error:
        say("damage", str(error))
        return None
    if beside is not None and not is_intact(beside):
        say("damage", f"its sidecar {path.name}{sidecar.ENDING} was changed after it was written")
        return None
    if beside is not None and beside["record"].get("schema") != SCHEMA:
        say("warning", OTHER_FORM)
        return None
    return beside


def _inside(path: Path, content: str | None, say: Any) -> tuple[dict[str, Any] | None, str | None]:
    """The record in the file and the hash of what the file holds now.

    Args:
        content: the hash that its sidecar states, if that vouches for the bytes of the file.
    """
    try:
        if carriers.format_of(path) == "netcdf":
            record, stated, found = probe.look(path) if content is not None else probe.read(path)
        else:
            (record, stated), found = carriers.read(path), carriers.content_of(path)
        # Records of the first form had no seal.
        if record is not None and (record.get("schema") == SCHEMA or "seal" in record) and not is_intact(record):
            raise Damaged("the record in it was changed after it was written")
        if record is not None and record.get("schema") != SCHEMA:
            say("warning", OTHER_FORM)
            return None, content
        if stated is not None and stated != found:
            raise Damaged(f"its content was changed after it was written (hash {found[:12]} instead of {stated[:12]})")
        if record is not None and (named := carriers.other_run(path, record)):
            raise Damaged(f"its header names the run {named}, and its record another")
        if record is not None and stated is None:
            raise Damaged("the hash of its content, which its format states, is not there")
    except Damaged as error:
        say("damage", str(error))
        return None, None
    return record, found


def _say_why(path: Path, beside: Mapping[str, Any], inside: Any, findings: list[Finding], say: Any) -> None:
    """Why a file and its sidecar disagree, in one line."""
    made = beside["record"].get("outputs") or [beside["file"]["name"]]
    own = next((text for text in made if Path(text).name == beside["file"]["name"]), made[0])
    if any(finding.level == "damage" for finding in findings):
        return
    renamed = beside["file"]["name"] != path.name
    foreign = renamed or (inside["id"] != beside["record"].get("id") if inside else not _fits(path, own))
    if foreign:
        say("damage", f"its sidecar is that of another file, {own}")
    else:
        size = f"{path.stat().st_size} bytes instead of {beside['file']['bytes']}"
        same = path.stat().st_size == beside["file"]["bytes"]
        say("damage", f"was changed after it was written ({'its bytes have another hash' if same else size})")


def _adopted(path: Path, sha256: str, say: Any) -> tuple[Mapping[str, Any] | None, str | None]:
    """The record of a file that lost its sidecar, by the hash of its bytes: beside it or in results/."""
    folders = [path.parent.glob(f"*{sidecar.ENDING}"), Path("results").glob(f"*/*/*{sidecar.ENDING}")]
    for candidate in (one for found in folders for one in sorted(found)):
        try:
            document = sidecar.parse(candidate)
        except Damaged:
            continue
        if document is None or document["record"].get("schema") != SCHEMA:
            continue
        if document["file"]["sha256"] == sha256 and is_intact(document):
            say("note", f"has no sidecar of its own; its bytes are those of {document['file']['name']}")
            return document["record"], document["file"]["content_sha256"]
    say("damage", "no record of it: it carries none, and there is no sidecar")
    return None, hashlib.sha256(path.read_bytes()).hexdigest()


def tail(path: str | Path) -> tuple[str, ...] | None:
    """The parts of a path from the preset's name on: `results/smoke/figures/a.pdf` -> smoke, figures, a.pdf."""
    parts = os.fspath(path).split("/")
    if "results" not in parts[:-2]:
        return None
    return tuple(parts[len(parts) - parts[::-1].index("results") :])


def _fits(path: Path, made: str) -> bool:
    """Whether a file lies where its record says, as far as both are within a folder of results."""
    here, there = tail(os.path.abspath(path)), tail(made)
    return here is None or there is None or here == there


def _check_place(path: Path, record: Mapping[str, Any], say: Any) -> None:
    """A file among the results of a preset must be the one that belongs there."""
    outputs = [str(text) for text in record.get("outputs", [])]
    here, made = tail(os.path.abspath(path)), [tail(text) for text in outputs]
    if here is None or not made or None in made or here in made:
        return
    nearest = next((one for one in made if one and one[-1] == here[-1]), made[0])
    assert nearest is not None
    name = "/".join(nearest[1:])
    if nearest[0] != here[0]:
        say("damage", f"is a file of another preset, {nearest[0]}: its record says {name}")
    else:
        say("damage", f"is the file of another job: its record says {name}")
