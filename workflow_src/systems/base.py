"""What a system offers to simulation and to the checks of presets.

A system is written on Python floats and tuples, one scalar operation after the other. NumPy's vectorised exp and tanh
round differently from one instruction set to the next, and a chaotic orbit shows it after some twenty time units.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Float

State = tuple[float, ...]
Derivative = Callable[[float, State], State]
Tangent = Callable[[float, State, State], State]


class AbstractSystem(ABC):
    """An ordinary differential equation x' = f(t, x) with named parameters and components."""

    parameters: ClassVar[tuple[str, ...]]
    positive: ClassVar[frozenset[str]]

    def check_parameters(self, parameters: Mapping[str, float]) -> None:
        """Raise ValueError, naming the parameter and the mend, unless exactly the known ones stand there."""
        for name in parameters:
            if name not in self.parameters:
                raise ValueError(f"parameters.{name}: unknown; use {', '.join(self.parameters)}")
        for name in self.parameters:
            if name not in parameters:
                raise ValueError(f"parameters.{name}: missing; state all of {', '.join(self.parameters)}")
            if not math.isfinite(parameters[name]):
                raise ValueError(f"parameters.{name}: {parameters[name]} is no finite number; state one")
            if name in self.positive and parameters[name] <= 0:
                raise ValueError(f"parameters.{name}: {parameters[name]} is not positive; raise it above 0")

    @abstractmethod
    def components(self, parameters: Mapping[str, float]) -> tuple[str, ...]:
        """Names of the components of the state, in order."""

    @abstractmethod
    def derivative(self, parameters: Mapping[str, float]) -> Derivative:
        """The right-hand side f, a function of time and state."""

    @abstractmethod
    def tangent(self, parameters: Mapping[str, float]) -> Tangent:
        """The linearised right-hand side (df/dx) v, a function of time, state x and tangent vector v."""

    def forcing(
        self, parameters: Mapping[str, float], times: Float[np.ndarray, " steps"]
    ) -> Float[np.ndarray, " steps"] | None:
        """The external force at the given times; None for an autonomous system."""
        return None
