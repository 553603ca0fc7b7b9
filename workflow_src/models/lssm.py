"""Linear state space model with nonlinear read-out (LSSM), Eq. (3).

    z_t = A z_{t-1} + Bin x_{t-1} + h,    x_t = Wo relu(W2 z_t + h2) + ho,    A = diag(tanh(a))

Linear in z while it is driven by data; free-running it feeds its predictions back and becomes the nonlinear Eq. (4).
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from workflow_src.models.base import AbstractDrivenModel
from workflow_src.models.initialisation import near_identity, uniform
from workflow_src.models.read_out import ReadOut
from workflow_src.solvers.affine_scan import solve_affine
from workflow_src.specs.model import LSSMSpec


class FreeRunningParameters(NamedTuple):
    """Parameters of Eq. (4), z_t = A z_{t-1} + W1 relu(W2 z_{t-1} + h2) + h1; W1 has rank N at most."""

    A: Float[Array, " M"]
    W1: Float[Array, "M L"]
    W2: Float[Array, "L M"]
    h1: Float[Array, " M"]
    h2: Float[Array, " L"]


class LSSM(AbstractDrivenModel):
    """Latent dimension M, hidden dimension L of the read-out, observed dimension N."""

    obs_dim: int = eqx.field(static=True)
    latent_dim: int = eqx.field(static=True)
    a: Float[Array, " M"]
    Bin: Float[Array, "M N"]
    h: Float[Array, " M"]
    read_out: ReadOut

    @classmethod
    def initialise(cls, spec: LSSMSpec, obs_dim: int, *, key: PRNGKeyArray) -> "LSSM":
        """A new model near the identity, Eqs. (47) and (48)."""
        M = spec.latent_dim
        key_diagonal, key_input, key_read_out = jax.random.split(key, 3)
        return cls(
            obs_dim=obs_dim,
            latent_dim=M,
            a=near_identity(key_diagonal, M, spec.init_scale),
            Bin=uniform(key_input, (M, obs_dim), spec.init_scale / obs_dim**0.5),
            h=jnp.zeros(M),
            read_out=ReadOut.initialise(M, spec.hidden_dim, obs_dim, key=key_read_out),
        )

    @property
    def A(self) -> Float[Array, " M"]:
        """Diagonal of the linear part, in (-1, 1)."""
        return jnp.tanh(self.a)

    def initial_state(self) -> Float[Array, " M"]:
        return jnp.zeros_like(self.h)

    def drive(self, state: Float[Array, " M"], x: Float[Array, " N"]) -> Float[Array, " M"]:
        """Eq. (3), latent part."""
        return self.A * state + self._input(x)

    def observe(self, state: Float[Array, " M"]) -> Float[Array, " N"]:
        """Eq. (3), read-out."""
        return self.read_out(state)

    def predict(self, x: Float[Array, "T N"]) -> Float[Array, "T N"]:
        """Predictions of x_1 .. x_T by a parallel scan over the affine maps, Eq. (27)."""
        start = self.initial_state()
        offsets = jnp.concatenate([start[None], jax.vmap(self._input)(x[:-1])])
        states = solve_affine(jnp.broadcast_to(self.A, offsets.shape), offsets, start)
        return jax.vmap(self.observe)(states)

    def free_running_parameters(self) -> FreeRunningParameters:
        """The parameters of Eq. (4): W1 = Bin Wo and h1 = h + Bin ho."""
        out = self.read_out
        return FreeRunningParameters(self.A, self.Bin @ out.Wo, out.W2, self.h + self.Bin @ out.ho, out.h2)

    def _input(self, x: Float[Array, " N"]) -> Float[Array, " M"]:
        return self.Bin @ x + self.h
