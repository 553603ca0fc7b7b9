"""Unpacking shipped results so that nothing is made again: archives and clones give files times in any order.

Snakemake takes an input that is newer than an output for a change. All files of the results therefore get one time.
Whether they are those of today's preset and sources is not a matter of times: `workflow_src.audit.start` compares
their records.
"""

import os
import shutil
import stat
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from workflow_src.audit import bundle
from workflow_src.errors import UserError
from workflow_src.provenance import archive as archives
from workflow_src.provenance.seals import sha256_of


def unpack(source: Path, target: Path) -> tuple[int, list[str]]:
    """Unpack an archive of results, or give a folder of results one time.

    Args:
        source: zip or tar archive with a folder `results`, or a folder of results.
        target: the folder in which `results` lies or shall lie.
    Returns:
        Number of files, and the presets they belong to.
    Raises:
        UserError: the archive is damaged, leads out of `results`, or holds other content than a file that is there.
    """
    if source.is_dir():
        files = [path for path in source.rglob("*") if path.is_file()]
        _one_time(files)
        return len(files), [source.name]
    if not source.is_file():
        raise UserError(f"{source}: no such file; give an archive or a folder of results")
    if archives.is_archive(source) and archives.is_sealed(source) and (found := bundle.damage(source)):
        raise UserError(f"{found[0].about}: {found[0].text}")
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=target) as folder:
        beside = Path(folder)
        names = _extracted(source, beside)
        if not names:
            raise UserError(f"{source}: has no folder results/; give an archive of results")
        for name in names:
            there = target / name
            if there.exists() and sha256_of(there) != sha256_of(beside / name):
                raise UserError(f"{there}: is there already, with other content; move it away and unpack again")
        for name in names:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(beside / name, target / name)
    _one_time([target / name for name in names])
    return len(names), sorted({PurePosixPath(name).parts[1] for name in names})


def _one_time(files: list[Path]) -> None:
    now = time.time()
    for path in files:
        os.utime(path, (now, now))


def _extracted(source: Path, folder: Path) -> list[str]:
    """Extract what lies under `results/` of an archive; its names from there on."""
    names = []
    try:
        for name, copy in _members(source):
            if (kept := _below_results(name, source)) is None:
                continue
            path = folder / kept
            path.parent.mkdir(parents=True, exist_ok=True)
            copy(path)
            names.append(kept)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__).rstrip(":")
        raise UserError(f"{source}: is damaged or no archive ({reason}); fetch it again") from None
    return names


def _members(source: Path) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Name of every file in an archive, and a function that writes it to a path; links are refused."""
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            for member in archive.infolist():
                if stat.S_ISLNK(member.external_attr >> 16):
                    raise UserError(f"{source}: {member.filename} is a link; pack files alone")
                if not member.is_dir():
                    yield member.filename, lambda path, member=member: _copy(archive.open(member), path)
        return
    with tarfile.open(source) as archive:
        for member in archive:
            if member.issym() or member.islnk():
                raise UserError(f"{source}: {member.name} is a link; pack files alone")
            if member.isfile():
                yield member.name, lambda path, member=member: _copy(archive.extractfile(member), path)


def _copy(stream: Any, path: Path) -> None:
    assert stream is not None, "links and folders were left out"
    with stream, path.open("wb") as file:
        shutil.copyfileobj(stream, file)


def _below_results(name: str, source: Path) -> str | None:
    """The name from `results/` on; None for what lies elsewhere."""
    parts = PurePosixPath(name).parts
    if ".." in parts or name.startswith("/") or "\\" in name:
        raise UserError(f"{source}: {name} leads out of the folder; this is no archive of ours")
    if "results" not in parts[:-2]:
        return None
    return str(PurePosixPath(*parts[parts.index("results") :]))
