"""Exactness: residual of the states, and loss and gradient against BPTT in float64."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from benchmarks.cases import Case
from benchmarks.evaluation import Evaluation, evaluate
from benchmarks.machine import on_cpu
from workflow_src.forcing import forced_step, teacher_signal
from workflow_src.models.shallow_plrnn import ShallowPLRNN


class Reference(NamedTuple):
    """Float64 BPTT through `lax.scan`, on the CPU where there is one."""

    loss: float
    gradient: Float[np.ndarray, " parameters"]
    states: Float[np.ndarray, "B T M"]


def reference(case: Case, model: ShallowPLRNN, windows: Float[np.ndarray, "B T N"]) -> Reference:
    """The case in float64."""
    with on_cpu(), jax.enable_x64(True):
        wide = partial(evaluate, solver="sequential", forcing_strength=case.recipe.forcing_strength)
        found = jax.jit(wide)(*_wide((model, windows)))
        return Reference(float(found.loss), _flat(found.gradient), np.asarray(found.solution.states))


def errors(
    case: Case, model: ShallowPLRNN, windows: Float[np.ndarray, "B T N"], found: Evaluation, true: Reference | None
) -> dict[str, float | None]:
    """How wrong an evaluation is.

    Returns:
        residual: largest |z_t - F(z_{t-1})|, computed in float64 from the states as they are.
        state_error: largest deviation of a state.
        loss_error, gradient_error: relative to their size; the gradient's as one vector. Near a minimum the terms of a
            gradient cancel, and rounding to float32 alone, in which `sequential` differs too, may cost more than 1e-4.
        Without a reference the errors are None.
    """
    states = np.asarray(found.solution.states)
    result: dict[str, float | None] = {"residual": _residual(case, model, windows, states)}
    if true is None:
        return result | dict.fromkeys(("state_error", "loss_error", "gradient_error"))
    deviation = np.linalg.norm(_flat(found.gradient) - true.gradient)
    return result | {
        "state_error": float(np.max(np.abs(states - true.states))),
        "loss_error": abs(float(found.loss) - true.loss) / abs(true.loss),
        "gradient_error": float(deviation / np.linalg.norm(true.gradient)),
    }


def float64_error(
    case: Case, model: ShallowPLRNN, windows: Float[np.ndarray, "B T N"], solver: str, true: Reference
) -> float:
    """Relative error of a solver's gradient in float64: what its tolerance costs, and not rounding."""
    with jax.enable_x64(True):
        wide = partial(evaluate, solver=solver, forcing_strength=case.recipe.forcing_strength)
        gradient = _flat(jax.jit(wide)(*_wide((model, windows))).gradient)
    return float(np.linalg.norm(gradient - true.gradient) / np.linalg.norm(true.gradient))


def _residual(case: Case, model: ShallowPLRNN, windows: np.ndarray, states: np.ndarray) -> float:
    def one(model: ShallowPLRNN, x: Any, z: Any) -> Any:
        teacher = teacher_signal(model, x)
        step = forced_step(model, case.recipe.forcing_strength)
        previous = jnp.concatenate([teacher[:1], z[:-1]])
        return z - jax.vmap(step)(previous, teacher[:-1])

    with on_cpu(), jax.enable_x64(True):
        difference = jax.jit(jax.vmap(one, in_axes=(None, 0, 0)))(*_wide((model, windows, states)))
    largest = np.max(np.abs(np.asarray(difference)))
    return float(largest) if np.isfinite(largest) else float("inf")


def _wide(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)


def _flat(gradient: ShallowPLRNN) -> Float[np.ndarray, " parameters"]:
    return np.concatenate([np.asarray(leaf, np.float64).ravel() for leaf in jax.tree.leaves(gradient)])
