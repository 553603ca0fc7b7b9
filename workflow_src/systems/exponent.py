"""The largest Lyapunov exponent of a system, against which that of a trained model stands."""

import math
from collections.abc import Mapping

from workflow_src.systems.base import AbstractSystem, State
from workflow_src.systems.integrate import local_exponents


def largest_exponent(
    system: AbstractSystem,
    parameters: Mapping[str, float],
    initial_state: State,
    time_step: float,
    substeps: int,
    transient_steps: int,
    steps: int,
) -> float:
    """Mean growth of a tangent vector along an orbit behind its transient, in which it turns into position.

    Args:
        initial_state: at time 0.
        steps: of the orbit, at least: a periodic force makes the growth depend on its phase, so that the mean is taken
            over whole periods, as many as hold these steps.

    Returns:
        The exponent per time step, as that of a model that maps one step to the next.
    """
    if (period := parameters.get("forcing_period")) is not None:
        periods = math.ceil(steps * time_step / period)
        steps = round(periods * period / time_step)
    exponents = local_exponents(system, parameters, initial_state, time_step, substeps, transient_steps + steps)[
        transient_steps:, 0
    ]
    return float(exponents.mean()) * time_step
