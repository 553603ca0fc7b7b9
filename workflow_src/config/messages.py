"""What pydantic finds wrong, as one line: dotted key, problem, mend."""

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from workflow_src import documents


def describe(error: ValidationError, place: str = "") -> str:
    """`key: problem; mend` for the first thing that is wrong.

    Args:
        place: dotted key of what was validated; empty for a whole preset.
    """
    first: Any = error.errors()[0]
    # pydantic puts the tag of a union behind the name of its member: models.<name>.<architecture>.<key>.
    tagged = first["loc"][:1] in (("models",), ("benchmarks",))
    loc = [str(part) for position, part in enumerate(first["loc"]) if not (tagged and position == 2)]
    # It marks with a part of its own that the last key is wrong and not what stands there.
    loc = [part for part in loc if part != "[key]"]
    return documents.describe(first, ".".join([place, *loc] if place else loc))


def describe_unknown(key: str, known: Iterable[str]) -> str:
    """What is wrong with a key that does not exist, and the one that was probably meant."""
    name = key.rpartition(".")[2]
    close = difflib.get_close_matches(name, known, n=1)
    return f"{key}: unknown key; " + (f"did you mean '{close[0]}'?" if close else "remove it or correct its spelling")
