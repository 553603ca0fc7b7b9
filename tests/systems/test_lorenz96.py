"""Forced Lorenz-96: the ring, the force, and what the force does to chaos."""

import math

import numpy as np
import pytest

from workflow_src.systems import SYSTEMS
from workflow_src.systems.integrate import integrate, local_exponents
from workflow_src.systems.lorenz96 import exponents_by_octant

LORENZ96 = SYSTEMS["lorenz96"]


def parameters(amplitude, offset=5.0, period=20.0, dimension=5.0):
    return {
        "dimension": dimension,
        "forcing_offset": offset,
        "forcing_amplitude": amplitude,
        "forcing_period": period,
    }


def test_uniform_state_at_the_constant_force_is_a_fixed_point():
    assert LORENZ96.derivative(parameters(0.0))(1.3, (5.0,) * 5) == (0.0,) * 5


def test_advection_conserves_energy():
    x = (1.0, -2.0, 3.5, 0.25, 4.0)
    rates = LORENZ96.derivative(parameters(0.0, offset=0.0))(0.0, x)
    assert sum(a * b for a, b in zip(x, rates, strict=True)) == pytest.approx(-sum(a * a for a in x), rel=1e-14)


def test_turning_the_ring_turns_the_derivative():
    derivative = LORENZ96.derivative(parameters(4.0))
    x = (1.0, -2.0, 3.5, 0.25, 4.0)
    np.testing.assert_array_equal(derivative(2.0, x[2:] + x[:2]), np.roll(derivative(2.0, x), -2))


def test_force_rises_from_its_mean_and_returns_after_a_period():
    force = LORENZ96.forcing(parameters(4.0), np.array([0.0, 5.0, 10.0, 15.0, 20.0]))
    np.testing.assert_allclose(force, [5, 9, 5, 1, 5], atol=1e-12)


def test_force_is_the_one_in_the_derivative():
    p, times = parameters(4.0), np.array([0.0, 1.7, 33.3])
    still = [LORENZ96.derivative(p)(time, (0.0,) * 5)[0] for time in times.tolist()]
    np.testing.assert_array_equal(LORENZ96.forcing(p, times), still)


@pytest.mark.parametrize(("offset", "chaotic"), [(5.0, False), (7.75, False), (10.0, True)])
def test_autonomous_ring_of_five_becomes_chaotic_above_a_constant_force_of_about_eight(offset, chaotic):
    p = parameters(0.0, offset=offset)
    start = integrate(LORENZ96.derivative(p), (1.0, 2.0, 3.0, 4.0, 5.0), 0.05, 1, 3000)[-1]
    exponent = local_exponents(LORENZ96, p, tuple(start.tolist()), 0.05, 1, 4000)[500:].mean()
    assert exponent > 0.5 if chaotic else abs(exponent) < 0.05


def test_octants_average_to_the_exponent():
    p, state = parameters(4.0), (1.0, 2.0, 3.0, 4.0, 5.0)
    octants = exponents_by_octant(p, state, 0.0, 0.05, 1, periods=2)
    steps = local_exponents(LORENZ96, p, state, 0.05, 1, 1200)[400:]
    assert octants.mean() == pytest.approx(steps.mean(), rel=1e-12)


def test_octants_follow_the_clock_and_not_the_start():
    # Half a period later the same state meets the other half of the force.
    p, state = parameters(4.0), (1.0, 2.0, 3.0, 4.0, 5.0)
    assert exponents_by_octant(p, state, 0.0, 0.05, 1, periods=1)[2] == pytest.approx(
        exponents_by_octant(p | {"forcing_amplitude": -4.0}, state, 10.0, 0.05, 1, periods=1)[6], abs=1e-6
    )


def test_octant_without_a_step_is_nan():
    octants = exponents_by_octant(parameters(1.0, period=0.2), (1.0, 2.0, 3.0, 4.0, 5.0), 0.0, 0.1, 2, periods=2)
    assert np.isnan(octants).sum() == 6


def test_force_uses_the_scalar_sine():
    p = parameters(4.0)
    assert LORENZ96.forcing(p, np.array([1.25]))[0] == 5.0 + 4.0 * math.sin(2 * math.pi / 20.0 * 1.25)
