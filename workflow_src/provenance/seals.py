"""Hashes by which a record and a file prove that they are as they were written."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# What a job would do again in the same way: its record without where and when.
OUTSIDE_ID = ("id", "execution", "lineage", "seal")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def identity(record: Mapping[str, Any]) -> str:
    """Hash of what was done, on what, with what: equal for two executions of the same job."""
    return digest({key: value for key, value in record.items() if key not in OUTSIDE_ID})


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the hash of all of it."""
    body = {key: value for key, value in document.items() if key != "seal"}
    return body | {"seal": digest(body)}


def is_intact(document: Mapping[str, Any]) -> bool:
    """Whether a sealed document is as it was written."""
    return document.get("seal") == sealed(document)["seal"]
