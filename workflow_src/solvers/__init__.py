"""How a recurrence z_t = step(z_{t-1}, input_t) is evaluated over a whole sequence. Solvers know no model."""

from collections.abc import Callable
from typing import Any

from jaxtyping import Array, Float, Int

from workflow_src.solvers.deer import deer
from workflow_src.solvers.newton import newton
from workflow_src.solvers.sequential import sequential
from workflow_src.solvers.solution import Report, Solution

__all__ = ["Report", "Solution", "deer", "newton", "sequential", "solve"]


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
    """Evaluate the recurrence with the solver of that name: `sequential`, `deer`, `quasi_deer` or `newton`."""
    match solver:
        case "sequential":
            return sequential(step, z0, inputs)
        case "deer" | "quasi_deer":
            jacobian = "full" if solver == "deer" else "diagonal"
            return deer(step, z0, inputs, guess, jacobian=jacobian, tolerance=tolerance, max_iterations=max_iterations)
        case "newton":
            return newton(step, z0, inputs, guess, tolerance=tolerance, max_iterations=max_iterations)
    raise ValueError(f"unknown solver '{solver}'")
