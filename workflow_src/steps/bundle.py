"""Pack the results of a preset into one archive: figures and tables, all that they were made from, and the records.

The archive is a Workflow Run RO-Crate with the sources, lock files, a software bill of materials, licence and citation.
It has the same bytes whenever it is packed from the same files.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from workflow_src import provenance
from workflow_src.errors import UserError
from workflow_src.provenance import archive, crate, materials, shape, sidecar
from workflow_src.provenance.carriers import Damaged
from workflow_src.provenance.fingerprint import ROOT
from workflow_src.provenance.seals import is_intact, sha256_of
from workflow_src.steps.arguments import arguments, run

# Roles of inputs that no job made: presets and the claims of the paper.
WRITTEN_BY_HAND = ("preset", "stated")
SOURCES = (
    "CHANGELOG.md",
    "CITATION.cff",
    "LICENSE",
    "README.md",
    "Makefile",
    "Snakefile",
    "pyproject.toml",
    "docs/*.md",
    "envs/*",
    "profiles/*/*",
    "rules/*.smk",
    "workflow_src/**/*.py",
    "workflow_src/**/*.json",
)


def bundle(targets: Sequence[Path]) -> dict[str, Path | bytes]:
    """The files of the archive by their names in it.

    Args:
        targets: figures, tables and verdicts of one preset.
    Raises:
        UserError: a file is missing, damaged, or another than the one that was read.
    """
    made, presets = upstream(targets)
    names = {str(path): name_of(path) for path in (*made, *presets)}
    files: dict[str, Path | bytes] = {names[str(path)]: path for path in (*made, *presets)}
    files |= {names[str(path)] + sidecar.ENDING: sidecar.file_of(path) for path in made}
    files |= sources()
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    records = list(made.values())
    title = f"Results of the preset {records[0]['preset']}: {citation['title']}"
    files["sbom.cdx.json"] = as_json(materials.bill("gtf-deer-reproduction", str(citation["version"]), records))
    files[".zenodo.json"] = as_json(zenodo(title, citation))
    by_name = {names[str(path)]: record for path, record in made.items()}
    parts = [part(name, files[name], by_name.get(name)) for name in sorted(files)]
    shown = [names[str(path)] for path in targets]
    metadata = crate.describe(title, citation, parts, shown, names, version())
    if wrong := shape.faults(metadata, files):
        raise ValueError(f"{shape.NAME} has not the shape of a Workflow Run RO-Crate: {'; '.join(wrong[:3])}")
    return files | {shape.NAME: as_json(metadata)}


def upstream(targets: Iterable[Path]) -> tuple[dict[Path, Mapping[str, Any]], list[Path]]:
    """The record of every result that the targets were made from, themselves included; and presets and claims read.

    Raises:
        UserError: as `bundle`.
    """
    found: dict[Path, Mapping[str, Any]] = {}
    presets: set[Path] = set()
    contents: dict[Path, Mapping[str, Any]] = {}
    read: list[tuple[Path, Path, Mapping[str, Any]]] = []
    waiting = list(targets)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        document = sound(path)
        found[path], contents[path] = document["record"], document["file"]
        for wanted in document["record"]["inputs"]:
            source = Path(wanted["path"])
            read.append((path, source, wanted))
            if wanted["role"] in WRITTEN_BY_HAND:
                presets.add(source)
            else:
                waiting.append(source)
    for path, source, wanted in read:
        now = contents[source] if source in contents else {"sha256": preset_sha256(source)}
        same = now["sha256"] == wanted["sha256"] or (
            wanted["content_sha256"] is not None and now.get("content_sha256") == wanted["content_sha256"]
        )
        if not same:
            raise UserError(f"{source}: has changed since {path} was made from it; make {path} again")
    return dict(sorted(found.items())), sorted(presets)


def sound(path: Path) -> Mapping[str, Any]:
    """The sidecar of a result whose bytes are those that it states.

    Raises:
        UserError: there is no such file or sidecar, or they do not fit.
    """
    if not path.is_file():
        raise UserError(f"{path}: is not here, and results were made from it; make it again")
    try:
        document = sidecar.read(path)
    except Damaged as error:
        raise UserError(f"{path}: {error}; make it again") from None
    if document is None:
        raise UserError(f"{path}: has no record {path.name}{sidecar.ENDING}; make it again")
    if not is_intact(document) or document["file"]["sha256"] != sha256_of(path):
        raise UserError(f"{path}: it or its record was changed after it was written; make it again")
    return document


def preset_sha256(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError:
        raise UserError(f"{path}: is not here, and results were made from it; put it back") from None


def name_of(path: Path) -> str:
    """The place of a file in the archive: that in the checkout, or config/ for a preset from elsewhere."""
    parts = path.parts
    if "results" in parts[:-2]:
        return "/".join(parts[parts.index("results") :])
    return f"config/{path.name}" if path.is_absolute() or ".." in parts else path.as_posix()


def sources() -> dict[str, Path]:
    """The workflow and its package as they stand."""
    found = (path for pattern in SOURCES for path in ROOT.glob(pattern))
    return {path.relative_to(ROOT).as_posix(): path for path in found if path.is_file()}


def part(name: str, source: Path | bytes, record: Mapping[str, Any] | None) -> crate.Part:
    if isinstance(source, bytes):
        return crate.Part(name, len(source), hashlib.sha256(source).hexdigest(), record)
    return crate.Part(name, source.stat().st_size, sha256_of(source), record)


def version() -> str:
    """The commit of the sources that are packed."""
    found = provenance.read_git()
    if found["commit"] is None:
        return "no git"
    return found["commit"] + (f", changed: {found['diff_sha256'][:10]}" if found["dirty"] else "")


def zenodo(title: str, citation: Mapping[str, Any]) -> dict[str, Any]:
    """What Zenodo asks for a deposit."""
    works = citation["references"]
    return {
        "title": title,
        "upload_type": "dataset",
        "description": citation["abstract"],
        "creators": [{"name": one["name"]} for one in citation["authors"]],
        "license": citation["license"],
        "access_right": "open",
        "version": str(citation["version"]),
        "keywords": citation["keywords"],
        "related_identifiers": list(_related(works)),
    }


def _related(works: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    for work in works:
        for one in work["identifiers"]:
            preprint = {"relation": "isDerivedFrom", "resource_type": "publication-preprint"}
            yield {"identifier": one["value"], "scheme": "arxiv", **preprint}


def as_json(document: Any) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(__doc__, targets=list, output=Path).parse(argv)
    archive.pack(args.output, bundle(args.targets))


if __name__ == "__main__":
    run(main)
