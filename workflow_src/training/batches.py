"""Training windows: uniformly random starts along the one training trajectory, with replacement."""

import jax
from jaxtyping import Array, Float, PRNGKeyArray


def random_windows(
    trajectory: Float[Array, "steps N"], sequence_length: int, batch_size: int, *, key: PRNGKeyArray
) -> Float[Array, "S T N"]:
    """Draw S windows of length T."""
    last = trajectory.shape[0] - sequence_length
    starts = jax.random.randint(key, (batch_size,), 0, last + 1)
    return jax.vmap(lambda start: jax.lax.dynamic_slice_in_dim(trajectory, start, sequence_length))(starts)
