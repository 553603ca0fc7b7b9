"""Unknown keys of a preset, found before anything else: a misspelt key would be reported as missing first."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from workflow_src.specs.evaluation import EvaluationSpec
from workflow_src.specs.training import TrainingSpec

# Blocks are plain mappings in the schema, for they state only some keys of these.
BLOCKS = {"training": TrainingSpec, "evaluation": EvaluationSpec}
# By these the members of a union are told apart.
TAGS = ("architecture", "kind")


def unknown_keys(kind: Any, value: Any, place: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    """Dotted keys that the schema does not have, each with those that it has there.

    Args:
        kind: a section, or the annotation of one of its fields.
        value: what stands there, as read from YAML; of any type.
    """
    if isinstance(value, list) and get_origin(kind) is tuple:
        for position, item in enumerate(value):
            yield from unknown_keys(get_args(kind)[0], item, f"{place}.{position}")
    if not isinstance(value, dict):
        return
    inside = {str(key): f"{place}.{key}".removeprefix(".") for key in value}
    if get_origin(kind) is dict:
        for key, item in value.items():
            yield from unknown_keys(get_args(kind)[1], item, inside[str(key)])
        return
    sections = [section for section in _sections(kind) if _may_be(section, value)]
    fields = {key: field for section in reversed(sections) for key, field in section.model_fields.items()}
    if sections:
        yield from ((inside[str(key)], tuple(fields)) for key in value if key not in fields)
        for key in (key for key in value if key in fields):
            yield from unknown_keys(BLOCKS.get(key, fields[key].annotation), value[key], inside[key])


def _sections(kind: Any) -> list[type[BaseModel]]:
    """The section that an annotation names, or those of its union."""
    if get_origin(kind) is Annotated:
        return _sections(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [section for member in get_args(kind) for section in _sections(member)]
    return [kind] if isinstance(kind, type) and issubclass(kind, BaseModel) else []


def _may_be(section: type[BaseModel], value: dict[str, Any]) -> bool:
    """Whether the tag of a union's member is that of the value; without a tag it may be any of them."""
    tags = {key: field.annotation for key, field in section.model_fields.items() if key in TAGS}
    return all(key not in value or value[key] in get_args(tag) for key, tag in tags.items())
