"""What pydantic finds wrong, as one line: dotted key, problem, mend."""

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError


def describe(error: ValidationError, place: str = "") -> str:
    """`key: problem; mend` for the first thing that is wrong.

    Args:
        place: dotted key of what was validated; empty for a whole preset.
    """
    first: Any = error.errors()[0]
    kind, given = first["type"], first.get("input")
    # pydantic puts the tag of a union behind the name of its member: models.<name>.<architecture>.<key>.
    tagged = first["loc"][:1] in (("models",), ("benchmarks",))
    loc = [str(part) for position, part in enumerate(first["loc"]) if not (tagged and position == 2)]
    # It marks with a part of its own that the last key is wrong and not what stands there.
    loc = [part for part in loc if part != "[key]"]
    key = ".".join([place, *loc] if place else loc)
    if kind == "extra_forbidden":
        return f"{key}: unknown key; remove it or correct its spelling"
    if kind == "missing":
        return f"{key}: is missing; add it"
    if kind == "value_error":
        inner = str(first["ctx"]["error"])
        return f"{key}.{inner}" if key else inner
    if kind == "refused":
        return f"{key}: {first['msg']}"
    if kind in ("float_type", "int_type") and isinstance(given, str):
        return f"{key}: '{given}' is text; write a number (YAML wants 1.0e-3, not 1e-3)"
    if kind == "union_tag_invalid":
        return f"{key}.{_tag(first)}: '{first['ctx']['tag']}' is unknown; use {first['ctx']['expected_tags']}"
    if kind == "literal_error":
        return f"{key}: '{given}' is unknown; use {first['ctx']['expected']}"
    if kind == "union_tag_not_found":
        return f"{key}.{_tag(first)}: is missing; add it"
    return f"{key}: {first['msg'][0].lower()}{first['msg'][1:]} (given: {given!r}); correct it"


def describe_unknown(key: str, known: Iterable[str]) -> str:
    """What is wrong with a key that does not exist, and the one that was probably meant."""
    name = key.rpartition(".")[2]
    close = difflib.get_close_matches(name, known, n=1)
    return f"{key}: unknown key; " + (f"did you mean '{close[0]}'?" if close else "remove it or correct its spelling")


def _tag(error: Any) -> str:
    """The key by which the members of a union are told apart, which pydantic quotes."""
    return error["ctx"]["discriminator"].strip("'")
