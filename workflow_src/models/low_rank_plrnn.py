"""Low-rank shPLRNN, Sec. 5.4: Eq. (5) with W1 = U V of rank r.

    z_t = A z_{t-1} + U V relu(W2 z_{t-1} + h2) + h1,    x_t = B z_t

At r = N this is the recurrence of a free-running LSSM, Eq. (4).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from workflow_src.models.initialisation import near_identity, uniform
from workflow_src.models.shallow_plrnn import AbstractShallowPLRNN
from workflow_src.specs.model import LowRankPLRNNSpec


class LowRankPLRNN(AbstractShallowPLRNN):
    """Latent dimension M, hidden dimension L, observed dimension N, rank r."""

    obs_dim: int = eqx.field(static=True)
    latent_dim: int = eqx.field(static=True)
    a: Float[Array, " M"]
    U: Float[Array, "M r"]
    V: Float[Array, "r L"]
    W2: Float[Array, "L M"]
    h1: Float[Array, " M"]
    h2: Float[Array, " L"]
    B: Float[Array, "N M"]

    @classmethod
    def initialise(cls, spec: LowRankPLRNNSpec, obs_dim: int, *, key: PRNGKeyArray) -> "LowRankPLRNN":
        """A new model near the identity, Eq. (46); the first N latent units are read out."""
        M, L, r = spec.latent_dim, spec.hidden_dim, spec.rank
        key_diagonal, key_left, key_right, key_hidden = jax.random.split(key, 4)
        return cls(
            obs_dim=obs_dim,
            latent_dim=M,
            a=near_identity(key_diagonal, M, spec.init_scale),
            # ASSUME: the scales give the entries of U V the variance that Eq. (46) gives to W1; the paper is silent.
            U=uniform(key_left, (M, r), spec.init_scale * (3 / r) ** 0.5),
            V=uniform(key_right, (r, L), L**-0.5),
            W2=uniform(key_hidden, (L, M), M**-0.5),
            h1=jnp.zeros(M),
            h2=jnp.zeros(L),
            B=jnp.eye(obs_dim, M),
        )

    @property
    def connectivity(self) -> Float[Array, "M L"]:
        return self.U @ self.V

    def couple(self, hidden: Float[Array, "L *K"]) -> Float[Array, "M *K"]:
        # Right to left: the product U V would cost more than the step itself.
        return self.U @ (self.V @ hidden)
