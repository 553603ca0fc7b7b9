"""Integration: the classical Runge-Kutta scheme of order four at a fixed step, and local Lyapunov exponents.

    k1 = f(t, x),  k2 = f(t + h/2, x + h/2 k1),  k3 = f(t + h/2, x + h/2 k2),  k4 = f(t + h, x + h k3)
    x(t + h) = x + h/6 (k1 + 2 k2 + 2 k3 + k4)

Everything is scalar arithmetic on Python floats in a fixed order, so an orbit of additions and products is the same,
bit for bit, on every machine. The last bit of math.exp and math.sin is the C library's choice, and orbits through them
are the same where that is.
"""

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from workflow_src.systems.base import AbstractSystem, Derivative, State


# ASSUME: a fixed step; the paper says "Runge-Kutta 4/5", but an adaptive step ties the orbit to its error control.
def runge_kutta(derivative: Derivative, time: float, state: State, h: float) -> State:
    """Advance the state by one step h."""
    half = h / 2
    k1 = derivative(time, state)
    k2 = derivative(time + half, tuple([x + half * k for x, k in zip(state, k1, strict=True)]))
    k3 = derivative(time + half, tuple([x + half * k for x, k in zip(state, k2, strict=True)]))
    k4 = derivative(time + h, tuple([x + h * k for x, k in zip(state, k3, strict=True)]))
    sixth = h / 6
    return tuple([x + sixth * (a + 2 * (b + c) + d) for x, a, b, c, d in zip(state, k1, k2, k3, k4, strict=True)])


def integrate(
    derivative: Derivative, state: State, time_step: float, substeps: int, steps: int, start_time: float = 0.0
) -> Float[np.ndarray, "steps dim"]:
    """Sample an orbit at a fixed time step.

    Args:
        derivative: the right-hand side.
        state: where the orbit starts; the first row of the result.
        time_step: time between samples.
        substeps: Runge-Kutta steps per sample.
        steps: number of samples.
        start_time: time of the first sample.
    Returns:
        The orbit; inf or NaN from where it diverges.
    """
    orbit = np.empty((steps, len(state)))
    h = time_step / substeps
    orbit[0] = state
    for k in range(1, steps):
        try:
            for j in range((k - 1) * substeps, k * substeps):
                # Time is a product and not a running sum, so rounding does not pile up in the phase of a force.
                state = runge_kutta(derivative, start_time + j * h, state, h)
        except OverflowError:  # math.exp has no inf
            orbit[k:] = np.nan
            break
        orbit[k] = state
    return orbit


def local_exponents(
    system: AbstractSystem,
    parameters: Mapping[str, float],
    state: State,
    time_step: float,
    substeps: int,
    steps: int,
    start_time: float = 0.0,
    vectors: int = 1,
) -> Float[np.ndarray, "steps vectors"]:
    """Growth rates of tangent vectors along an orbit, orthonormalised after each time step.

    The mean over the steps estimates the largest Lyapunov exponents in falling order (G. Benettin et al., Meccanica 15,
    9, 1980), the mean over a part of the orbit the local ones. The first steps turn the vectors into position.

    Args:
        vectors: how many exponents; the dimension of the system gives the whole spectrum.
    Returns:
        Exponents per time unit, for each time step.
    """
    dim = len(state)
    derivative, tangent = system.derivative(parameters), system.tangent(parameters)

    def variational(time: float, joint: State) -> State:
        x = joint[:dim]
        rates = derivative(time, x)
        for k in range(dim, len(joint), dim):
            rates += tangent(time, x, joint[k : k + dim])
        return rates

    basis: list[State] = [tuple(float(i == k) for i in range(dim)) for k in range(vectors)]
    h = time_step / substeps
    exponents = np.empty((steps, vectors))
    for k in range(steps):
        joint = sum(basis, start=state)
        for j in range(k * substeps, (k + 1) * substeps):
            joint = runge_kutta(variational, start_time + j * h, joint, h)
        state = joint[:dim]
        basis, lengths = _orthonormalise([joint[i : i + dim] for i in range(dim, len(joint), dim)])
        exponents[k] = [math.log(length) / time_step for length in lengths]
    return exponents


def _orthonormalise(vectors: list[State]) -> tuple[list[State], list[float]]:
    """Gram-Schmidt; also the lengths of what is left of each vector."""
    basis: list[State] = []
    lengths: list[float] = []
    for vector in vectors:
        for e in basis:
            overlap = sum(a * b for a, b in zip(vector, e, strict=True))
            vector = tuple([a - overlap * b for a, b in zip(vector, e, strict=True)])
        length = math.sqrt(sum(a * a for a in vector))
        basis.append(tuple([a / length for a in vector]))
        lengths.append(length)
    return basis, lengths
