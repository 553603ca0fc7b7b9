"""Largest Lyapunov exponent along an orbit, Def. 1 and Eq. (14), and its bound under forcing, Prop. 1.

    lambda_max = lim 1/T log |J_T ... J_2 J_1|_2

Per step of the map; positive where neighbouring orbits part. Under forcing of strength alpha the Jacobians become
(1 - alpha) J_t for M <= N and a read-out of full rank, so that with sigma_max >= |J(z)|_2 for all z

    lambda_max <= log rho,    rho = (1 - alpha) sigma_max,    rho < 1 for alpha > alpha* = 1 - 1/sigma_max,

Eqs. (15) and (16).
"""

import numpy as np
from jaxtyping import Float


def lyapunov_exponent(jacobians: Float[np.ndarray, "T M M"]) -> float:
    """The exponent over a finite orbit: 1/T log of the spectral norm of the product of all Jacobians.

    The whole product is propagated and not one tangent vector: it needs no starting direction, agrees with the
    definition at every T, and therefore obeys Prop. 1 exactly and not only in the limit.

    Args:
        jacobians: J_1 .. J_T in time order, of an orbit from which transients are cut.

    Returns:
        The exponent per step. -inf if the product vanishes, as that of singular Jacobians can; NaN for Jacobians that
        are not finite.
    """
    if len(jacobians) == 0:
        raise ValueError("an exponent needs one Jacobian at least")
    if not np.isfinite(jacobians).all():
        return np.nan
    product = np.eye(jacobians.shape[1])
    log_scale = 0.0
    for jacobian in np.asarray(jacobians, np.float64):
        product = jacobian @ product
        scale = np.abs(product).max()
        if scale == 0:
            return -np.inf
        product /= scale
        log_scale += np.log(scale)
    return float((log_scale + np.log(np.linalg.norm(product, 2))) / len(jacobians))


def contraction_bound(sigma_max: float, forcing_strength: float) -> float:
    """log rho, Eqs. (15) and (16): no forced orbit has a larger exponent.

    Args:
        sigma_max: bound of the spectral norm of the free map's Jacobians, everywhere or along the orbit in question.
        forcing_strength: alpha.

    Returns:
        The bound per step, below zero where forcing guarantees contraction; -inf under full forcing.
    """
    with np.errstate(divide="ignore"):
        return float(np.log((1 - forcing_strength) * sigma_max))


def critical_forcing(sigma_max: float) -> float:
    """alpha* = max(0, 1 - 1/sigma_max): stronger forcing makes every orbit contract, Prop. 1."""
    return 0.0 if sigma_max <= 1 else 1 - 1 / sigma_max
