"""Blocks: some keys of a specification, stated at one place and completed by the blocks around it.

An experiment's `training` completes the preset's, a model's both; the innermost block that states a key decides.
"""

import json
from typing import Any, NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from workflow_src.config.messages import describe
from workflow_src.errors import UserError
from workflow_src.specs.section import AbstractSection

# Two ways to say the same thing: stating one takes back the other of the blocks outside.
EXCLUSIVE = ({"batch_size", "samples_per_update"}, {"warmup_steps", "warmup_fraction"})

Spec = TypeVar("Spec", bound=AbstractSection)


class Block(NamedTuple):
    """Keys and values, and the dotted key of the place where they stand."""

    place: str
    keys: dict[str, Any]


def merge(*blocks: Block) -> tuple[dict[str, Any], dict[str, str]]:
    """Values and dotted places of all keys, from the outermost block to the innermost."""
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    for block in blocks:
        for pair in EXCLUSIVE:
            if pair & block.keys.keys():
                for key in pair:
                    values.pop(key, None)
                    places.pop(key, None)
        values |= block.keys
        places |= {key: f"{block.place}.{key}" for key in block.keys}
    return values, places


def resolve(spec: type[Spec], *blocks: Block) -> Spec:
    """The specification that the blocks state together.

    Raises:
        UserError: naming the place of the innermost statement of the key that is wrong, or the outermost block where it
            is missing.
    """
    values, places = merge(*blocks)
    try:
        return spec.model_validate_json(json.dumps(values))
    except ValidationError as error:
        key, _, problem = describe(error).partition(": ")
        raise UserError(f"{places.get(key, f'{blocks[0].place}.{key}')}: {problem}") from None


def check_values(spec: type[AbstractSection], block: Block) -> None:
    """Refuse a value that no specification could have, at the block that states it."""
    for key, value in block.keys.items():
        if value is None:
            raise UserError(f"{block.place}.{key}: is empty; write a value or remove the key")
        annotation = spec.model_fields[key].rebuild_annotation()
        try:
            TypeAdapter(annotation).validate_json(json.dumps(value), strict=True)
        except ValidationError as error:
            raise UserError(describe(error, f"{block.place}.{key}")) from None
