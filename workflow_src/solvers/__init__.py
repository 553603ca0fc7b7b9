"""How a recurrence z_t = step(z_{t-1}, input_t) is evaluated over a whole sequence. Solvers know no model."""

from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array, Float, Int

from workflow_src.solvers.block import block
from workflow_src.solvers.deer import deer
from workflow_src.solvers.newton import newton
from workflow_src.solvers.sequential import sequential
from workflow_src.solvers.solution import Report, Solution

__all__ = ["Report", "Solution", "block", "deer", "newton", "sequential", "solve", "solve_batch"]


# Where a step of Newton's method is within the tolerance, the error is far below it, as it is squared at each step.
# Chunks approach each other at a steady rate, and are asked for a tenth.
JOIN_FACTOR = 0.1


def solve(
    solver: str,
    step: Callable[..., Float[Array, " M"]],
    z0: Float[Array, " M"],
    inputs: Any,
    guess: Float[Array, "T M"],
    *,
    tolerance: float,
    max_iterations: int | Int[Array, ""],
) -> Solution:
    """Evaluate the recurrence with the solver of that name.

    Args:
        solver: `sequential`, `block`, `newton`, `deer` or `quasi_deer`.
    """
    match solver:
        case "sequential":
            return sequential(step, z0, inputs)
        case "deer" | "quasi_deer":
            jacobian = "full" if solver == "deer" else "diagonal"
            return deer(step, z0, inputs, guess, jacobian=jacobian, tolerance=tolerance, max_iterations=max_iterations)
        case "block":
            batch = jax.tree.map(lambda leaf: leaf[None], (z0, inputs, guess))
            return jax.tree.map(lambda leaf: leaf[0], block(step, *batch, tolerance=JOIN_FACTOR * tolerance))
        case "newton":
            return newton(step, z0, inputs, guess, tolerance=tolerance, max_iterations=max_iterations)
    raise ValueError(f"unknown solver '{solver}'")


def solve_batch(
    solver: str,
    step: Callable[..., Float[Array, " M"]],
    z0: Float[Array, "B M"],
    inputs: Any,
    guess: Float[Array, "B T M"],
    *,
    tolerance: float,
    max_iterations: int | Int[Array, ""],
) -> Solution:
    """`solve` for many sequences of one step; every array has a leading axis B."""
    if solver == "block":
        return block(step, z0, inputs, guess, tolerance=JOIN_FACTOR * tolerance)

    def one(z0: Float[Array, " M"], inputs: Any, guess: Float[Array, "T M"]) -> Solution:
        return solve(solver, step, z0, inputs, guess, tolerance=tolerance, max_iterations=max_iterations)

    return jax.vmap(one)(z0, inputs, guess)
