"""Lorenz-96 on a ring of N sites under a sinusoidal force, Eq. (63).

    x_i' = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + F(t),    F(t) = F_0 + A sin(2 pi t / P),    indices modulo N

Where F crosses the onset of chaos, the orbit alternates between regular waves and chaos within each period.

Reference: E. N. Lorenz, Predictability: a problem partly solved, Proc. Seminar on Predictability, ECMWF (1996);
the sinusoidal force is the paper's.
"""

import math
from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from workflow_src.systems.base import AbstractSystem, Derivative, State, Tangent
from workflow_src.systems.integrate import local_exponents


class Lorenz96(AbstractSystem):
    """Parameters: number of sites `dimension` N, constant part of the force `forcing_offset` F_0,
    `forcing_amplitude` A, and `forcing_period` P in model time units.

    Components: x1 ... xN, an atmospheric quantity along a circle of latitude.
    """

    parameters: ClassVar[tuple[str, ...]] = ("dimension", "forcing_offset", "forcing_amplitude", "forcing_period")
    positive: ClassVar[frozenset[str]] = frozenset({"dimension", "forcing_period"})

    def check_parameters(self, parameters: Mapping[str, float]) -> None:
        super().check_parameters(parameters)
        if (dimension := parameters["dimension"]) < 4 or dimension != int(dimension):
            raise ValueError(f"parameters.dimension: {dimension} is no number of sites; use a whole number from 4 on")

    def components(self, parameters: Mapping[str, float]) -> tuple[str, ...]:
        return tuple(f"x{i + 1}" for i in range(int(parameters["dimension"])))

    def derivative(self, parameters: Mapping[str, float]) -> Derivative:
        force = self._force(parameters)
        n = int(parameters["dimension"])
        sites = range(n)

        def f(time: float, x: State) -> State:
            F = force(time)
            # Negative indices close the ring: x[i + 1 - n] is the right neighbour, x[0] for the last site.
            return tuple([(x[i + 1 - n] - x[i - 2]) * x[i - 1] - x[i] + F for i in sites])

        return f

    def tangent(self, parameters: Mapping[str, float]) -> Tangent:
        n = int(parameters["dimension"])
        sites = range(n)

        def jacobian_times(time: float, x: State, v: State) -> State:
            return tuple(
                [(v[i + 1 - n] - v[i - 2]) * x[i - 1] + (x[i + 1 - n] - x[i - 2]) * v[i - 1] - v[i] for i in sites]
            )

        return jacobian_times

    def forcing(
        self, parameters: Mapping[str, float], times: Float[np.ndarray, " steps"]
    ) -> Float[np.ndarray, " steps"]:
        """The force F(t), the same at every site."""
        force = self._force(parameters)
        return np.array([force(time) for time in times.tolist()])

    def _force(self, parameters: Mapping[str, float]) -> Callable[[float], float]:
        F0, A = parameters["forcing_offset"], parameters["forcing_amplitude"]
        omega = 2 * math.pi / parameters["forcing_period"]
        return lambda time: F0 + A * math.sin(omega * time)


def exponents_by_octant(
    parameters: Mapping[str, float], state: State, start_time: float, time_step: float, substeps: int, periods: int
) -> Float[np.ndarray, " octants"]:
    """Largest local Lyapunov exponent in each eighth of the forcing period, per time unit.

    Args:
        state: where the orbit starts, at start_time. The tangent vector turns into position over one further period.
        periods: forcing periods that are averaged over.
    Returns:
        Eight exponents, from the rise of the force through its mean; NaN for an octant between two time steps.
    """
    period = parameters["forcing_period"]
    turn, steps = (math.ceil(n * period / time_step) for n in (1, 1 + periods))
    exponents = local_exponents(Lorenz96(), parameters, state, time_step, substeps, steps, start_time)[turn:, 0]
    middle = start_time + (np.arange(turn, steps) + 0.5) * time_step
    octant = (8 * (middle / period % 1)).astype(int)
    with np.errstate(invalid="ignore"):
        return np.bincount(octant, exponents, minlength=8) / np.bincount(octant, minlength=8)
