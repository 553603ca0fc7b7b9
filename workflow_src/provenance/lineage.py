"""The lineage of a file: the records of everything upstream, down to the generators, in one piece of text.

Packages, the longest part of a record, are written once per environment. The text is compressed: that of a figure of
hundreds of runs must fit into its metadata.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from workflow_src.provenance import carriers, sidecar
from workflow_src.provenance.seals import digest


class Ancestor(NamedTuple):
    """A file upstream.

    Attributes:
        path: where it lay when it was read.
        sha256: of its bytes.
        content_sha256: of its content.
        record: what made it; None if it carried none.
    """

    path: str
    sha256: str
    content_sha256: str | None
    record: dict[str, Any] | None


def collect(inputs: Iterable[tuple[Path, str]]) -> list[Ancestor]:
    """The inputs of a job and everything upstream of them, each file once.

    Args:
        inputs: path and SHA-256 of the bytes of each.
    """
    found: dict[tuple[str, str], Ancestor] = {}
    for path, sha256 in inputs:
        record, content = look(path, sha256)
        upstream = unpack(record.pop("lineage", None)) if record else []
        for ancestor in (*upstream, Ancestor(str(path), sha256, content, record)):
            found.setdefault((ancestor.path, ancestor.sha256), ancestor)
    return sorted(found.values(), key=lambda one: (one.path, one.sha256))


def look(path: Path, sha256: str) -> tuple[dict[str, Any] | None, str | None]:
    """Record and content hash of an input, as far as it states them; a text file's are in its sidecar."""
    try:
        record, content = carriers.read(path)
        if record is None and (beside := sidecar.read(path)) and beside["file"]["sha256"] == sha256:
            record, content = beside["record"], beside["file"]["content_sha256"]
    except (carriers.Damaged, KeyError, TypeError):
        # The step that reads the file says what is wrong with it.
        return None, None
    return (dict(record) if record else None), content


def pack(ancestors: Iterable[Ancestor]) -> str | None:
    """The lineage as text; None where nothing is upstream."""
    records: dict[str, int] = {}
    packages: dict[str, Any] = {}
    table: list[dict[str, Any]] = []
    files = []
    for one in ancestors:
        place = None
        if one.record is not None:
            record = dict(one.record)
            installed = record.pop("packages", {})
            record["packages"] = digest(installed)
            packages[record["packages"]] = installed
            key = digest(record)
            if key not in records:
                records[key] = len(table)
                table.append(record)
            place = records[key]
        files.append([one.path, one.sha256, one.content_sha256, place])
    if not files:
        return None
    text = json.dumps({"files": files, "records": table, "packages": packages}, sort_keys=True, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def unpack(text: str | None) -> list[Ancestor]:
    """The ancestors in a lineage.

    Raises:
        carriers.Damaged: the text is no lineage.
    """
    if text is None:
        return []
    try:
        parts = json.loads(zlib.decompress(base64.b64decode(text, validate=True)))
        records = [record | {"packages": parts["packages"][record["packages"]]} for record in parts["records"]]
        return [
            Ancestor(path, sha256, content, None if place is None else records[place])
            for path, sha256, content, place in parts["files"]
        ]
    except (ValueError, KeyError, TypeError, IndexError, binascii.Error, zlib.error):
        raise carriers.Damaged("the lineage in it cannot be read") from None
