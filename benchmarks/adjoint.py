"""`lax.scan` with a hand-written adjoint: the strongest sequential baseline.

Only what depends on the previous step stays in the two loops: the recurrence, and Eq. (42) as products of vectors,

    lambda_t = g_t + (I - alpha Pi)^T (A lambda_{t+1} + W2^T D_{t+1} W1^T lambda_{t+1}).

Activation patterns before the backward loop and parameter gradients after it are matrix products over all steps.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from workflow_src.forcing import ForcedStep
from workflow_src.models.shallow_plrnn import AbstractShallowPLRNN
from workflow_src.solvers import Report, Solution


class _Map(NamedTuple):
    """The shPLRNN's arrays that a step reads."""

    A: Float[Array, " M"]
    W1: Float[Array, "M L"]
    W2: Float[Array, "L M"]
    h1: Float[Array, " M"]
    h2: Float[Array, " L"]


class _Forcing(NamedTuple):
    """Constants of the update: keep = I - alpha Pi, and alpha times the teacher signal."""

    keep: Float[Array, "M M"]
    push: Float[Array, "T M"]


def sequential_adjoint(step: ForcedStep, z0: Float[Array, " M"], inputs: Float[Array, "T M"]) -> Solution:
    """Evaluate the forced shPLRNN step by step; gradients reach its parameters and z0, not the teacher signal."""
    model, alpha = step.model, step.forcing_strength
    assert isinstance(model, AbstractShallowPLRNN)
    identity = jnp.eye(z0.size, dtype=z0.dtype)
    keep = identity - alpha * (identity if step.projector is None else step.projector)
    forcing = jax.lax.stop_gradient(_Forcing(keep, alpha * inputs))
    states = _states(_Map(model.A, model.connectivity, model.W2, model.h1, model.h2), z0, forcing)
    finite = jnp.all(jnp.isfinite(jax.lax.stop_gradient(states)))
    residual = jnp.where(finite, 0.0, jnp.inf).astype(states.dtype)
    return Solution(states, Report(jnp.array(0), residual, finite))


@jax.custom_vjp
def _states(parameters: _Map, z0: Array, forcing: _Forcing) -> Float[Array, "T M"]:
    A, W1, W2, h1, h2 = parameters

    def advance(z: Array, push: Array) -> tuple[Array, Array]:
        forced = forcing.keep @ z + push
        new = A * forced + W1 @ jax.nn.relu(W2 @ forced + h2) + h1
        return new, new

    return jax.lax.scan(advance, z0, forcing.push)[1]


def _forward(parameters: _Map, z0: Array, forcing: _Forcing) -> tuple[Array, tuple[_Map, Array, _Forcing, Array]]:
    states = _states(parameters, z0, forcing)
    return states, (parameters, z0, forcing, states)


def _backward(kept: tuple[_Map, Array, _Forcing, Array], gradients: Array) -> tuple[_Map, Array, None]:
    (A, W1, W2, _, h2), z0, forcing, states = kept
    previous = jnp.concatenate([z0[None], states[:-1]])
    forced = previous @ forcing.keep.T + forcing.push
    hidden = jax.nn.relu(forced @ W2.T + h2[None])
    active = hidden > 0

    def retreat(pulled: Array, at: tuple[Array, Array]) -> tuple[Array, Array]:
        gradient, active = at
        adjoint = gradient + pulled
        through = A * adjoint + W2.T @ jnp.where(active, W1.T @ adjoint, 0)
        return forcing.keep.T @ through, adjoint

    to_z0, adjoints = jax.lax.scan(retreat, jnp.zeros_like(z0), (gradients, active), reverse=True)
    back = jnp.where(active, adjoints @ W1, 0)
    parameters = _Map(
        A=jnp.sum(adjoints * forced, axis=0),
        W1=adjoints.T @ hidden,
        W2=back.T @ forced,
        h1=jnp.sum(adjoints, axis=0),
        h2=jnp.sum(back, axis=0),
    )
    return parameters, to_z0, None


_states.defvjp(_forward, _backward)
