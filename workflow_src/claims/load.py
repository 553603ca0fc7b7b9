"""Reading the claims, with one line for the first mistake."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workflow_src.claims.claim import Claims
from workflow_src.documents import describe, read_yaml
from workflow_src.errors import UserError

TESTS = ("difference", "equivalence", "trend", "scaling", "share")


def load_claims(file: Path) -> Claims:
    """The claims of a file.

    Raises:
        UserError: with one line that names file, claim, key and mend.
    """
    document = read_yaml(file, otherwise="restore it")
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
    return describe(error, ".".join(parts))
