"""The models of an experiment that a figure or table shows."""

from collections.abc import Mapping, Sequence
from typing import Any

from workflow_src.errors import UserError

# Roles that show some models of their experiment, in a given order.
CHOSEN = ("comparison", "models")


def select_models(inputs: Mapping[str, Any], models: Sequence[str]) -> dict[str, Any]:
    """Cut the datasets of the roles that show chosen models down to these, in this order; no models means all."""
    selected = dict(inputs)
    for role in CHOSEN:
        if role in selected and models:
            known = [str(model) for model in selected[role]["model"].values]
            if missing := [model for model in models if model not in known]:
                raise UserError(f"--models: '{missing[0]}' is not in the input {role}; use some of {', '.join(known)}")
            selected[role] = selected[role].sel(model=list(models))
    return selected
