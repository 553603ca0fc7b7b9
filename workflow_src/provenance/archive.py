"""A zip archive that depends on the content of its files alone, and that tells whether it is as it was packed.

Files stand in the order of their names, with one time and one mode. The archive's comment is its seal: the SHA-256 of
every byte before it, so that a changed bit is found outside the files' content too.
"""

import hashlib
import io
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from workflow_src.files import write_atomically

SEAL = b"sealed sha256:"
# The earliest that the format can state.
TIME = (1980, 1, 1, 0, 0, 0)
_DIGITS = 64
# The last record of an archive, in bytes, and the comment behind it.
_END, _LONGEST_COMMENT = 22, 2**16
# What stands there for a number of files that it cannot hold.
TOO_MANY = 2**16 - 1
_CHUNK = 1 << 20


def pack(target: Path, files: Mapping[str, Path | bytes]) -> None:
    """Write an archive; it appears whole or not at all.

    Args:
        files: path of a file, or its content, by its name in the archive.
    """
    write_atomically(target, lambda beside: _write(beside, files))


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive by its first bytes or by its name, readable or not."""
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04" or path.suffix == ".zip"


def is_sealed(path: Path) -> bool:
    """Whether an archive ends with a seal, which may hold or not."""
    return _split(path)[1].startswith(SEAL)


def holds(path: Path) -> bool:
    """Whether an archive is as it was packed, by its seal."""
    digest, seal = _split(path)
    return seal == SEAL + digest.encode()


def counted(path: Path) -> int:
    """How many files an archive's end says that there are; a damaged directory may show others."""
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, _END + _LONGEST_COMMENT), io.SEEK_END)
        tail = file.read()
    return int.from_bytes(tail[tail.rindex(b"PK\x05\x06") :][10:12], "little")


def _write(path: Path, files: Mapping[str, Path | bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(files):
            source = files[name]
            member = zipfile.ZipInfo(name, TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 3
            member.external_attr = 0o100644 << 16
            content = source.open("rb") if isinstance(source, Path) else io.BytesIO(source)
            size = source.stat().st_size if isinstance(source, Path) else len(source)
            with content, archive.open(member, "w", force_zip64=size >= 2**31) as packed:
                shutil.copyfileobj(content, packed)
        archive.comment = SEAL + b"0" * _DIGITS
    digest = _split(path)[0]
    with path.open("rb+") as file:
        file.seek(-_DIGITS, io.SEEK_END)
        file.write(digest.encode())


def _split(path: Path) -> tuple[str, bytes]:
    """SHA-256 of all but the digits of a seal, and the place of the seal."""
    digest = hashlib.sha256()
    left = max(path.stat().st_size - _DIGITS, 0)
    tail = b""
    with path.open("rb") as file:
        while left and (chunk := file.read(min(_CHUNK, left))):
            digest.update(chunk)
            tail = (tail + chunk)[-len(SEAL) :]
            left -= len(chunk)
        return digest.hexdigest(), tail + file.read()
