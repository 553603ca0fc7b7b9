"""State space divergence, Eqs. (66) to (68) and (70)."""

import tracemalloc

import numpy as np
import pytest
from jaxtyping import Float
from scipy.special import logsumexp, ndtri
from scipy.stats import gaussian_kde, multivariate_normal, qmc

from workflow_src.metrics.delay_embedding import embed
from workflow_src.metrics.state_space_divergence import (
    Divergence,
    mixture_log_density,
    silverman_factor,
    state_space_divergence,
)


def divergence(truth: np.ndarray, generated: np.ndarray, samples: int = 500, seed: int = 0, **options) -> Divergence:
    return state_space_divergence(truth, generated, samples=samples, rng=np.random.default_rng(seed), **options)


def normal_points(log2_count: int, dimension: int, seed: int) -> Float[np.ndarray, "T d"]:
    """Evenly spread standard normal points, so that densities estimated on them hardly fluctuate."""
    return ndtri(qmc.Sobol(dimension, rng=np.random.default_rng(seed)).random_base2(log2_count))


def bandwidth_of(truth: np.ndarray) -> np.ndarray:
    return silverman_factor(*truth.shape) * truth.std(axis=0, ddof=1)


def gaussian_divergence(mean1: np.ndarray, cov1: np.ndarray, mean2: np.ndarray, cov2: np.ndarray) -> float:
    """KL(N(mean1, cov1) || N(mean2, cov2)) in closed form."""
    inverse, shift = np.linalg.inv(cov2), mean2 - mean1
    log_volumes = np.linalg.slogdet(cov2)[1] - np.linalg.slogdet(cov1)[1]
    return float((np.trace(inverse @ cov1) + shift @ inverse @ shift - len(shift) + log_volumes) / 2)


# --- closed forms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dimension", "finite_orbit"), [(1, 0.005), (2, 0.01), (3, 0.03)])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_two_gaussians_give_the_divergence_of_gaussians_widened_by_the_kernel(
    dimension: int, finite_orbit: float, shift: float
):
    rng = np.random.default_rng(dimension)
    root1, root2 = (np.eye(dimension) + 0.3 * rng.normal(size=(dimension, dimension)) for _ in range(2))
    mean1, mean2 = rng.normal(size=dimension), rng.normal(size=dimension)
    mean2 = mean1 + shift * mean2
    truth = mean1 + normal_points(14, dimension, 1) @ root1.T
    generated = mean2 + 1.2 * normal_points(14, dimension, 2) @ root2.T
    kernel = np.diag(bandwidth_of(truth) ** 2)
    expected = gaussian_divergence(mean1, root1 @ root1.T + kernel, mean2, 1.44 * root2 @ root2.T + kernel)

    value, error = divergence(truth, generated, samples=8000)

    assert abs(value - expected) < 4 * error + finite_orbit
    assert expected > 10 * finite_orbit


def test_a_fixed_point_gives_the_divergence_from_one_gaussian():
    mean, fixed_point = np.array([1.0, -2.0]), np.array([1.5, -1.0])
    truth = mean + normal_points(13, 2, 1) @ np.array([[1.0, 0.0], [0.5, 2.0]])
    kernel = np.diag(bandwidth_of(truth) ** 2)
    smooth = np.cov(truth.T) + kernel
    value, error = divergence(truth, np.tile(fixed_point, (100, 1)), samples=4000)
    assert abs(value - gaussian_divergence(truth.mean(axis=0), smooth, fixed_point, kernel)) < 4 * error + 0.02
    assert value > 20


def test_bandwidth_is_that_of_silverman():
    points = np.random.default_rng(0).normal(size=(50, 3))
    assert silverman_factor(50, 3) == pytest.approx(gaussian_kde(points.T, bw_method="silverman").factor)


def test_mixture_density_is_the_mean_of_normal_densities():
    rng = np.random.default_rng(0)
    points, centres, bandwidth = rng.normal(size=(7, 3)), rng.normal(size=(40, 3)), np.array([0.3, 1.0, 2.0])
    slow = [np.mean([multivariate_normal.pdf(x, c, np.diag(bandwidth**2)) for c in centres]) for x in points]
    np.testing.assert_allclose(np.exp(mixture_log_density(points, centres, bandwidth, 4)), slow, rtol=1e-12)


# --- numerics ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("distance", [0.0, 1.0, 1e3, 1e8])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_log_density_matches_direct_sum(distance: float, offset: float):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 4)) + offset
    centres = rng.normal(size=(250, 4)) + offset + distance
    bandwidth = np.array([0.2, 0.5, 1.0, 0.05])
    scaled = (points[:, None] - centres) / bandwidth
    slow = logsumexp(-0.5 * (scaled**2).sum(axis=2), axis=1) - np.log(250 * (2 * np.pi) ** 2 * bandwidth.prod())
    np.testing.assert_allclose(mixture_log_density(points, centres, bandwidth, 16), slow, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("distance", [1e2, 1e8, 1e100])
def test_a_far_orbit_gives_a_large_finite_value(distance: float):
    truth = np.random.default_rng(0).normal(size=(500, 2))
    value, error = divergence(truth, truth + distance)
    assert value == pytest.approx(np.sum((distance / bandwidth_of(truth)) ** 2) / 2, rel=0.1)
    assert error < 0.1 * value


def test_a_square_beyond_float64_gives_inf_and_no_warning():
    truth = np.random.default_rng(0).normal(size=(50, 2))
    assert divergence(truth, np.full((10, 2), 1e300)).value == np.inf
    one_runaway = np.vstack([truth, np.full((1, 2), 1e300)])
    assert divergence(truth, one_runaway).value == pytest.approx(np.log(51 / 50))


@pytest.mark.parametrize("block", [1, 7, 64, 10_000])
def test_result_does_not_depend_on_the_block(block: int):
    rng = np.random.default_rng(0)
    truth, generated = rng.normal(size=(300, 5)), rng.normal(size=(401, 5))
    expected = divergence(truth, generated, samples=50)
    np.testing.assert_allclose(divergence(truth, generated, samples=50, block=block), expected, rtol=1e-11)


def test_memory_is_a_few_copies_of_the_orbits():
    rng = np.random.default_rng(0)
    truth, generated = rng.normal(size=(5_000, 4)), rng.normal(size=(10_000, 4))
    tracemalloc.start()
    divergence(truth, generated, samples=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * generated.nbytes < 1000 * 10_000 * 8 / 10


# --- what the measure sees --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dimension", [1, 3, 10])
def test_identical_orbits_give_zero(dimension: int):
    orbit = np.random.default_rng(0).normal(size=(1000, dimension))
    assert divergence(orbit, orbit.copy()) == (0.0, 0.0)


def test_an_orbit_run_twice_gives_zero():
    orbit = np.random.default_rng(0).normal(size=(1000, 3))
    assert divergence(orbit, np.vstack([orbit, orbit])).value == pytest.approx(0.0, abs=1e-12)


def test_order_in_time_does_not_matter():
    rng = np.random.default_rng(0)
    truth, generated = rng.normal(size=(800, 3)), rng.normal(size=(900, 3)) + 0.5
    value, error = divergence(truth, generated)
    assert divergence(truth, rng.permutation(generated)).value == pytest.approx(value, rel=1e-11)
    # Permuting the truth hands the draws to other centres: the same expectation, another sample of it.
    assert abs(divergence(rng.permutation(truth), generated).value - value) < 4 * np.sqrt(2) * error


def test_units_and_origin_do_not_matter():
    rng = np.random.default_rng(0)
    truth, generated = rng.normal(size=(500, 3)), rng.normal(size=(600, 3)) + 1.0
    units, origin = np.array([1e-3, 1.0, 5e4]), np.array([1.0, -20.0, 3e5])
    expected = divergence(truth, generated)
    np.testing.assert_allclose(divergence(truth * units + origin, generated * units + origin), expected, rtol=1e-8)


def test_a_model_that_misses_a_place_is_worse_than_one_that_adds_a_place():
    rng = np.random.default_rng(0)
    one = rng.normal(size=(2000, 2))
    both = np.vstack([one, rng.normal(size=(2000, 2)) + 10.0])
    missing, adding = divergence(both, one), divergence(one, both)
    assert adding.value == pytest.approx(np.log(2), abs=0.02)
    assert missing.value > 10 * adding.value


def test_more_draws_shrink_the_error_by_their_root_and_it_covers_the_scatter():
    rng = np.random.default_rng(0)
    truth, generated = rng.normal(size=(400, 2)), 1.3 * rng.normal(size=(400, 2))
    few = np.array([divergence(truth, generated, samples=100, seed=seed) for seed in range(100)])
    many = np.array([divergence(truth, generated, samples=6400, seed=seed) for seed in range(5)])
    assert few[:, 1].mean() / many[:, 1].mean() == pytest.approx(8.0, rel=0.15)
    assert few[:, 0].std() == pytest.approx(few[:, 1].mean(), rel=0.3)


def test_the_same_seed_gives_the_same_value():
    rng = np.random.default_rng(0)
    truth, generated = rng.normal(size=(100, 2)), rng.normal(size=(100, 2))
    assert divergence(truth, generated, seed=1) == divergence(truth, generated, seed=1)
    assert divergence(truth, generated, seed=1) != divergence(truth, generated, seed=2)


# --- Lorenz-63 --------------------------------------------------------------------------------------------------------


def lorenz63_orbits(rho: list[float], starts: list[list[float]], steps: int) -> Float[np.ndarray, "orbits T 3"]:
    """Orbits side by side, RK4 at 0.01, the first 1000 steps dropped."""
    rates, dt = np.array(rho), 0.01

    def derivative(state: np.ndarray) -> np.ndarray:
        x, y, z = state
        return np.array([10 * (y - x), x * (rates - z) - y, x * y - 8 / 3 * z])

    state, orbits = np.array(starts).T, []
    for _ in range(steps + 1000):
        k1 = derivative(state)
        k2 = derivative(state + dt / 2 * k1)
        k3 = derivative(state + dt / 2 * k2)
        k4 = derivative(state + dt * k3)
        state = state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        orbits.append(state)
    return np.array(orbits[1000:]).transpose(2, 0, 1)


@pytest.fixture(scope="module")
def lorenz63() -> Float[np.ndarray, "orbits T 3"]:
    return lorenz63_orbits([28.0, 28.0, 35.0], [[1.0, 1.0, 20.0], [-5.0, -4.0, 25.0], [1.0, 1.0, 20.0]], 15_000)


@pytest.mark.parametrize(("components", "dimension", "delay"), [([0, 1, 2], 1, 1), ([0], 3, 20)])
def test_another_parameter_is_told_from_another_start(
    lorenz63: np.ndarray, components: list[int], dimension: int, delay: int
):
    truth, other_start, other_rho = (embed(orbit[:, components], dimension, delay) for orbit in lorenz63)
    floor, value = divergence(truth, other_start), divergence(truth, other_rho)
    assert floor.value < 0.1
    assert value.value > floor.value + 5 * (value.error + floor.error)


def test_embedding_sees_a_tempo_that_the_bare_orbit_does_not_show():
    time = np.arange(4000)
    truth, slow = (np.sin(2 * np.pi * time / period)[:, None] for period in (101.3, 202.6))
    assert divergence(truth, slow).value < 0.02
    assert divergence(embed(truth, 2, 25), embed(slow, 2, 25)).value > 1.0


# --- diverged and dull ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_diverged_orbit_gives_inf(bad: float):
    rng = np.random.default_rng(0)
    truth, generated = rng.normal(size=(100, 2)), rng.normal(size=(100, 2))
    generated[-1, 1] = bad
    value, error = divergence(truth, generated)
    assert value == np.inf
    assert np.isnan(error)


def test_an_empty_orbit_gives_inf():
    truth = np.random.default_rng(0).normal(size=(100, 2))
    short = embed(truth[:10], 2, 20)
    assert divergence(embed(truth, 2, 20), short).value == np.inf


def test_a_single_draw_has_no_error():
    truth = np.random.default_rng(0).normal(size=(100, 2))
    value, error = divergence(truth, truth + 0.1, samples=1)
    assert np.isfinite(value)
    assert np.isnan(error)


def test_float32_orbits_are_computed_in_float64():
    rng = np.random.default_rng(0)
    truth, generated = (rng.normal(size=(200, 2)).astype(np.float32) for _ in range(2))
    assert divergence(truth, generated) == divergence(truth.astype(np.float64), generated.astype(np.float64))


@pytest.mark.parametrize(
    "truth", [np.full((50, 2), 0.1), np.column_stack([np.arange(9.0), np.ones(9)]), np.full((5, 2), np.nan)]
)
def test_a_truth_without_spread_is_refused(truth: np.ndarray):
    with pytest.raises(ValueError, match="true orbit"):
        divergence(truth, np.zeros((10, 2)))


def test_orbits_of_different_components_are_refused():
    with pytest.raises((ValueError, TypeError)):
        divergence(np.random.default_rng(0).normal(size=(10, 2)), np.zeros((10, 1)))
