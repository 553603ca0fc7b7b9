"""Regularisation: manifold attractor (49), (50), (61), slow units' read-out (57), singular values (58).

The last `slow_units` latent units are pulled towards a manifold of fixed points: unit diagonal, no bias, no connections
(Schmidt et al. 2021, arXiv 1910.03471).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from workflow_src.models.base import AbstractForcedModel, AbstractModel
from workflow_src.models.lssm import LSSM
from workflow_src.models.shallow_plrnn import AbstractShallowPLRNN
from workflow_src.specs.model import AbstractLatentModelSpec, ModelSpec
from workflow_src.specs.training import TrainingSpec

Scalar = Float[Array, ""]


def manifold_attractor(model: AbstractModel, architecture: ModelSpec, spec: TrainingSpec) -> Scalar:
    """L_MAR of Eq. (49) for the RNN and Eq. (61) for the LSSM; zero for models without slow units.

        lambda sum_slow (|1 - A_ii|^p + |h_i|^p)  +  lambda_W sum over connectivity of |W|^p / sigma_W^2

    The connectivity terms are scaled by the variance of W at initialisation, Eq. (50): divided by it, or multiplied.
    """
    # ASSUME: sums of powers, not norms; rows of W1 and columns of W2 (rows of Bin for the LSSM), which is what the
    # block-diagonal Jacobian of Eqs. (53) and (56) needs. The text says "scale" and has lost the equation: `divide`
    # makes freshly drawn weights cost the same at every scale of the initialisation, and is what presets use.
    if not isinstance(architecture, AbstractLatentModelSpec) or architecture.slow_units == 0:
        return jnp.zeros(())
    slow = slice(architecture.latent_dim - architecture.slow_units, architecture.latent_dim)
    eps = architecture.init_scale
    if isinstance(model, LSSM):
        diagonal, bias = jnp.tanh(model.a), model.h
        connections = ((model.Bin[slow], eps**2 / (3 * model.obs_dim)),)
    else:
        assert isinstance(model, AbstractShallowPLRNN)
        diagonal, bias = jnp.tanh(model.a), model.h1
        connections = (
            (model.connectivity[slow], eps**2 / (3 * architecture.hidden_dim)),
            (model.W2[:, slow], 1 / (3 * architecture.latent_dim)),
        )
    p = spec.mar_power
    penalty = spec.mar_strength * (_power(1 - diagonal[slow], p) + _power(bias[slow], p))
    divide = spec.mar_direction == "divide"
    scaled = (_power(w, p) / variance if divide else _power(w, p) * variance for w, variance in connections)
    return penalty + spec.mar_connectivity_strength * sum(scaled)


def slow_read_out(model: AbstractModel, architecture: ModelSpec, spec: TrainingSpec) -> Scalar:
    """Eq. (57): lambda_obs times the squared read-out weights of the slow units, which keeps forcing off them."""
    if not isinstance(model, AbstractForcedModel) or not isinstance(architecture, AbstractLatentModelSpec):
        return jnp.zeros(())
    if architecture.slow_units == 0:
        return jnp.zeros(())
    return spec.observation_strength * jnp.sum(model.B[:, -architecture.slow_units :] ** 2)


def singular_values(model: AbstractModel, spec: TrainingSpec) -> Scalar:
    """Eq. (58): lambda_sv sum_i (1 - sigma_i(B))^2 keeps the read-out well conditioned."""
    if not isinstance(model, AbstractForcedModel) or spec.singular_value_strength == 0:
        return jnp.zeros(())
    sigma = jnp.linalg.svd(model.B, compute_uv=False)
    return spec.singular_value_strength * jnp.sum((1 - sigma) ** 2)


def _power(values: Array, p: int) -> Scalar:
    return jnp.sum(jnp.abs(values)) if p == 1 else jnp.sum(values**2)
