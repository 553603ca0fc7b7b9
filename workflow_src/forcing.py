"""Generalised teacher forcing: teacher signal and forced step, Eqs. (6) to (9).

    zbar_t = B^+ x_t,    z~_t = z_t + alpha (zbar_t - Pi z_t),    Pi = B^+ B,    z_{t+1} = F(z~_t)

Forcing acts in the row space of the read-out B only (Sagtekin et al. 2025, OpenReview xVI8g50Qfk); for M <= N and
full column rank Pi = I, which is the original form (Hess et al. 2023, arXiv 2306.04406).
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from workflow_src.models.base import AbstractForcedModel

# Steps in which forced maps forget, at least and at most; as measured where only some directions are forced.
FASTEST, SLOWEST = 16, 400


class ForcedStep(eqx.Module):
    """z_t = F(z~_{t-1}), a step that takes the teacher signal zbar_{t-1} as its input.

    Attributes:
        projector: Pi; None where it is the identity.
    """

    model: AbstractForcedModel
    projector: Float[Array, "M M"] | None
    forcing_strength: float | Float[Array, ""]

    def force(self, z: Float[Array, "M *R"], teacher: Float[Array, "M *R"]) -> Float[Array, "M *R"]:
        """The forced state z~, Eq. (8)."""
        seen = z if self.projector is None else self.projector @ z
        return z + self.forcing_strength * (teacher - seen)

    def __call__(self, z: Float[Array, " M"], teacher: Float[Array, " M"]) -> Float[Array, " M"]:
        return self.model.step(self.force(z, teacher))

    def columns(self, z: Float[Array, "M R"], teacher: Float[Array, "M R"]) -> Float[Array, "M R"]:
        """The step of many states, the columns of a matrix."""
        return self.model.step(self.force(z, teacher))

    @property
    def forgetting(self) -> int:
        """Steps in which the forced map loses its first state, roughly: a hint for the block solver."""
        N, M = self.model.B.shape
        return forgetting(self.forcing_strength, M, N)

    def jacobian(self, z: Float[Array, " M"], teacher: Float[Array, " M"]) -> Float[Array, "M M"]:
        """J~ = J (I - alpha Pi), Eq. (9)."""
        jacobian = self.model.jacobian(self.force(z, teacher))
        seen = jacobian if self.projector is None else jacobian @ self.projector
        return jacobian - self.forcing_strength * seen

    def pattern(self, z: Float[Array, " M"], teacher: Float[Array, " M"]) -> Bool[Array, " L"]:
        """Activation pattern of the latent map at the forced state."""
        return self.model.pattern(self.force(z, teacher))


def forced_step(model: AbstractForcedModel, forcing_strength: float | Float[Array, ""]) -> ForcedStep:
    """The model's latent map under forcing; B^+ and Pi are constants of the update."""
    # ASSUME: no gradient through B^+ and Pi, so B learns through the read-out alone. The paper does not say; Hess et
    # al. 2023 compute the forcing signals outside the gradient as well.
    B = jax.lax.stop_gradient(model.B)
    N, M = B.shape
    # With at least as many observations as latent units, B has full column rank and Pi = I.
    return ForcedStep(model, jnp.linalg.pinv(B) @ B if M > N else None, forcing_strength)


def forgetting(forcing_strength: float | Float[Array, ""], latent_dim: int, obs_dim: int) -> int:
    """Steps in which a forced map loses its first state, roughly.

    Forcing takes away a share alpha of a change at every step: ln(1e5) / -ln(1 - alpha) steps leave 1e-5 of it in a map
    that itself keeps distances. Where some directions are not forced, it is they that forget last.
    """
    if latent_dim > obs_dim or not isinstance(forcing_strength, float):
        return SLOWEST
    kept = 1 - min(max(forcing_strength, 1e-3), 1 - 1e-3)
    return min(max(round(math.log(1e5) / -math.log(kept)), FASTEST), SLOWEST)


def teacher_signal(model: AbstractForcedModel, x: Float[Array, "T N"]) -> Float[Array, "T M"]:
    """zbar_t = B^+ x_t, a constant of the update."""
    return x @ jnp.linalg.pinv(jax.lax.stop_gradient(model.B)).T
