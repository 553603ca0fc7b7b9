"""What every trained model offers: a latent state, predictions from it, and free-running steps.

Two families differ in how data enter while training:

- *forced* models (Eq. 5): a nonlinear recurrence z_t = F(z_{t-1}) with linear read-out, taught by forcing its state;
- *driven* models (Eq. 3, Eqs. 72-73): linear in their latent state, taught through an input layer.
"""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Bool, Float

State = Any  # a PyTree of arrays


class AbstractModel(eqx.Module):
    """A generative model of an observed time series x_t in R^N."""

    obs_dim: eqx.AbstractVar[int]

    @abstractmethod
    def observe(self, state: State) -> Float[Array, " N"]:
        """The prediction of the observation at a state."""

    def parameter_count(self) -> int:
        """Number of trainable numbers, as counted in the parameter budgets of App. H.4."""
        return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(self, eqx.is_inexact_array)))


class AbstractForcedModel(AbstractModel):
    """Nonlinear latent map F with linear read-out x = B z, Eq. (5)."""

    latent_dim: eqx.AbstractVar[int]
    B: eqx.AbstractVar[Float[Array, "N M"]]

    @abstractmethod
    def step(self, z: Float[Array, "M *R"]) -> Float[Array, "M *R"]:
        """The latent map F, of one state or of the columns of a matrix."""

    @abstractmethod
    def jacobian(self, z: Float[Array, " M"]) -> Float[Array, "M M"]:
        """J = dF/dz at z, Eq. (7)."""

    @abstractmethod
    def pattern(self, z: Float[Array, " M"]) -> Bool[Array, " L"]:
        """Which hidden units are active at z: equal patterns mean equal Jacobians."""

    def observe(self, state: Float[Array, " M"]) -> Float[Array, " N"]:
        """Read-out x = B z."""
        return self.B @ state


class AbstractDrivenModel(AbstractModel):
    """Latent state linear in itself, driven by the previous observation, with a nonlinear read-out."""

    @abstractmethod
    def initial_state(self) -> State:
        """The state at t = 1, before any observation was fed in: zero."""

    @abstractmethod
    def drive(self, state: State, x: Float[Array, " N"]) -> State:
        """One recurrent step: the state at t from the state and the observation (or own prediction) at t - 1."""

    @abstractmethod
    def predict(self, x: Float[Array, "T N"]) -> Float[Array, "T N"]:
        """Predictions of x_1 .. x_T by a parallel pass; row t uses x_1 .. x_{t-1} only and equals the recurrent
        steps."""
