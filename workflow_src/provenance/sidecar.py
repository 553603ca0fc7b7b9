"""The sidecar of a file: its record and the hash of its bytes, in `FILE.record.json` beside it.

A record inside a file cannot state the file's own hash, and some formats hold no record. The schema of a sidecar is
`record.schema.json` in this folder.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflow_src.files import write_atomically
from workflow_src.provenance import carriers
from workflow_src.provenance.seals import sealed, sha256_of

ENDING = ".record.json"


def file_of(path: Path) -> Path:
    """The sidecar's path."""
    return path.with_name(path.name + ENDING)


def write(path: Path, record: Mapping[str, Any]) -> None:
    """Write the sidecar of a file that is there; it appears whole or not at all.

    The lineage stays in the file where the format holds it: a folder of thousands of sidecars is read at a glance.
    """
    form = carriers.format_of(path)
    embedded, content = carriers.read(path)
    if embedded is not None:
        record = sealed({key: value for key, value in record.items() if key != "lineage"})
    file = {
        "name": path.name,
        "format": form,
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
        "content_sha256": content if content is not None else carriers.content_of(path),
    }
    text = json.dumps(sealed({"file": file, "record": dict(record)}), indent=1, sort_keys=True) + "\n"
    write_atomically(file_of(path), lambda beside: beside.write_text(text, encoding="utf-8"))


def read(path: Path) -> dict[str, Any] | None:
    """The sidecar of a file; None if there is none.

    Raises:
        carriers.Damaged: there is one that is no sidecar.
    """
    return parse(file_of(path))


def parse(sidecar: Path) -> dict[str, Any] | None:
    """The sidecar at this path; None if there is none.

    Raises:
        carriers.Damaged: the file is no sidecar.
    """
    try:
        document = json.loads(sidecar.read_bytes())
        _ = document["file"]["sha256"], document["file"]["name"], document["record"]["step"], document["seal"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise carriers.Damaged(f"its sidecar {sidecar.name} cannot be read") from None
    return document
