"""A bundle: whether the archive is as it was packed, file by file, before what is in it is audited."""

import contextlib
import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workflow_src.audit.finding import Finding
from workflow_src.provenance import archive, shape

_CHUNK = 1 << 20


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[Path, list[Finding]]]:
    """Unpack a bundle for as long as it is looked at.

    Returns:
        A folder with its files, and what is wrong with the archive. Where anything is, the folder is empty.
    """
    found = damage(path)
    with tempfile.TemporaryDirectory(prefix="audit-") as name:
        # Records are compared with the paths of files: a link above them would hide that they are the same.
        folder = Path(name).resolve()
        if not found:
            with zipfile.ZipFile(path) as packed:
                packed.extractall(folder)
        yield folder, found


def damage(path: Path) -> list[Finding]:
    """Every file that is missing, changed or added, or else the fault of the archive as a whole."""
    try:
        with zipfile.ZipFile(path) as packed:
            count = len(packed.namelist())
            hashes = {name: _sha256(packed, name) for name in packed.namelist()}
            text = packed.read(shape.NAME) if hashes.get(shape.NAME) else None
    except Exception as error:  # Whatever a damaged archive provokes is a damage of the archive.
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        return [_whole(path, f"is no readable archive, or its end is missing ({reason}); fetch it again")]
    if archive.counted(path) not in (count, archive.TOO_MANY):
        return [
            _whole(path, "has another number of files than its end says: its directory was changed; fetch it again")
        ]
    changed = [name for name, sha256 in hashes.items() if sha256 is None]
    missing: list[str] = []
    added: list[str] = []
    if text is not None:
        listed = _listed(text)
        missing = sorted(listed.keys() - hashes.keys())
        added = sorted(hashes.keys() - listed.keys() - {shape.NAME})
        # A changed letter of a name in the archive's directory makes one file two others.
        misnamed = sorted(set(added) & set(changed))
        if misnamed:
            return [_member(path, name, "is no name that was packed: the directory was changed") for name in misnamed]
        changed += [name for name, sha256 in hashes.items() if sha256 and listed.get(name, sha256) != sha256]
    found = [_member(path, name, "was changed after it was packed") for name in sorted(changed)]
    found += [_member(path, name, f"is missing: {shape.NAME} lists it") for name in missing]
    found += [_member(path, name, f"does not belong here: {shape.NAME} does not list it") for name in added]
    if shape.NAME not in hashes:
        found.append(_whole(path, f"has no {shape.NAME}: is no bundle; unpack it and audit the folder"))
    if not found and not archive.is_sealed(path):
        found.append(_whole(path, "has no seal: was changed, or packed anew; unpack it and audit the folder"))
    if not found and not archive.holds(path):
        found.append(_whole(path, "was changed after it was packed (its seal does not hold)"))
    return found


def _sha256(packed: zipfile.ZipFile, name: str) -> str | None:
    """SHA-256 of a file in the archive; None if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with packed.open(name) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except Exception:  # Checksum, compression, header: each has exceptions of its own.
        return None
    return digest.hexdigest()


def _listed(text: bytes) -> Mapping[str, Any]:
    """SHA-256 by name of the files that the metadata list."""
    try:
        graph = json.loads(text)["@graph"]
        return {name: one["sha256"] for name, one in shape.files(graph).items()}
    except (ValueError, KeyError, TypeError):
        return {}


def _whole(path: Path, text: str) -> Finding:
    return Finding("damage", str(path), text)


def _member(path: Path, name: str, text: str) -> Finding:
    return Finding("damage", f"{path}: {name}", text)
