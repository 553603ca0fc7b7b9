"""The metadata of a bundle: a Workflow Run RO-Crate 0.5, https://w3id.org/ro/wfrun/workflow/0.5, on RO-Crate 1.1.

The workflow is the Snakefile. Its run is an action, and so is every job, with its command, what it read and wrote, and
when it ran, as its record tells.
"""

import mimetypes
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rocrate.model.contextentity import ContextEntity
from rocrate.model.file import File
from rocrate.rocrate import ROCrate

from workflow_src.provenance import shape, sidecar

SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
PARAMETER = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
RUN = "#run"
PRESET = "#preset"
# The only file besides presets that is written by hand and read by jobs.
CLAIMS = "config/claims.yaml"
FORMATS = {
    ".nc": "application/x-netcdf",
    ".eqx": "application/octet-stream",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".cff": "application/yaml",
    ".md": "text/markdown",
    ".tex": "application/x-tex",
    ".toml": "application/toml",
}
NAMES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}


class Part(NamedTuple):
    """A file of the crate.

    Attributes:
        name: its path in the crate.
        size: in bytes.
        sha256: of its bytes.
        record: of the job that made it; None for what no job made.
    """

    name: str
    size: int
    sha256: str
    record: Mapping[str, Any] | None = None


def describe(
    title: str,
    citation: Mapping[str, Any],
    parts: Sequence[Part],
    shown: Sequence[str],
    names: Mapping[str, str],
    version: str,
) -> dict[str, Any]:
    """The content of ro-crate-metadata.json.

    Args:
        title: of the crate.
        citation: content of CITATION.cff.
        parts: all other files.
        shown: names of the figures and tables.
        names: in the crate of files, by the paths that records state.
        version: of the sources in the crate.
    """
    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(shape.TERMS)
    made: dict[str, list[Mapping[str, Any]]] = {}
    for part in parts:
        if part.record is not None:
            made.setdefault(str(part.record["id"]), []).append(part.record)
    present = {part.name for part in parts}
    written = {names[path] for path in names if names[path].endswith((".yaml", ".yml"))}
    presets = sorted(written - {CLAIMS})
    for part in parts:
        crate.add(File(crate, dest_path=part.name, properties=_file(part, presets, version)))
    actions = [(f"#{name[:16]}", _action(records, names, present)) for name, records in made.items()]
    times = [(one["startTime"], one["endTime"]) for _, one in actions]
    run = {
        "@type": "CreateAction",
        "name": title,
        "description": f"All {len(actions)} jobs, each of which is an action of its own.",
        "instrument": _to("Snakefile"),
        "object": _to(*presets),
        "result": _to(*shown),
        "startTime": min(start for start, _ in times),
        "endTime": max(end for _, end in times),
    }
    for name, properties in [(RUN, run), *actions, *_context(citation, bool(presets))]:
        crate.add(ContextEntity(crate, name, properties=dict(properties)))
    root = {
        "name": title,
        "description": f"{citation['abstract']} Every job's command, inputs and outputs are in {shape.NAME}, its full "
        f"record is in FILE{sidecar.ENDING} beside each of its results.",
        "datePublished": run["endTime"],
        "license": _to("LICENSE"),
        "version": version,
        "author": _to("#contributors"),
        "citation": _to(*(str(work["url"]) for work in citation["references"])),
        "conformsTo": _to(*shape.PROFILES),
        "mainEntity": _to("Snakefile"),
        "mentions": _to(RUN, *(name for name, _ in actions)),
    }
    for key, value in root.items():
        crate.root_dataset[key] = value
    return crate.metadata.generate()


def _to(*names: str) -> Any:
    """A property that refers to entities."""
    found = [{"@id": name} for name in names]
    return found[0] if len(found) == 1 else found


def _file(part: Part, presets: Iterable[str], version: str) -> dict[str, Any]:
    suffix = part.name[part.name.rfind(".") :]
    form = FORMATS.get(suffix) or mimetypes.types_map.get(suffix) or "text/plain"
    found: dict[str, Any] = {
        "contentSize": str(part.size),
        "sha256": part.sha256,
        "encodingFormat": form,
        "name": part.name,
    }
    if part.name == "Snakefile":
        found |= {"@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"], "version": version}
        found |= {"name": "GTF-DEER reproduction", "programmingLanguage": _to(SNAKEMAKE), "license": _to("LICENSE")}
        found |= {"input": _to(PRESET)} if presets else {}
    elif part.name.startswith("workflow_src/steps/"):
        found |= {"@type": ["File", "SoftwareSourceCode"], "version": version}
    elif part.name == "README.md":
        found["about"] = _to("./")
    elif part.name.endswith(sidecar.ENDING):
        found["about"] = _to(part.name.removesuffix(sidecar.ENDING))
    elif part.name in presets:
        found["exampleOfWork"] = _to(PRESET)
    return found


def _action(records: Sequence[Mapping[str, Any]], names: Mapping[str, str], present: set[str]) -> dict[str, Any]:
    """A job, told by the records of its outputs: each states the time when it was written."""
    record = records[0]
    step = record["step"]
    read = [names[one["path"]] for one in record["inputs"] if one["path"] in names]
    wrote = [names[path] for path in record["outputs"] if names.get(path) in present]
    status = f", {record['status']}" if record["status"] != "ok" else ""
    return {
        "@type": "CreateAction",
        "name": f"{step}: {wrote[0]}{status}",
        "description": record["command"],
        "instrument": _to(f"workflow_src/steps/{step}.py"),
        "object": _to(*read),
        "result": _to(*wrote),
        "startTime": record["execution"]["started"],
        "endTime": max(one["execution"]["ended"] for one in records),
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }


def _context(citation: Mapping[str, Any], has_preset: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is described besides files and actions."""
    people = ", ".join(one["name"] for one in citation["authors"])
    yield "#contributors", {"@type": "Organization", "name": people}
    language = {"@type": "ComputerLanguage", "name": "Snakemake", "alternateName": "Snakemake"}
    address = {"@id": "https://snakemake.github.io"}
    yield SNAKEMAKE, {**language, "identifier": address, "url": address}
    yield address["@id"], {"@type": "WebSite", "name": "Snakemake"}
    for profile, (name, version) in NAMES.items():
        yield profile, {"@type": "CreativeWork", "name": name, "version": version}
    if has_preset:
        parameter = {"@type": "FormalParameter", "name": "preset", "additionalType": "File", "valueRequired": True}
        yield PRESET, {**parameter, "conformsTo": {"@id": PARAMETER}}
        yield PARAMETER, {"@type": "CreativeWork", "name": "FormalParameter", "version": "1.0-RELEASE"}
    for work in citation["references"]:
        authors = [f"{one['given-names']} {one['family-names']}" for one in work["authors"]]
        paper = {"@type": "ScholarlyArticle", "name": work["title"], "creditText": ", ".join(authors)}
        yield str(work["url"]), {**paper, "datePublished": str(work["year"]), "license": work["license"]}
