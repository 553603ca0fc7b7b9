"""n-step forecast RMSE, Eq. (71): how far is a short forecast off?

    RMSE(n) = sqrt( 1/(n N) sum_{k=1..n} |x_{t0+k} - xhat_{t0+k}|^2 ),   averaged over windows t0.

In units of the data (standard deviations, where they are standardised); zero is best, and two unrelated orbits of a
standardised system give about sqrt(2).
"""

import numpy as np
from jaxtyping import Float


def forecast_rmse(truth: Float[np.ndarray, "W n N"], generated: Float[np.ndarray, "W n N"]) -> float:
    """Mean over W windows of RMSE(n), each over n steps and N components.

    The root is taken per window, before the mean: a few bad windows weigh less than in a pooled RMSE.

    Args:
        truth: the data x_{t0+1} .. x_{t0+n}.
        generated: the forecasts from the state that a warm-up up to t0 has led to.

    Returns:
        The mean; inf if a forecast holds a NaN or an infinity, for then that window's error has no bound.
    """
    if truth.shape != generated.shape or truth.size == 0:
        raise ValueError(f"forecasts of shape {generated.shape} do not match data of shape {truth.shape}")
    if not np.isfinite(generated).all():
        return np.inf
    with np.errstate(over="ignore"):
        error = np.asarray(generated, np.float64) - np.asarray(truth, np.float64)
        return float(np.sqrt(np.square(error).mean(axis=(1, 2))).mean())


def forecast_rmse_by_lead(
    truth: Float[np.ndarray, "W n N"], generated: Float[np.ndarray, "W n N"]
) -> Float[np.ndarray, " n"]:
    """How the error grows: for each lead k = 1 .. n the mean over W windows of the RMSE over the N components.

    Args:
        truth: the data x_{t0+1} .. x_{t0+n}.
        generated: the forecasts from the state that a warm-up up to t0 has led to.

    Returns:
        The mean at each lead; inf from the lead on at which a forecast is no longer finite, for its error has no bound.
    """
    if truth.shape != generated.shape or truth.size == 0:
        raise ValueError(f"forecasts of shape {generated.shape} do not match data of shape {truth.shape}")
    lost = np.logical_or.accumulate(~np.isfinite(generated).all(axis=(0, 2)))
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.asarray(generated, np.float64) - np.asarray(truth, np.float64)
        return np.where(lost, np.inf, np.sqrt(np.square(error).mean(axis=2)).mean(axis=0))
