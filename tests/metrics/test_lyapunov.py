"""Largest Lyapunov exponent, Eq. (14), and Prop. 1."""

import numpy as np
import pytest

from workflow_src.metrics.lyapunov import contraction_bound, critical_forcing, lyapunov_exponent


def random_jacobians(steps: int, dimension: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(steps, dimension, dimension))


# --- closed forms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("diagonal", [[0.5, -2.0, 1.0], [0.9, 0.1], [-1e-3]])
def test_constant_diagonal_gives_its_largest_entry(diagonal: list[float]):
    jacobians = np.tile(np.diag(diagonal), (100, 1, 1))
    assert lyapunov_exponent(jacobians) == pytest.approx(np.log(np.abs(diagonal).max()))


@pytest.mark.parametrize("scale", [0.3, 1.0, 1.7])
def test_a_scaled_rotation_gives_the_scale(scale: float):
    rotation = np.array([[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]])
    assert lyapunov_exponent(np.tile(scale * rotation, (1000, 1, 1))) == pytest.approx(np.log(scale), abs=1e-12)


def test_constant_jacobian_approaches_its_spectral_radius():
    jacobian = random_jacobians(1, 5)
    radius = np.abs(np.linalg.eigvals(jacobian[0])).max()
    assert lyapunov_exponent(np.repeat(jacobian, 5000, axis=0)) == pytest.approx(np.log(radius), abs=1e-3)


def test_short_products_match_the_direct_product_in_time_order():
    jacobians = random_jacobians(12, 4)
    direct = np.linalg.multi_dot(list(jacobians[::-1]))
    assert lyapunov_exponent(jacobians) == pytest.approx(np.log(np.linalg.norm(direct, 2)) / 12, rel=1e-12)
    projection, swap = np.diag([1.0, 0.0]), np.array([[0.0, 2.0], [3.0, 0.0]])
    assert lyapunov_exponent(np.array([projection, swap])) == pytest.approx(np.log(3) / 2)
    assert lyapunov_exponent(np.array([swap, projection])) == pytest.approx(np.log(2) / 2)


def test_logistic_map_gives_log_two():
    # x = sin^2(pi y) turns the map at r = 4 into the tent map, whose slope is 2; it is iterated with a random lowest
    # digit, for doubling soon runs out of those that float64 has.
    rng = np.random.default_rng(0)
    x, slopes = 0.3, []
    for _ in range(20_000):
        slopes.append(4 - 8 * x)
        x = min(max(4 * x * (1 - x) + 1e-15 * rng.normal(), 0.0), 1.0)
    assert lyapunov_exponent(np.array(slopes)[:, None, None]) == pytest.approx(np.log(2), abs=0.01)


def test_henon_map_gives_its_published_exponent():
    x, y, jacobians = 0.1, 0.1, []
    for step in range(41_000):
        if step >= 1000:
            jacobians.append([[-2.8 * x, 1.0], [0.3, 0.0]])
        x, y = 1 - 1.4 * x * x + y, 0.3 * x
    assert lyapunov_exponent(np.array(jacobians)) == pytest.approx(0.419, abs=0.006)


# --- numerics ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e-150, 1e150])
def test_products_far_beyond_float64_do_not_overflow(size: float):
    jacobians = random_jacobians(500, 3)
    assert lyapunov_exponent(size * jacobians) == pytest.approx(np.log(size) + lyapunov_exponent(jacobians))


def test_vanishing_product_gives_minus_inf():
    nilpotent = np.array([[0.0, 1.0], [0.0, 0.0]])
    assert lyapunov_exponent(np.array([nilpotent])) == 0.0
    assert lyapunov_exponent(np.array([nilpotent, nilpotent])) == -np.inf
    assert lyapunov_exponent(np.zeros((5, 3, 3))) == -np.inf


def test_singular_jacobians_whose_product_does_not_vanish_have_an_exponent():
    assert lyapunov_exponent(np.tile(np.array([[0.0, 0.0], [0.0, 2.0]]), (10, 1, 1))) == pytest.approx(np.log(2))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_jacobians_of_a_diverged_orbit_give_nan(bad: float):
    jacobians = random_jacobians(10, 3)
    jacobians[4, 1, 2] = bad
    assert np.isnan(lyapunov_exponent(jacobians))


def test_float32_jacobians_are_multiplied_in_float64():
    jacobians = random_jacobians(10, 3).astype(np.float32)
    assert lyapunov_exponent(jacobians) == lyapunov_exponent(jacobians.astype(np.float64))


def test_no_jacobian_is_refused():
    with pytest.raises(ValueError, match="at least"):
        lyapunov_exponent(np.zeros((0, 2, 2)))


# --- Prop. 1 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 3, 200])
@pytest.mark.parametrize("forcing_strength", [0.0, 0.1, 0.9])
def test_forced_exponent_obeys_the_bound_at_every_length(steps: int, forcing_strength: float):
    jacobians = random_jacobians(steps, 5, seed=steps)
    sigma_max = float(np.linalg.norm(jacobians, 2, axis=(1, 2)).max())
    exponent = lyapunov_exponent((1 - forcing_strength) * jacobians)
    assert exponent <= contraction_bound(sigma_max, forcing_strength) + 1e-12


def test_forcing_beyond_the_critical_strength_makes_a_chaotic_map_contract():
    jacobians = random_jacobians(200, 5)
    sigma_max = float(np.linalg.norm(jacobians, 2, axis=(1, 2)).max())
    alpha = critical_forcing(sigma_max)
    assert lyapunov_exponent(jacobians) > 0.5
    assert contraction_bound(sigma_max, alpha) == pytest.approx(0.0, abs=1e-12)
    assert contraction_bound(sigma_max, alpha + 0.01) < 0
    assert lyapunov_exponent((1 - alpha - 0.01) * jacobians) < 0


def test_scaled_rotations_attain_the_bound():
    rotation = np.array([[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]])
    forced = np.tile(0.8 * 1.5 * rotation, (50, 1, 1))
    assert lyapunov_exponent(forced) == pytest.approx(contraction_bound(1.5, 0.2))


@pytest.mark.parametrize(("sigma_max", "expected"), [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (4.0, 0.75), (np.inf, 1.0)])
def test_critical_forcing(sigma_max: float, expected: float):
    assert critical_forcing(sigma_max) == expected


def test_full_forcing_has_no_memory():
    assert contraction_bound(3.0, 1.0) == -np.inf


def test_unknown_norm_gives_nan():
    assert np.isnan(contraction_bound(np.nan, 0.5))
    assert np.isnan(critical_forcing(np.nan))
