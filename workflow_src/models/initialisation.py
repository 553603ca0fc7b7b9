"""Initial values shared by the models, Eqs. (46) to (48): recurrences near the identity, uniform weights."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


def uniform(key: PRNGKeyArray, shape: tuple[int, ...], bound: float) -> Float[Array, "..."]:
    """Weights from U(-bound, bound)."""
    return jax.random.uniform(key, shape, minval=-bound, maxval=bound)


def near_identity(key: PRNGKeyArray, size: int, scale: float) -> Float[Array, " size"]:
    """Parameters a of a diagonal tanh(a) that is drawn from U(1 - scale, 1)."""
    diagonal = jax.random.uniform(key, (size,), minval=1 - scale, maxval=1)
    # tanh reaches 1 only at infinity, and in float32 a draw may round to 1.
    return jnp.arctanh(jnp.minimum(diagonal, 1 - 1e-6))
