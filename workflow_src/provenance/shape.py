"""Whether the metadata of a bundle have the shape of a Workflow Run RO-Crate 0.5 on RO-Crate 1.1.

This is a test of this project's own, made from the text of the profiles, which needs no network. It is no validator:
it knows no other form of a crate than the one that is written here.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

NAME = "ro-crate-metadata.json"
CRATE = "https://w3id.org/ro/crate/1.1"
TERMS = "https://w3id.org/ro/terms/workflow-run/context"
PROFILES = (
    "https://w3id.org/ro/wfrun/process/0.5",
    "https://w3id.org/ro/wfrun/workflow/0.5",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
)
WORKFLOW = {"File", "SoftwareSourceCode", "ComputationalWorkflow"}


def faults(metadata: Mapping[str, Any], names: Collection[str]) -> list[str]:
    """What is wrong with the metadata, in a line each.

    Args:
        metadata: content of ro-crate-metadata.json.
        names: of all files of the crate.
    """
    graph = metadata.get("@graph")
    if not isinstance(graph, list) or not all(isinstance(one, dict) and "@id" in one for one in graph):
        return [f"{NAME} has no graph of entities"]
    entities = {one["@id"]: one for one in graph}
    found = [] if len(entities) == len(graph) else ["two entities have one @id"]
    if metadata.get("@context") != [f"{CRATE}/context", TERMS]:
        found.append("@context is not that of RO-Crate 1.1 and of workflow runs")
    found += [f"{name} has no @type" for name, one in entities.items() if not one.get("@type")]
    found += _references(entities)
    root = entities.get("./", {})
    found += _root(entities.get(NAME, {}), root)
    found += _files(entities, root, set(names) - {NAME})
    found += _workflow(entities, root)
    return found


def files(entities: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The entities that describe files, by the files' names; an @id is a URL."""
    return {unquote(one["@id"]): one for one in entities if "File" in listed(one["@type"])}


def listed(value: Any) -> list[Any]:
    """A property as a list, whatever number of values it has."""
    return value if isinstance(value, list) else [] if value is None else [value]


def references(value: Any) -> list[str]:
    """The @ids that a property refers to."""
    return [one["@id"] for one in listed(value) if isinstance(one, dict) and "@id" in one]


def _references(entities: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, one in entities.items():
        for key, value in one.items():
            # The descriptor names the specification itself, which no crate describes.
            if name != NAME or key != "conformsTo":
                missing = [target for target in references(value) if target not in entities]
                yield from (f"{name}: {key} refers to {target}, which is not there" for target in missing)


def _root(descriptor: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[str]:
    if references(descriptor.get("about")) != ["./"] or references(descriptor.get("conformsTo")) != [CRATE]:
        yield f"{NAME} does not describe itself as the metadata of ./"
    if "Dataset" not in listed(root.get("@type")):
        yield "./ is no Dataset"
    yield from (f"./ has no {key}" for key in ("name", "description", "license", "datePublished") if not root.get(key))
    if not _is_time(root.get("datePublished")):
        yield "./: datePublished is no date"
    claimed = references(root.get("conformsTo"))
    yield from (f"./ does not claim {profile}" for profile in PROFILES if profile not in claimed)


def _files(entities: Mapping[str, Mapping[str, Any]], root: Mapping[str, Any], names: Collection[str]) -> Iterator[str]:
    parts = {unquote(part) for part in references(root.get("hasPart"))}
    described = files(entities.values())
    yield from (f"{name} is described and is not here" for name in sorted(described.keys() - set(names)))
    yield from (f"{name} is here and is not described" for name in sorted(set(names) - described.keys()))
    yield from (f"{name} is no part of ./" for name in sorted(described.keys() - parts))
    for name, one in sorted(described.items()):
        if not re.fullmatch(r"[0-9a-f]{64}", str(one.get("sha256"))) or not str(one.get("contentSize")).isdigit():
            yield f"{name} has no sha256 or contentSize"


def _workflow(entities: Mapping[str, Mapping[str, Any]], root: Mapping[str, Any]) -> Iterator[str]:
    main = references(root.get("mainEntity"))
    workflow = entities.get(main[0], {}) if len(main) == 1 else {}
    if WORKFLOW - set(listed(workflow.get("@type"))) or not references(workflow.get("programmingLanguage")):
        yield "./: mainEntity is no workflow with a programmingLanguage"
    actions = {name: one for name, one in entities.items() if "CreateAction" in listed(one["@type"])}
    if not any(references(one.get("instrument")) == main for one in actions.values()):
        yield "no CreateAction has the workflow as its instrument"
    mentioned = set(references(root.get("mentions")))
    for name, one in actions.items():
        if len(references(one.get("instrument"))) != 1 or not references(one.get("result")):
            yield f"{name} has not one instrument and at least one result"
        if not (_is_time(one.get("startTime")) and _is_time(one.get("endTime"))):
            yield f"{name} has no startTime or endTime"
        if name not in mentioned:
            yield f"./ does not mention {name}"


def _is_time(text: Any) -> bool:
    try:
        datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return False
    return True
