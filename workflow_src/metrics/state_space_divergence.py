"""State space divergence D_stsp: do two orbits visit the same places equally often?

Kullback-Leibler divergence between Gaussian mixtures on all points of both orbits, Eqs. (66) to (68)
(Koppe et al. 2019; Brenner et al. 2022; Hershey and Olsen 2007):

    D_stsp = int p_true(x) log(p_true(x) / p_gen(x)) dx ~ 1/n sum_i log(p_true(x^(i)) / p_gen(x^(i))),   x^(i) ~ p_true
    p_true(x) = 1/T sum_t N(x; x_t, Sigma),    p_gen(x) = 1/T~ sum_t N(x; xhat_t, Sigma),    Sigma = (h_S sigma)^2

In nats; zero is best. It sees where an orbit goes, not in which order, and is not symmetric: places that the data visit
and the model does not count most. Eq. (70) is the same measure of two orbits after `delay_embedding.embed`.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Divergence(NamedTuple):
    """D_stsp in nats and its Monte-Carlo standard error.

    The error is that of Eq. (68) given both orbits. How much another true orbit of the same length would differ is
    not in it.
    """

    value: float
    error: float


def state_space_divergence(
    truth: Float[np.ndarray, "T d"],
    generated: Float[np.ndarray, "T_gen d"],
    *,
    samples: int,
    rng: np.random.Generator,
    block: int = 100,
) -> Divergence:
    """D_stsp of a generated orbit from the true one.

    Args:
        truth: the reference, whose spread sets the bandwidth of both mixtures; no component may stand still.
        generated: the orbit in question, of any length.
        samples: number n of Monte-Carlo draws.
        rng: spent on the draws, which depend on nothing but `truth`: with the same seed, all models of one data set are
            judged on the same points.
        block: points and centres taken at once; has no influence on the result.

    Returns:
        Value and error. Equal orbits give 0. Sampling can make small values negative. An orbit far off gives a large
        finite value, as densities never leave log space. A generated orbit with a NaN or an infinity, or without any
        point, gives (inf, NaN): it has diverged. The error of a single draw is NaN.
    """
    truth, generated = np.asarray(truth, np.float64), np.asarray(generated, np.float64)
    if truth.shape[1] != generated.shape[1]:
        raise ValueError(f"orbits of {truth.shape[1]} and {generated.shape[1]} components cannot be compared")
    if len(truth) < 2 or not np.isfinite(truth).all() or not np.ptp(truth, axis=0).all():
        raise ValueError("the true orbit needs two finite points at least and must move in every component")
    if len(generated) == 0 or not np.isfinite(generated).all():
        return Divergence(np.inf, np.nan)

    bandwidth = silverman_factor(*truth.shape) * truth.std(axis=0, ddof=1)
    centres = truth[rng.integers(len(truth), size=samples)]
    points = centres + bandwidth * rng.standard_normal(centres.shape)
    log_true = mixture_log_density(points, truth, bandwidth, block)
    log_gen = mixture_log_density(points, generated, bandwidth, block)
    # Beyond 1e150 or so squared distances, or the variance of their differences, are no longer float64 numbers.
    with np.errstate(over="ignore", invalid="ignore"):
        log_ratio = log_true - log_gen
        error = log_ratio.std(ddof=1) / np.sqrt(samples) if samples > 1 else np.nan
        return Divergence(float(log_ratio.mean()), float(error))


def silverman_factor(count: int, dimension: int) -> float:
    """Silverman's rule h_S = (count (dimension + 2) / 4)^(-1 / (dimension + 4)) (Silverman 1986, Sec. 4.3)."""
    # ASSUME: the multivariate rule. The paper names "Silverman's rule-of-thumb" and embeds in several dimensions.
    return (count * (dimension + 2) / 4) ** (-1 / (dimension + 4))


def mixture_log_density(
    points: Float[np.ndarray, "n d"],
    centres: Float[np.ndarray, "T d"],
    bandwidth: Float[np.ndarray, " d"],
    block: int,
) -> Float[np.ndarray, " n"]:
    """log of a mixture of equal Gaussians on all centres, Eq. (67), at the points.

    Args:
        points: where.
        centres: one Gaussian each, all of weight 1/T.
        bandwidth: standard deviation of every Gaussian along every axis.
        block: edge of the square tiles in which distances are held.
    """
    # -|x - c|^2 / 2 = x.c - |c|^2 / 2 - |x|^2 / 2 is one matrix product. In units of the bandwidth and seen from the
    # middle of the points, |x|^2 stays below some 1e4, so that cancellation costs less than 1e-11.
    origin = points.mean(axis=0)
    with np.errstate(over="ignore"):
        x = (points - origin) / bandwidth
        c = (centres - origin) / bandwidth
        half_square = np.einsum("td,td->t", c, c) / 2
    # A centre whose squared distance overflows has density zero; left in, it would make inf - inf.
    representable = np.isfinite(half_square)
    x = np.column_stack([x, np.ones(len(x))])
    c = np.column_stack([c, -half_square])[representable]

    log_sum = np.concatenate([_log_sum_exp(x[start : start + block], c, block) for start in range(0, len(x), block)])
    log_norm = np.log(len(centres)) + len(bandwidth) / 2 * np.log(2 * np.pi) + np.log(bandwidth).sum()
    return log_sum - np.einsum("nd,nd->n", x[:, :-1], x[:, :-1]) / 2 - log_norm


def _log_sum_exp(x: Float[np.ndarray, "n k"], c: Float[np.ndarray, "T k"], block: int) -> Float[np.ndarray, " n"]:
    """log sum_t exp(x.c_t) for each x."""
    log_sum = np.full(len(x), -np.inf)
    # Small tiles stay in the cache, and below the size at which BLAS starts threads, whose waiting for each other on
    # shared cores takes ten times as long as the work.
    for start in range(0, len(c), block):
        exponent = c[start : start + block] @ x.T
        top = exponent.max(axis=0)
        exponent -= top
        # Terms below e^-700 cannot change a sum that holds e^0, but cost a hundredfold where exp meets subnormals.
        np.maximum(exponent, -700, out=exponent)
        np.exp(exponent, out=exponent)
        log_sum = np.logaddexp(log_sum, top + np.log(exponent.sum(axis=0)))
    return log_sum
