"""Sequential evaluation: one step after the other, Algorithm 2. Gradients are those of BPTT."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from workflow_src.solvers.solution import Report, Solution


def sequential(step: Callable[..., Float[Array, " M"]], z0: Float[Array, " M"], inputs: Any) -> Solution:
    """Evaluate z_t = step(z_{t-1}, inputs_t) for t = 1..T; exact, so the residual is zero by construction.

    Args:
        step: one step of the recurrence.
        z0: the state before the first step.
        inputs: PyTree of arrays with leading axis T.
    """

    def advance(z: Float[Array, " M"], one_input: Any) -> tuple[Float[Array, " M"], Float[Array, " M"]]:
        new = step(z, one_input)
        return new, new

    _, states = jax.lax.scan(advance, z0, inputs)
    finite = jnp.all(jnp.isfinite(jax.lax.stop_gradient(states)))
    residual = jnp.where(finite, 0.0, jnp.inf).astype(states.dtype)
    return Solution(states, Report(jnp.array(0), residual, finite))
