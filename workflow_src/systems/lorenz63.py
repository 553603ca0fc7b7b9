"""Lorenz-63, thermal convection reduced to three modes, Eq. (62).

    x' = sigma (y - x)
    y' = x (rho - z) - y
    z' = x y - beta z

Reference: E. N. Lorenz, Deterministic nonperiodic flow, J. Atmos. Sci. 20, 130 (1963).
"""

from collections.abc import Mapping
from typing import ClassVar

from workflow_src.systems.base import AbstractSystem, Derivative, State, Tangent


class Lorenz63(AbstractSystem):
    """Parameters: Prandtl number `sigma`, reduced Rayleigh number `rho`, aspect ratio of the rolls `beta`.

    Components: strength of convection x, horizontal and vertical temperature variation y and z.
    """

    parameters: ClassVar[tuple[str, ...]] = ("sigma", "rho", "beta")
    positive: ClassVar[frozenset[str]] = frozenset()

    def components(self, parameters: Mapping[str, float]) -> tuple[str, ...]:
        return ("x", "y", "z")

    def derivative(self, parameters: Mapping[str, float]) -> Derivative:
        sigma, rho, beta = (parameters[name] for name in self.parameters)

        def f(time: float, state: State) -> State:
            x, y, z = state
            return sigma * (y - x), x * (rho - z) - y, x * y - beta * z

        return f

    def tangent(self, parameters: Mapping[str, float]) -> Tangent:
        sigma, rho, beta = (parameters[name] for name in self.parameters)

        def jacobian_times(time: float, state: State, vector: State) -> State:
            x, y, z = state
            u, v, w = vector
            return sigma * (v - u), (rho - z) * u - v - x * w, y * u + x * v - beta * w

        return jacobian_times
