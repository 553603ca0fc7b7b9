"""Reading the claims, with one line for the first mistake."""

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from workflow_src.claims.claim import Claims
from workflow_src.errors import UserError

TESTS = ("difference", "equivalence", "trend", "scaling", "share")


def load_claims(file: Path) -> Claims:
    """The claims of a file.

    Raises:
        UserError: with one line that names file, claim, key and mend.
    """
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); restore it") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise UserError(f"{file}: {where}{getattr(error, 'problem', error)}; mend the YAML") from None
    try:
        return Claims.model_validate_json(json.dumps(document))
    except ValidationError as error:
        raise UserError(f"{file}: {_line(error.errors()[0], document)}") from None


def _line(error: Any, document: Any) -> str:
    """Key, problem and mend; a claim is named by its id, not by its position."""
    # pydantic puts the tag of a union behind its name.
    parts = [str(part) for k, part in enumerate(error["loc"]) if not (k == 3 and part in TESTS)]
    if len(parts) > 1 and parts[0] == "claims":
        claim = document["claims"][int(parts[1])]
        name = claim.get("id", parts[1]) if isinstance(claim, dict) else parts[1]
        parts[:2] = [f"claims.{name}"]
    key, kind = ".".join(parts), error["type"]
    if kind == "extra_forbidden":
        return f"{key}: unknown key; remove it or correct its spelling"
    if kind == "missing":
        return f"{key}: is missing; add it"
    if kind == "literal_error":
        return f"{key}: '{error['input']}' is unknown; use {error['ctx']['expected']}"
    if kind == "union_tag_invalid":
        return f"{key}.kind: '{error['ctx']['tag']}' is unknown; use {error['ctx']['expected_tags']}"
    if kind == "union_tag_not_found":
        return f"{key}.kind: is missing; add it"
    if kind == "value_error":
        inner = str(error["ctx"]["error"])
        separator = ": " if inner.startswith("'") else "."
        return f"{key}{separator}{inner}" if key else inner
    return f"{key}: {error['msg'][0].lower()}{error['msg'][1:]} (given: {error['input']!r}); correct it"
