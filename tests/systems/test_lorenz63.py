"""Lorenz-63 against its published Lyapunov spectrum."""

import numpy as np
import pytest

from workflow_src.systems import SYSTEMS
from workflow_src.systems.integrate import integrate, local_exponents

CLASSICAL = {"sigma": 10.0, "rho": 28.0, "beta": 8 / 3}
DIVERGENCE = -(10 + 1 + 8 / 3)
LORENZ63 = SYSTEMS["lorenz63"]


@pytest.fixture(scope="module")
def spectrum():
    start = integrate(LORENZ63.derivative(CLASSICAL), (1.0, 1.0, 20.0), 0.01, 1, 1000)[-1]
    exponents = local_exponents(LORENZ63, CLASSICAL, tuple(start.tolist()), 0.01, 1, 25_500, vectors=3)
    return exponents[500:].mean(axis=0)


def test_spectrum_is_the_published_one(spectrum):
    # J. C. Sprott, Chaos and Time-Series Analysis (2003): 0.9056, 0, -14.5723. An orbit of 250 time units leaves
    # some 0.02 of scatter.
    np.testing.assert_allclose(spectrum, [0.906, 0.0, -14.572], atol=0.03)


def test_exponents_add_up_to_the_divergence(spectrum):
    assert spectrum.sum() == pytest.approx(DIVERGENCE, abs=1e-3)


@pytest.mark.parametrize("state", [(0.0, 0.0, 0.0), (5.0, -3.0, 30.0)])
def test_trace_of_the_tangent_is_the_divergence_everywhere(state):
    tangent = LORENZ63.tangent(CLASSICAL)
    columns = [tangent(0.0, state, tuple(e)) for e in np.eye(3).tolist()]
    assert np.trace(columns) == pytest.approx(DIVERGENCE, abs=1e-14)


def test_wings_of_the_attractor_are_fixed_points():
    c = np.sqrt(8 / 3 * 27)
    derivative = LORENZ63.derivative(CLASSICAL)
    for x in (float(c), -float(c)):
        np.testing.assert_allclose(derivative(0.0, (x, x, 27.0)), 0, atol=1e-12)


def test_system_is_autonomous():
    assert LORENZ63.forcing(CLASSICAL, np.arange(3.0)) is None
