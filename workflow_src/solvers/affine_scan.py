"""Affine recurrences by parallel scan, forward and adjoint, Eqs. (11), (27), (42) and (44).

    forward   z_t = J_t z_{t-1} + b_t,                 t = 1..T, z_0 given
    adjoint   lambda_t = g_t + J_{t+1}^T lambda_{t+1},  lambda_T = g_T

J is [T, M, M], or [T, M] for diagonal matrices. Depth O(log T), work O(T M^3) or O(T M).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Jacobians = Float[Array, "T M M"] | Float[Array, "T M"]


def apply(jacobians: Jacobians, vectors: Float[Array, "T M"]) -> Float[Array, "T M"]:
    """J_t v_t for every t."""
    if jacobians.ndim == 2:
        return jacobians * vectors
    return jnp.einsum("tij,tj->ti", jacobians, vectors)


def solve_affine(jacobians: Jacobians, offsets: Float[Array, "T M"], z0: Float[Array, " M"]) -> Float[Array, "T M"]:
    """States z_1 .. z_T of the affine recurrence."""
    first = apply(jacobians[:1], z0[None])
    return _scan(jacobians, offsets.at[:1].add(first), reverse=False)


def solve_adjoint(jacobians: Jacobians, gradients: Float[Array, "T M"]) -> Float[Array, "T M"]:
    """Adjoint states lambda_1 .. lambda_T for the loss gradients g_t = dLoss/dz_t."""
    transposed = jacobians if jacobians.ndim == 2 else jnp.swapaxes(jacobians, 1, 2)
    following = jnp.concatenate([transposed[1:], jnp.zeros_like(transposed[:1])])
    return _scan(following, gradients, reverse=True)


def _scan(matrices: Jacobians, vectors: Float[Array, "T M"], *, reverse: bool) -> Float[Array, "T M"]:
    _, solution = jax.lax.associative_scan(_compose, (matrices, vectors), reverse=reverse)
    return solution


def _compose(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[Array, Array]:
    """(A_2, b_2) after (A_1, b_1) = (A_2 A_1, A_2 b_1 + b_2), Eq. (27)."""
    (a1, b1), (a2, b2) = first, second
    if a1.ndim == b1.ndim:
        return a2 * a1, a2 * b1 + b2
    return _product(a2, a1), jnp.sum(a2 * b1[..., None, :], axis=-1) + b2


def _product(a: Float[Array, "K M M"], b: Float[Array, "K M M"]) -> Float[Array, "K M M"]:
    return a @ b
