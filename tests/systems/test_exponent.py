"""The largest exponent of true systems: published values, and whole periods of a force."""

import math

import pytest

from workflow_src.systems import SYSTEMS
from workflow_src.systems.base import AbstractSystem
from workflow_src.systems.exponent import largest_exponent

LORENZ63 = {"sigma": 10.0, "rho": 28.0, "beta": 8 / 3}


class Pulse(AbstractSystem):
    """x' = (0.3 + cos(2 pi t / P)) x: grows and shrinks within each period, by 0.3 per time unit on average."""

    parameters = ("forcing_period",)
    positive = frozenset()

    def components(self, parameters):
        return ("x",)

    def derivative(self, parameters):
        omega = 2 * math.pi / parameters["forcing_period"]
        return lambda time, state: ((0.3 + math.cos(omega * time)) * state[0],)

    def tangent(self, parameters):
        grow = self.derivative(parameters)
        return lambda time, state, vector: grow(time, vector)


def test_lorenz63_has_its_published_exponent():
    """0.906 per time unit; over 120 of them estimates scatter by some 0.03."""
    found = largest_exponent(SYSTEMS["lorenz63"], LORENZ63, (1.0, 1.0, 20.0), 0.02, 1, 500, 6000)
    assert found / 0.02 == pytest.approx(0.906, abs=0.08)


def test_a_limit_of_rest_has_the_rate_of_return():
    """Below rho = 1 the origin attracts, slowest along the eigenvalue (-11 + sqrt(81 + 40 rho)) / 2."""
    found = largest_exponent(SYSTEMS["lorenz63"], LORENZ63 | {"rho": 0.5}, (1.0, 1.0, 1.0), 0.05, 2, 400, 100)
    assert found / 0.05 == pytest.approx((-11 + math.sqrt(101)) / 2, abs=1e-4)


@pytest.mark.parametrize("steps", [1, 25, 40, 61])
@pytest.mark.parametrize("transient", [0, 7])
def test_the_mean_is_over_whole_periods_of_the_force(steps, transient):
    found = largest_exponent(Pulse(), {"forcing_period": 2.0}, (1e-3,), 0.05, 2, transient, steps)
    assert found / 0.05 == pytest.approx(0.3, abs=1e-5)
