"""What a solver returns."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


class Report(eqx.Module):
    """How a solve went; of a batch, with a leading axis.

    Attributes:
        iterations: Newton iterations, or rounds of the block solver; 0 for a solver that has none.
        residual: max_t |z_t - F(z_{t-1})| over all components; inf where it is not finite.
        converged: whether the states solve the recurrence within the solver's tolerance.
    """

    iterations: Int[Array, "..."]
    residual: Float[Array, "..."]
    converged: Bool[Array, "..."]


class Solution(eqx.Module):
    """States z_1 .. z_T of a recurrence, and how they were found; of a batch, with a leading axis."""

    states: Float[Array, "*B T M"]
    report: Report


def largest(difference: Float[Array, "T M"]) -> Float[Array, ""]:
    """Largest magnitude; inf if any entry is not finite.

    The finiteness is tested apart because a maximum over NaN is not reliable on every backend (XLA's CPU reduction
    in jaxlib 0.9.2 to 0.10.2 gives -inf for large float32 arrays).
    """
    finite = jnp.all(jnp.isfinite(difference))
    return jnp.where(finite, jnp.max(jnp.abs(difference)), jnp.inf)
