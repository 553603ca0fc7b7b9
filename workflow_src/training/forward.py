"""Predictions over a whole training window by one call, warm-up included (Sec. 4.2, Algorithms 1 to 3)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from workflow_src.forcing import forced_step, teacher_signal
from workflow_src.models.base import AbstractDrivenModel, AbstractForcedModel, AbstractModel
from workflow_src.solvers import Report, Solution, solve
from workflow_src.specs.training import TrainingSpec


def predict(
    model: AbstractModel,
    x: Float[Array, "T N"],
    spec: TrainingSpec,
    *,
    max_iterations: int | Int[Array, ""],
    key_guess: PRNGKeyArray,
) -> tuple[Float[Array, "T N"], Report]:
    """Predictions of x_1 .. x_T, each before the data of its own step came in.

    Args:
        x: observed window.
        max_iterations: cap of the Newton iterations; may be lower than the specification's, 0 for a run that has ended.
        key_guess: for the random initial guess; unused by the others.
    Returns:
        The predictions and the solver's report. Row 1 is the given initial state's and predicts nothing.
    """
    if isinstance(model, AbstractForcedModel):
        teacher = teacher_signal(model, x)
        solution = solve_forced(
            model,
            teacher,
            spec.forcing_strength,
            initial_guess(spec.guess, teacher[1:], key=key_guess),
            solver=spec.solver,
            tolerance=spec.tolerance,
            max_iterations=max_iterations,
        )
        states = jnp.concatenate([teacher[:1], solution.states])
        return jax.vmap(model.observe)(states), solution.report
    assert isinstance(model, AbstractDrivenModel)
    predictions = model.predict(x)
    finite = jnp.all(jnp.isfinite(jax.lax.stop_gradient(predictions)))
    return predictions, Report(jnp.array(0), jnp.where(finite, 0.0, jnp.inf).astype(x.dtype), finite)


def solve_forced(
    model: AbstractForcedModel,
    teacher: Float[Array, "T M"],
    forcing_strength: float | Float[Array, ""],
    guess: Float[Array, "T-1 M"],
    *,
    solver: str,
    tolerance: float,
    max_iterations: int | Int[Array, ""],
) -> Solution:
    """Latent states z_2 .. z_T under forcing; z_1 = B^+ x_1 is given, Eqs. (12) and (13)."""
    # ASSUME: the forcing strength is the same during the warm-up and after it. The paper leaves this open; one strength
    # fits its single call to the solver.
    step = forced_step(model, forcing_strength)
    return solve(solver, step, teacher[0], teacher[:-1], guess, tolerance=tolerance, max_iterations=max_iterations)


def initial_guess(kind: str, teacher: Float[Array, "T M"], *, key: PRNGKeyArray) -> Float[Array, "T M"]:
    """Where the Newton iterations start: zero, standard normal, or the teacher signal B^+ x_t (Sec. 4.1, App. H.1)."""
    match kind:
        case "zero":
            return jnp.zeros_like(teacher)
        case "normal":
            return jax.random.normal(key, teacher.shape, teacher.dtype)
        case "pseudo_inverse":
            return teacher
    raise ValueError(f"unknown guess '{kind}'")
