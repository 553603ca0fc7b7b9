"""Power-spectrum Hellinger distance D_H: do two orbits move at the same frequencies?

    D_H = sqrt(1 - sum_f sqrt(S_true(f) S_gen(f))),    sum_f S(f) = 1,

per component, averaged over components (Mikhaeil et al. 2022; Hess et al. 2023). S is the power spectrum of the orbit
without its mean, smoothed by a Gaussian. Zero is best, one the worst: no frequency in common. It sees how an orbit
moves and neither where nor how far, which is what D_stsp sees.
"""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d


def spectrum_distance(
    truth: Float[np.ndarray, "T N"], generated: Float[np.ndarray, "T_gen N"], *, smoothing: float
) -> float:
    """D_H of a generated orbit from the true one, both cut to the shorter of the two.

    Args:
        smoothing: standard deviation of the Gaussian, in cycles per step, so that it means the same at every length.

    Returns:
        Mean over components of a distance between 0 and 1. A component that stands still has no frequency in common
        with one that moves: 1. A generated orbit that holds a NaN or an infinity, be it behind the cut, has diverged:
        NaN.
    """
    if not np.isfinite(generated).all():
        return np.nan
    steps = min(len(truth), len(generated))
    one, other = (power_spectrum(orbit[:steps], smoothing) for orbit in (truth, generated))
    # Rounding can carry the sum of equal spectra above 1.
    common = np.minimum(np.sqrt(one * other).sum(axis=0), 1)
    return float(np.sqrt(1 - common).mean())


def power_spectrum(orbit: Float[np.ndarray, "T N"], smoothing: float) -> Float[np.ndarray, "T//2+1 N"]:
    """Smoothed power at the frequencies 0, 1/T, 2/T .. 1/2 cycles per step, as shares of the whole.

    Args:
        smoothing: standard deviation of the Gaussian, in cycles per step.

    Returns:
        Columns that sum to one; zeros for a component that stands still, NaN for one that is not finite.
    """
    if len(orbit) < 2:
        raise ValueError("a spectrum needs two points at least")
    orbit = np.asarray(orbit, np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        size = np.abs(orbit).max(axis=0)
        moves = np.ptp(orbit, axis=0) > 0
        # In units of its size, so that the square of no finite orbit overflows.
        waves = orbit / np.where(size > 0, size, 1)
        power = np.abs(np.fft.rfft(waves - waves.mean(axis=0), axis=0)) ** 2
        # The spectrum of a real orbit is even about both of its ends.
        smooth = gaussian_filter1d(power, smoothing * len(orbit), axis=0, mode="mirror")
        return np.where(np.isfinite(size), np.where(moves, smooth / smooth.sum(axis=0), 0), np.nan)


def spectral_density(
    orbit: Float[np.ndarray, "T N"], smoothing: float, frequencies: Float[np.ndarray, " F"]
) -> Float[np.ndarray, "F N"]:
    """Smoothed power per unit of frequency, as shares of the whole, interpolated at the given cycles per step."""
    density = power_spectrum(orbit, smoothing) * len(orbit)
    own = np.fft.rfftfreq(len(orbit))
    return np.stack([np.interp(frequencies, own, column) for column in density.T], axis=1)
