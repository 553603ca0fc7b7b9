"""Predictions over a whole training window by one call, warm-up included (Sec. 4.2, Algorithms 1 to 3)."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from workflow_src.forcing import AbstractForcedStep, forced_step, forgetting, teacher_signal, varying_forced_step
from workflow_src.models.base import AbstractDrivenModel, AbstractForcedModel, AbstractModel
from workflow_src.solvers import Report, Solution, solve, solve_batch
from workflow_src.solvers.choice import Choice, choose
from workflow_src.specs.model import AbstractForcedModelSpec
from workflow_src.specs.run import RunSpec
from workflow_src.specs.training import TrainingSpec


def predict(
    model: AbstractModel,
    x: Float[Array, "S T N"],
    spec: TrainingSpec,
    *,
    solver: str,
    max_iterations: int | Int[Array, ""],
    key_guess: PRNGKeyArray,
    forcing_strength: Float[Array, ""] | None = None,
) -> tuple[Float[Array, "S T N"], Report]:
    """Predictions of x_1 .. x_T, each before the data of its own step came in.

    Args:
        x: observed windows.
        solver: by name, not `auto`.
        max_iterations: cap of the Newton iterations; may be lower than the specification's, 0 for a run that has ended.
        key_guess: for the random initial guess; unused by the others.
        forcing_strength: that of an adaptive schedule; None is the specification's.
    Returns:
        The predictions and the solver's report. Row 1 is the given initial state's and predicts nothing.
    """
    if isinstance(model, AbstractForcedModel):
        gradient = spec.pseudo_inverse_gradient
        teacher = jax.vmap(lambda x: teacher_signal(model, x, pseudo_inverse_gradient=gradient))(x)
        strength = spec.forcing_strength if forcing_strength is None else forcing_strength
        keys = jax.random.split(key_guess, x.shape[0])
        guess = jax.vmap(lambda signal, key: initial_guess(spec.guess, signal, key=key))(teacher[:, 1:], keys)
        solution = solve_batch(
            solver,
            _step_of(model, spec, strength),
            teacher[:, 0],
            _inputs_of(teacher[:, :-1], spec, strength),
            guess,
            tolerance=spec.tolerance,
            max_iterations=max_iterations,
        )
        states = jnp.concatenate([teacher[:, :1], solution.states], axis=1)
        return jax.vmap(jax.vmap(model.observe))(states), solution.report
    assert isinstance(model, AbstractDrivenModel)
    predictions = jax.vmap(model.predict)(x)
    finite = jnp.all(jnp.isfinite(jax.lax.stop_gradient(predictions)), axis=(1, 2))
    return predictions, Report(jnp.zeros_like(finite, int), jnp.where(finite, 0.0, jnp.inf).astype(x.dtype), finite)


def solver_of(spec: RunSpec) -> Choice:
    """The solver of a training, and why: the specification's, or what `auto` is for its sizes."""
    if not isinstance(spec.architecture, AbstractForcedModelSpec):
        return Choice("parallel pass", "the model is linear in its latent state")
    if spec.training.solver != "auto":
        return Choice(spec.training.solver, "the specification says so")
    return choose(
        batch=spec.batch_size,
        steps=spec.sequence_length - 1,
        latent_dim=spec.architecture.latent_dim,
        hidden_dim=spec.architecture.hidden_dim,
        forgetting=forgetting(spec.training.weakest_forcing, spec.architecture.latent_dim, spec.obs_dim),
    )


def _step_of(model: AbstractForcedModel, spec: TrainingSpec, strength: float | Float[Array, ""]) -> AbstractForcedStep:
    """The forced step of a training: of one strength, or of one for each step where the warm-up has its own."""
    # ASSUME: one strength for the warm-up and for what follows, unless the specification gives two. The paper leaves
    # this open, and its single call to the solver fits both.
    gradient, weakest = spec.pseudo_inverse_gradient, spec.weakest_forcing
    if spec.warmup_forcing_strength is not None:
        return varying_forced_step(model, weakest=weakest, pseudo_inverse_gradient=gradient)
    return forced_step(model, strength, weakest=weakest, pseudo_inverse_gradient=gradient)


def _inputs_of(teacher: Float[Array, "S steps M"], spec: TrainingSpec, strength: float | Float[Array, ""]) -> Any:
    """What forces each step: the teacher signal, with the strength beside it where that varies."""
    if spec.warmup_forcing_strength is None:
        return teacher
    S, steps, _ = teacher.shape
    # The states at the T_w observations of the warm-up; the next one is the first that the loss judges.
    warming = jnp.arange(steps) < spec.warmup_of(steps + 1)
    strengths = jnp.where(warming, spec.warmup_forcing_strength, strength).astype(teacher.dtype)
    return teacher, jnp.broadcast_to(strengths, (S, steps))


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
