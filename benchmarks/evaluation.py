"""What is timed: value and gradient of the training loss, Eq. (60), through a solver of a given name."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from benchmarks.adjoint import sequential_adjoint
from workflow_src.forcing import forced_step, teacher_signal
from workflow_src.models.shallow_plrnn import ShallowPLRNN
from workflow_src.solvers import Solution, solve_batch

BASELINES = ("sequential", "sequential_adjoint", "deer")
SOLVERS = (*BASELINES, "newton", "block", "auto")
TOLERANCE, MAX_ITERATIONS = 1e-4, 100


class Evaluation(NamedTuple):
    """Loss, gradient, states and reports of one call; states and reports have one entry per window."""

    loss: Float[Array, ""]
    gradient: ShallowPLRNN
    solution: Solution


def evaluate(model: ShallowPLRNN, windows: Float[Array, "B T N"], solver: str, forcing_strength: float) -> Evaluation:
    """Loss and gradient as in training, where the guess is the teacher signal and nothing is warm-up."""
    (loss, solution), gradient = jax.value_and_grad(loss_of, has_aux=True)(model, windows, solver, forcing_strength)
    return Evaluation(loss, gradient, solution)


def loss_of(
    model: ShallowPLRNN, windows: Float[Array, "B T N"], solver: str, forcing_strength: float
) -> tuple[Float[Array, ""], Solution]:
    """Mean squared error of all predictions but the first, which is given."""
    teacher = jax.vmap(teacher_signal, in_axes=(None, 0))(model, windows)
    step = forced_step(model, forcing_strength)
    solution = solve_by_name(solver, step, teacher[:, 0], teacher[:, :-1], teacher[:, 1:])
    predicted = jax.vmap(jax.vmap(model.observe))(solution.states)
    return jnp.mean((predicted - windows[:, 1:]) ** 2), solution


def solve_by_name(solver: str, step: Any, z0: Array, inputs: Array, guess: Array) -> Solution:
    """The project's solver of that name for a batch, or the baseline that belongs to the benchmarks."""
    if solver == "sequential_adjoint":
        return jax.vmap(partial(sequential_adjoint, step))(z0, inputs)
    return solve_batch(solver, step, z0, inputs, guess, tolerance=TOLERANCE, max_iterations=MAX_ITERATIONS)


def available(names: tuple[str, ...] = SOLVERS) -> list[str]:
    """Those of the names that the project has a solver for."""

    def known(name: str) -> bool:
        z = jnp.zeros((2, 2, 2))
        try:
            jax.eval_shape(lambda z: solve_by_name(name, lambda z, u: 0.5 * z + u, z[:, 0], z, z).states, z)
        except ValueError as error:
            if "unknown solver" in str(error):
                return False
            raise
        return True

    return [name for name in names if name == "sequential_adjoint" or known(name)]
