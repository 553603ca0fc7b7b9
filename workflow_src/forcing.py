"""Generalised teacher forcing: teacher signal and forced step, Eqs. (6) to (9).

    zbar_t = B^+ x_t,    z~_t = z_t + alpha (zbar_t - Pi z_t),    Pi = B^+ B,    z_{t+1} = F(z~_t)

Forcing acts in the row space of the read-out B only (Sagtekin et al. 2025, OpenReview xVI8g50Qfk); for M <= N and
full column rank Pi = I, which is the original form (Hess et al. 2023, arXiv 2306.04406).
"""

import math
from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from workflow_src.models.base import AbstractForcedModel

# Steps in which forced maps forget, at least and at most; as measured where only some directions are forced.
FASTEST, SLOWEST = 16, 400


class AbstractForcedStep(eqx.Module):
    """z_t = F(z~_{t-1}), a step that takes what forces it as its input.

    Attributes:
        projector: Pi; None where it is the identity.
        forgetting: steps in which the forced map loses its first state, roughly: a hint for the block solver.
    """

    model: eqx.AbstractVar[AbstractForcedModel]
    projector: eqx.AbstractVar[Float[Array, "M M"] | None]
    forgetting: eqx.AbstractVar[int]

    @abstractmethod
    def forcing(self, given: Any) -> tuple[Float[Array, "M *R"], float | Float[Array, "..."]]:
        """The teacher signal and the strength in a step's input."""

    def force(self, z: Float[Array, "M *R"], given: Any) -> Float[Array, "M *R"]:
        """The forced state z~, Eq. (8)."""
        teacher, strength = self.forcing(given)
        seen = z if self.projector is None else self.projector @ z
        return z + strength * (teacher - seen)

    def __call__(self, z: Float[Array, " M"], given: Any) -> Float[Array, " M"]:
        return self.model.step(self.force(z, given))

    def columns(self, z: Float[Array, "M R"], given: Any) -> Float[Array, "M R"]:
        """The step of many states, the columns of a matrix."""
        return self.model.step(self.force(z, given))

    def jacobian(self, z: Float[Array, " M"], given: Any) -> Float[Array, "M M"]:
        """J~ = J (I - alpha Pi), Eq. (9)."""
        jacobian = self.model.jacobian(self.force(z, given))
        seen = jacobian if self.projector is None else jacobian @ self.projector
        return jacobian - self.forcing(given)[1] * seen

    def pattern(self, z: Float[Array, " M"], given: Any) -> Bool[Array, " L"]:
        """Activation pattern of the latent map at the forced state."""
        return self.model.pattern(self.force(z, given))


class ForcedStep(AbstractForcedStep):
    """All steps are forced alike; the input is the teacher signal zbar_{t-1}."""

    model: AbstractForcedModel
    projector: Float[Array, "M M"] | None
    forgetting: int = eqx.field(static=True)
    forcing_strength: float | Float[Array, ""]

    def forcing(self, given: Float[Array, "M *R"]) -> tuple[Float[Array, "M *R"], float | Float[Array, ""]]:
        return given, self.forcing_strength


class VaryingForcedStep(AbstractForcedStep):
    """Each step has its own strength; the input is the pair (zbar_{t-1}, alpha_{t-1})."""

    model: AbstractForcedModel
    projector: Float[Array, "M M"] | None
    forgetting: int = eqx.field(static=True)

    def forcing(
        self, given: tuple[Float[Array, "M *R"], Float[Array, "*R"]]
    ) -> tuple[Float[Array, "M *R"], Float[Array, "..."]]:
        teacher, strength = given
        return teacher, strength if strength.ndim == 0 else strength[None]


def forced_step(
    model: AbstractForcedModel,
    forcing_strength: float | Float[Array, ""],
    *,
    weakest: float | None = None,
    pseudo_inverse_gradient: bool = False,
) -> ForcedStep:
    """The model's latent map under forcing.

    Args:
        weakest: lower bound of a strength that is computed.
        pseudo_inverse_gradient: whether B^+ and Pi are functions of B, and not constants of the update.
    """
    N, M = model.B.shape
    memory = forgetting(forcing_strength if weakest is None else weakest, M, N)
    return ForcedStep(model, _projector(model, pseudo_inverse_gradient), memory, forcing_strength)


def varying_forced_step(
    model: AbstractForcedModel, *, weakest: float, pseudo_inverse_gradient: bool = False
) -> VaryingForcedStep:
    """The same with a strength for every step, none of them below `weakest`."""
    N, M = model.B.shape
    projector = _projector(model, pseudo_inverse_gradient)
    return VaryingForcedStep(model, projector, forgetting(weakest, M, N))


def forgetting(forcing_strength: float | Float[Array, ""], latent_dim: int, obs_dim: int) -> int:
    """Steps in which a forced map loses its first state, roughly.

    Forcing takes away a share alpha of a change at every step: ln(1e5) / -ln(1 - alpha) steps leave 1e-5 of it in a map
    that itself keeps distances. Where some directions are not forced, it is they that forget last.
    """
    if latent_dim > obs_dim or not isinstance(forcing_strength, float):
        return SLOWEST
    kept = 1 - min(max(forcing_strength, 1e-3), 1 - 1e-3)
    return min(max(round(math.log(1e5) / -math.log(kept)), FASTEST), SLOWEST)


def teacher_signal(
    model: AbstractForcedModel, x: Float[Array, "T N"], *, pseudo_inverse_gradient: bool = False
) -> Float[Array, "T M"]:
    """zbar_t = B^+ x_t, a constant of the update unless a gradient through B^+ is asked for."""
    return x @ jnp.linalg.pinv(_read_out(model, pseudo_inverse_gradient)).T


def _projector(model: AbstractForcedModel, pseudo_inverse_gradient: bool) -> Float[Array, "M M"] | None:
    """Pi; with at least as many observations as latent units, B has full column rank and Pi = I whatever B is."""
    B = _read_out(model, pseudo_inverse_gradient)
    N, M = B.shape
    return jnp.linalg.pinv(B) @ B if M > N else None


def _read_out(model: AbstractForcedModel, pseudo_inverse_gradient: bool) -> Float[Array, "N M"]:
    # ASSUME: no gradient through B^+ and Pi unless asked for, so B learns through the read-out alone. The paper does
    # not say; Hess et al. 2023 compute the forcing signals outside the gradient as well.
    return model.B if pseudo_inverse_gradient else jax.lax.stop_gradient(model.B)
