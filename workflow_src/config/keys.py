"""Unknown keys of a preset, found before anything else: a misspelt key would be reported as missing first."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from workflow_src.specs.evaluation import EvaluationSpec
from workflow_src.specs.training import TrainingSpec

# Blocks are plain mappings in the schema, for they state only some keys of these.
BLOCKS = {"training": TrainingSpec, "evaluation": EvaluationSpec}


def unknown_keys(kind: Any, value: Any, place: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    """Dotted keys that the schema does not have, each with those that it has there.

    Args:
        kind: a section, or the annotation of one of its fields.
        value: what stands there, as read from YAML; of any type.
    """
    kind = _member(kind, value)
    if isinstance(value, list) and get_origin(kind) is tuple:
        for item in value:
            yield from unknown_keys(get_args(kind)[0], item, place)
    if not isinstance(value, dict):
        return
    inside = {str(key): f"{place}.{key}".removeprefix(".") for key in value}
    if get_origin(kind) is dict:
        for key, item in value.items():
            yield from unknown_keys(get_args(kind)[1], item, inside[str(key)])
    elif _is_section(kind):
        fields = kind.model_fields
        yield from ((inside[str(key)], tuple(fields)) for key in value if key not in fields)
        for key in (key for key in value if key in fields):
            yield from unknown_keys(BLOCKS.get(key, fields[key].annotation), value[key], inside[key])


def _member(kind: Any, value: Any) -> Any:
    """The annotation without its metadata; of a union, the section whose tag the value bears."""
    if get_origin(kind) is Annotated:
        return _member(get_args(kind)[0], value)
    if get_origin(kind) not in (Union, UnionType):
        return kind
    members = [member for member in get_args(kind) if _is_section(member)]
    return next((member for member in members if isinstance(value, dict) and _bears_tag(member, value)), None)


def _bears_tag(section: type[BaseModel], value: dict[str, Any]) -> bool:
    tags = {key: field.annotation for key, field in section.model_fields.items() if key in ("architecture", "kind")}
    return all(get_origin(tag) is Literal and value.get(key) in get_args(tag) for key, tag in tags.items())


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
