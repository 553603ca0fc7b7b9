"""Shallow piecewise-linear RNN (shPLRNN), Eq. (5) with phi = ReLU.

    z_t = A z_{t-1} + W1 relu(W2 z_{t-1} + h2) + h1,    x_t = B z_t,    A = diag(tanh(a))

Hess et al. 2023, arXiv 2306.04406. The squashed diagonal keeps A^T bounded over long sequences, App. E.
"""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from workflow_src.models.base import AbstractForcedModel
from workflow_src.models.initialisation import near_identity, uniform


class AbstractShallowPLRNN(AbstractForcedModel):
    """Eq. (5), whatever the parameters behind the matrix W1."""

    # ASSUME: A = diag(tanh(a)). The paper asks for a squashing nonlinearity and its symbol is lost.
    a: eqx.AbstractVar[Float[Array, " M"]]
    W2: eqx.AbstractVar[Float[Array, "L M"]]
    h1: eqx.AbstractVar[Float[Array, " M"]]
    h2: eqx.AbstractVar[Float[Array, " L"]]

    @property
    @abstractmethod
    def connectivity(self) -> Float[Array, "M L"]:
        """The matrix W1."""

    @abstractmethod
    def couple(self, hidden: Float[Array, "L *K"]) -> Float[Array, "M *K"]:
        """W1 times a vector or matrix of hidden units."""

    @property
    def A(self) -> Float[Array, " M"]:
        """Diagonal of the linear part, in (-1, 1)."""
        return jnp.tanh(self.a)

    def step(self, z: Float[Array, "M *R"]) -> Float[Array, "M *R"]:
        """Eq. (5), latent part, of one state or of the columns of a matrix."""
        A, h1, h2 = (vector.reshape(-1, *[1] * (z.ndim - 1)) for vector in (self.A, self.h1, self.h2))
        return A * z + self.couple(jax.nn.relu(self.W2 @ z + h2)) + h1

    def jacobian(self, z: Float[Array, " M"]) -> Float[Array, "M M"]:
        """J = A + W1 D W2 with D = diag(relu'), Eq. (7); relu'(0) = 0 as in `jax.nn.relu`."""
        # A sum of outer products, one per active unit: over a sequence it is one matrix product of the patterns, and
        # no array of T x L x M is formed.
        M = self.latent_dim
        products = self.connectivity.T[:, :, None] * self.W2[:, None, :]
        active = self.pattern(z).astype(z.dtype)
        return jnp.diag(self.A) + (active @ products.reshape(-1, M * M)).reshape(M, M)

    def pattern(self, z: Float[Array, " M"]) -> Bool[Array, " L"]:
        """The diagonal of D: which hidden units are active at z."""
        return self.W2 @ z + self.h2 > 0


class ShallowPLRNN(AbstractShallowPLRNN):
    """Latent dimension M, hidden dimension L, observed dimension N."""

    obs_dim: int = eqx.field(static=True)
    latent_dim: int = eqx.field(static=True)
    a: Float[Array, " M"]
    W1: Float[Array, "M L"]
    W2: Float[Array, "L M"]
    h1: Float[Array, " M"]
    h2: Float[Array, " L"]
    B: Float[Array, "N M"]

    @classmethod
    def initialise(
        cls, latent_dim: int, hidden_dim: int, obs_dim: int, *, scale: float, key: PRNGKeyArray
    ) -> "ShallowPLRNN":
        """A new model near the identity, Eq. (46); the first N latent units are read out."""
        M, L = latent_dim, hidden_dim
        key_diagonal, key_connectivity, key_hidden = jax.random.split(key, 3)
        return cls(
            obs_dim=obs_dim,
            latent_dim=M,
            a=near_identity(key_diagonal, M, scale),
            W1=uniform(key_connectivity, (M, L), scale / L**0.5),
            W2=uniform(key_hidden, (L, M), M**-0.5),
            h1=jnp.zeros(M),
            h2=jnp.zeros(L),
            B=jnp.eye(obs_dim, M),
        )

    @property
    def connectivity(self) -> Float[Array, "M L"]:
        return self.W1

    def couple(self, hidden: Float[Array, "L *K"]) -> Float[Array, "M *K"]:
        return self.W1 @ hidden
