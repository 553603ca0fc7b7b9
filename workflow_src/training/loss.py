"""Training loss, Eqs. (59) and (60)."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from workflow_src.models.base import AbstractModel
from workflow_src.solvers import Report
from workflow_src.specs.run import RunSpec
from workflow_src.training.forward import predict, solver_of
from workflow_src.training.regularisation import manifold_attractor, singular_values, slow_read_out

Scalar = Float[Array, ""]


class LossTerms(NamedTuple):
    """The terms of Eq. (59) and the solver's reports, one per sequence of the batch."""

    mse: Scalar
    mar: Scalar
    observation: Scalar
    singular_value: Scalar
    report: Report


def mean_squared_error(predictions: Float[Array, "T N"], x: Float[Array, "T N"], warmup: int) -> Scalar:
    """Eq. (60): mean over components and steps after the warm-up; the first step is given, never predicted."""
    first = max(warmup, 1)
    return jnp.mean((predictions[first:] - x[first:]) ** 2)


@eqx.filter_value_and_grad(has_aux=True)
def loss_and_gradient(
    model: AbstractModel,
    windows: Float[Array, "S T N"],
    spec: RunSpec,
    max_iterations: int | Int[Array, ""],
    key_guess: PRNGKeyArray,
    forcing_strength: Scalar | None = None,
) -> tuple[Scalar, LossTerms]:
    """Total loss, Eq. (59), over a batch of windows, and its gradient with respect to the model.

    Args:
        forcing_strength: that of an adaptive schedule; None is the specification's.
    """
    predictions, report = predict(
        model,
        windows,
        spec.training,
        solver=solver_of(spec).solver,
        max_iterations=max_iterations,
        key_guess=key_guess,
        forcing_strength=forcing_strength,
    )
    errors = jax.vmap(mean_squared_error, in_axes=(0, 0, None))(predictions, windows, spec.warmup)
    terms = LossTerms(
        mse=jnp.mean(errors),
        mar=manifold_attractor(model, spec.architecture, spec.training),
        observation=slow_read_out(model, spec.architecture, spec.training),
        singular_value=singular_values(model, spec.training),
        report=report,
    )
    return terms.mse + terms.mar + terms.observation + terms.singular_value, terms
