"""Runge-Kutta against closed forms, and local exponents where they are known."""

import math

import numpy as np
import pytest

from workflow_src.systems.base import AbstractSystem
from workflow_src.systems.integrate import integrate, local_exponents, runge_kutta


def swing(time, state):
    """x' = x cos t, whose solution is exp(sin t)."""
    return (state[0] * math.cos(time),)


def rotation(time, state):
    x, y = state
    return -y, x


class Saddle(AbstractSystem):
    """x' = R diag(0.5, -1) R^T x, turned by an angle."""

    parameters = ()
    positive = frozenset()

    def __init__(self, angle=0.0):
        c, s = math.cos(angle), math.sin(angle)
        turn = np.array([[c, -s], [s, c]])
        self.matrix = turn @ np.diag([0.5, -1.0]) @ turn.T

    def components(self, parameters):
        return "x", "y"

    def derivative(self, parameters):
        return lambda time, state: tuple((self.matrix @ state).tolist())

    def tangent(self, parameters):
        return lambda time, state, vector: tuple((self.matrix @ vector).tolist())


def error_at_one(substeps):
    return abs(integrate(swing, (1.0,), 1.0, substeps, 2)[-1, 0] - math.exp(math.sin(1)))


def test_error_falls_with_the_fourth_power_of_the_step():
    errors = np.array([error_at_one(substeps) for substeps in (8, 16, 32, 64)])
    np.testing.assert_allclose(np.log2(errors[:-1] / errors[1:]), 4, atol=0.2)


def test_one_step_is_the_taylor_polynomial_of_degree_four():
    h = 0.1
    expected = sum(h**k / math.factorial(k) for k in range(5))
    assert runge_kutta(lambda time, state: state, 0.0, (1.0,), h)[0] == pytest.approx(expected, rel=1e-15)


def test_first_row_is_the_initial_state():
    orbit = integrate(rotation, (1.0, 0.5), 0.1, 3, 4)
    assert orbit.shape == (4, 2)
    assert orbit.dtype == np.float64
    assert orbit[0].tolist() == [1.0, 0.5]


def test_rows_are_one_time_step_apart():
    orbit = integrate(rotation, (1.0, 0.0), 0.25, 20, 9)
    times = 0.25 * np.arange(9)
    np.testing.assert_allclose(orbit, np.column_stack([np.cos(times), np.sin(times)]), atol=1e-8)


def test_substeps_are_rows_left_out():
    fine, coarse = integrate(rotation, (1.0, 0.0), 0.125, 1, 17), integrate(rotation, (1.0, 0.0), 0.5, 4, 5)
    np.testing.assert_array_equal(fine[::4], coarse)


def test_start_time_shifts_the_force():
    whole = integrate(swing, (1.0,), 0.25, 4, 9)
    rest = integrate(swing, (float(whole[4, 0]),), 0.25, 4, 5, start_time=1.0)
    np.testing.assert_array_equal(whole[4:], rest)


def test_diverged_orbit_ends_without_an_exception():
    orbit = integrate(lambda time, state: (math.exp(state[0]),), (0.0,), 0.5, 1, 20)
    assert np.isfinite(orbit[0]).all()
    assert not np.isfinite(orbit[-1]).any()


def test_exponents_of_a_linear_system_are_its_rates():
    exponents = local_exponents(Saddle(), {}, (1.0, 1.0), 0.1, 2, 10, vectors=2)
    np.testing.assert_allclose(exponents, np.tile([0.5, -1.0], (10, 1)), atol=1e-6)


def test_largest_exponent_turns_into_position():
    start, *_, end = local_exponents(Saddle(angle=1.0), {}, (1.0, 1.0), 0.1, 2, 200)[:, 0].tolist()
    assert start < 0.4
    assert end == pytest.approx(0.5, abs=1e-6)
