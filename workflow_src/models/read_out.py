"""One-hidden-layer read-out of the driven models, second part of Eq. (3).

x_t = Wo relu(W2 z_t + h2) + ho
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from workflow_src.models.initialisation import uniform


class ReadOut(eqx.Module):
    """State dimension M, hidden dimension L, observed dimension N."""

    W2: Float[Array, "L M"]
    h2: Float[Array, " L"]
    Wo: Float[Array, "N L"]
    ho: Float[Array, " N"]

    @classmethod
    def initialise(cls, state_dim: int, hidden_dim: int, obs_dim: int, *, key: PRNGKeyArray) -> "ReadOut":
        """Uniform weights and zero biases, Eq. (48)."""
        key_hidden, key_output = jax.random.split(key)
        return cls(
            W2=uniform(key_hidden, (hidden_dim, state_dim), state_dim**-0.5),
            h2=jnp.zeros(hidden_dim),
            Wo=uniform(key_output, (obs_dim, hidden_dim), hidden_dim**-0.5),
            ho=jnp.zeros(obs_dim),
        )

    def __call__(self, z: Float[Array, " M"]) -> Float[Array, " N"]:
        return self.Wo @ jax.nn.relu(self.W2 @ z + self.h2) + self.ho
