"""YAML files that people write, read with one line for the first mistake."""

from pathlib import Path
from typing import Any

import yaml

from workflow_src.errors import UserError


def read_yaml(file: Path, *, otherwise: str) -> Any:
    """What a YAML file holds.

    Args:
        otherwise: what to do where there is no such file.
    Raises:
        UserError: one line with file, line and mend; also where a key stands twice.
    """
    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); {otherwise}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise UserError(f"{file}: {where}{getattr(error, 'problem', error)}; mend the YAML") from None
    except UserError as error:
        raise UserError(f"{file}: {error}") from None


def describe(error: Any, key: str) -> str:
    """What pydantic found wrong, as one line: dotted key, problem, mend.

    Args:
        error: one of `ValidationError.errors()`.
        key: where it stands, as a reader of the file would say it; empty for the whole file.
    """
    kind, given = error["type"], error.get("input")
    if kind == "extra_forbidden":
        return f"{key}: unknown key; remove it or correct its spelling"
    if kind == "missing":
        return f"{key}: is missing; add it"
    if kind == "value_error":
        inner = str(error["ctx"]["error"])
        # A message begins with a key below this one, or with a value in quotes.
        separator = ": " if inner.startswith("'") else "."
        return f"{key}{separator}{inner}" if key else inner
    if kind == "refused":
        return f"{key}: {error['msg']}"
    if kind in ("float_type", "int_type") and isinstance(given, str):
        return f"{key}: '{given}' is text; write a number (YAML wants 1.0e-3, not 1e-3)"
    if kind == "literal_error":
        return f"{key}: '{given}' is unknown; use {error['ctx']['expected']}"
    if kind == "union_tag_invalid":
        return f"{key}.{_tag(error)}: '{error['ctx']['tag']}' is unknown; use {error['ctx']['expected_tags']}"
    if kind == "union_tag_not_found":
        return f"{key}.{_tag(error)}: is missing; add it"
    return f"{key}: {error['msg'][0].lower()}{error['msg'][1:]} (given: {given!r}); correct it"


def _tag(error: Any) -> str:
    """The key by which the members of a union are told apart, which pydantic quotes."""
    return error["ctx"]["discriminator"].strip("'")


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would silently keep the last."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(name) for name, _ in node.value]
    for position, key in enumerate(keys):
        if key in keys[:position]:
            raise UserError(f"line {node.value[position][0].start_mark.line + 1}: {key}: stands twice; remove one")
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
