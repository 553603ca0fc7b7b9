"""How each format carries its record, and the hash of its content.

| format     | record                         | content hash                                                        |
|------------|--------------------------------|---------------------------------------------------------------------|
| netCDF     | attribute `provenance`         | of all variables (`store.content_hash`), attribute `content_sha256` |
| checkpoint | `provenance` in the header     | of the arrays behind the header, `sha256` in it                     |
| PDF        | `Provenance` among its facts   | of the file with zeros in place of the hash, `ContentSHA256`        |
| PNG        | text chunk `Provenance`        | of the file without the text chunk `ContentSHA256` that holds it    |
| HTML       | `<meta name="provenance">`     | of the file with zeros in place of the hash, `content-sha256`       |
| text       | none: in the sidecar alone     | of the bytes                                                        |

A format is told by the first bytes of a file and not by its name.
"""

import hashlib
import html
import json
import re
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

Format = Literal["netcdf", "checkpoint", "pdf", "png", "html", "text"]

KEY = "Provenance"
SEAL = "ContentSHA256"
_BLANK = b"0" * 64
_BEGINNINGS: dict[bytes, Format] = {
    b"\x89HDF": "netcdf",
    b"%PDF": "pdf",
    b"\x89PNG": "png",
    b"<!doctype html>": "html",
    b'{"format": "gtf-deer-checkpoint-1"': "checkpoint",
}
_ENDINGS: dict[str, Format] = {".nc": "netcdf", ".eqx": "checkpoint", ".pdf": "pdf", ".png": "png", ".html": "html"}
_HTML_RECORD = re.compile(rb'<meta name="provenance" content="([^"]*)">')
_HTML_SEAL = re.compile(rb'(<meta name="content-sha256" content=")[0-9a-f]{64}(">)')
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class Damaged(Exception):
    """A file is not as it was written; the message says how, in a few words."""


def format_of(path: Path) -> Format:
    """The format of a file, by its first bytes.

    Raises:
        Damaged: the name promises a format that the first bytes do not have.
    """
    with path.open("rb") as file:
        start = file.read(64)
    found: Format = "text"
    for beginning, form in _BEGINNINGS.items():
        if start.startswith(beginning):
            found = form
    promised = _ENDINGS.get(path.suffix)
    if promised and found != promised:
        raise Damaged(f"its first bytes are not those of a {promised} file" if start else "it is empty")
    return found


def read(path: Path) -> tuple[dict[str, Any] | None, str | None]:
    """The record in a file, and the content hash that it states; None for what its format cannot hold.

    Raises:
        Damaged: the file cannot be read that far, or its record is not as it was written.
    """
    match format_of(path):
        case "netcdf":
            return _read_netcdf(path)
        case "checkpoint":
            header = _split_checkpoint(path)[0]
            return _record(header.get("provenance")), header.get("sha256")
        case "pdf":
            data = path.read_bytes()
            return _record(_pdf_string(data, KEY)), _pdf_string(data, SEAL)
        case "png":
            texts = _png_texts(path.read_bytes())
            return _record(texts.get(KEY)), texts.get(SEAL)
        case "html":
            return _read_html(path.read_bytes())
    return None, None


def content_of(path: Path) -> str:
    """The content hash of what is in the file now; for netCDF, `workflow_src.store` computes it from the variables."""
    match format_of(path):
        case "netcdf":
            raise ValueError("the content of a netCDF file is that of its variables")
        case "checkpoint":
            return hashlib.sha256(_split_checkpoint(path)[1]).hexdigest()
        case "pdf":
            return hashlib.sha256(_pdf_blank(path.read_bytes())).hexdigest()
        case "png":
            return hashlib.sha256(_png_without_seal(path.read_bytes())).hexdigest()
        case "html":
            return hashlib.sha256(_html_blank(path.read_bytes())).hexdigest()
    return hashlib.sha256(path.read_bytes()).hexdigest()


def other_run(path: Path, record: Mapping[str, Any]) -> str | None:
    """The run that a checkpoint's header names, where it is not that of its record."""
    if format_of(path) != "checkpoint":
        return None
    spec = _split_checkpoint(path)[0].get("spec")
    if spec == record["spec"].get("spec"):
        return None
    if not isinstance(spec, dict):
        return "nothing"
    return f"{spec.get('experiment')}/{spec.get('model')}/T{spec.get('sequence_length')}, seeds {spec.get('seeds')}"


def in_pdf(record: Mapping[str, Any]) -> dict[str, str]:
    """The facts that matplotlib writes into a PDF; `seal_pdf` fills in the hash."""
    return {KEY: _text(record), SEAL: _BLANK.decode()}


def in_png(record: Mapping[str, Any]) -> dict[str, str]:
    """The text that matplotlib writes into a PNG."""
    return {KEY: _text(record)}


def seal_pdf(path: Path) -> None:
    """Put the hash of a PDF where its 64 zeros are."""
    data = path.read_bytes()
    path.write_bytes(data.replace(_pdf_seal(_BLANK), _pdf_seal(hashlib.sha256(data).hexdigest().encode()), 1))


def seal_png(path: Path) -> None:
    """Put the hash of a PNG into a text chunk before its end."""
    data = path.read_bytes()
    text = f"{SEAL}\0{hashlib.sha256(data).hexdigest()}".encode()
    path.write_bytes(data[:-12] + _png_chunk(b"tEXt", text) + data[-12:])


def in_html(record: Mapping[str, Any]) -> str:
    """The elements that belong into the head of a page; `sealed_html` fills in the hash."""
    return (
        f'<meta name="provenance" content="{html.escape(_text(record))}">\n'
        f'<meta name="content-sha256" content="{_BLANK.decode()}">'
    )


def sealed_html(page: str) -> bytes:
    """A page with its hash where the 64 zeros of `in_html` are."""
    data = page.encode()
    return _HTML_SEAL.sub(lambda found: found[1] + hashlib.sha256(data).hexdigest().encode() + found[2], data, count=1)


def _text(record: Mapping[str, Any]) -> str:
    return json.dumps(record, sort_keys=True)


def _record(text: Any) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        record = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        raise Damaged("the record in it is no JSON") from None
    if not isinstance(record, dict):
        raise Damaged("the record in it is no JSON object")
    return record or None


def _read_netcdf(path: Path) -> tuple[dict[str, Any] | None, str | None]:
    # Most audits read sidecars alone and need no library for this.
    import netCDF4

    try:
        with netCDF4.Dataset(path) as dataset:
            there = set(dataset.ncattrs()) & {"provenance", "content_sha256"}
            attributes = {name: dataset.getncattr(name) for name in there}
    except (OSError, RuntimeError, AttributeError, UnicodeDecodeError) as error:
        raise Damaged(f"it is no readable netCDF file ({str(error).splitlines()[0]})") from None
    return _record(attributes.get("provenance")), attributes.get("content_sha256")


def _split_checkpoint(path: Path) -> tuple[dict[str, Any], bytes]:
    head, _, payload = path.read_bytes().partition(b"\n")
    try:
        header = json.loads(head)
        size, _ = int(header["bytes"]), header["sha256"]
    except (ValueError, KeyError, TypeError):
        raise Damaged("its header is no JSON") from None
    if len(payload) != size:
        raise Damaged(f"it holds {len(payload)} bytes of arrays instead of {size}")
    return header, payload


def _pdf_seal(digest: bytes) -> bytes:
    return f"/{SEAL} (".encode() + digest + b")"


def _pdf_blank(data: bytes) -> bytes:
    return re.sub(rb"(/" + SEAL.encode() + rb" \()[^)]{64}\)", lambda match: match[1] + _BLANK + b")", data, count=1)


def _pdf_string(data: bytes, key: str) -> str | None:
    """A string of the document's information dictionary, as matplotlib writes it: in brackets, escaped by backslash."""
    if not data.rstrip().endswith(b"%%EOF"):
        raise Damaged("its end is missing")
    match = re.search(rb"/" + key.encode() + rb" \(((?:[^\\()]|\\.)*)\)", data, re.DOTALL)
    if match is None:
        return None
    return re.sub(rb"\\(.)", rb"\1", match[1], flags=re.DOTALL).decode("ascii", errors="replace")


def _read_html(data: bytes) -> tuple[dict[str, Any] | None, str | None]:
    if not data.endswith(b"</html>\n"):
        raise Damaged("its end is missing")
    record, seal = _HTML_RECORD.search(data), _HTML_SEAL.search(data)
    text = html.unescape(record[1].decode("utf-8", errors="replace")) if record else None
    return _record(text), seal[0].split(b'"')[3].decode() if seal else None


def _html_blank(data: bytes) -> bytes:
    return _HTML_SEAL.sub(lambda found: found[1] + _BLANK + found[2], data, count=1)


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    if not data.startswith(_PNG_SIGNATURE):
        raise Damaged("its signature is not that of a PNG")
    chunks, position = [], len(_PNG_SIGNATURE)
    while position < len(data):
        head = data[position : position + 8]
        length = struct.unpack(">I", head[:4])[0] if len(head) == 8 else 0
        chunk = data[position : position + length + 12]
        if len(chunk) < length + 12 or len(chunk) < 12:
            raise Damaged("its end is missing")
        kind, content = chunk[4:8], chunk[8:-4]
        if chunk != _png_chunk(kind, content):
            raise Damaged(f"the checksum of its chunk {kind.decode('latin-1')} does not hold")
        chunks.append((kind, content))
        position += length + 12
    if not chunks or chunks[-1][0] != b"IEND":
        raise Damaged("its end is missing")
    return chunks


def _png_texts(data: bytes) -> dict[str, str]:
    texts = [content.partition(b"\0") for kind, content in _png_chunks(data) if kind == b"tEXt"]
    return {key.decode("latin-1"): value.decode("latin-1") for key, _, value in texts}


def _png_without_seal(data: bytes) -> bytes:
    kept = [
        _png_chunk(kind, content)
        for kind, content in _png_chunks(data)
        if not (kind == b"tEXt" and content.startswith(SEAL.encode() + b"\0"))
    ]
    return _PNG_SIGNATURE + b"".join(kept)
