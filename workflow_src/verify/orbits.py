"""Whether two orbits are the same: to within rounding that chaos enlarges, or as measures of the same attractor.

Two machines that round differently make orbits that part as e^(lambda t). For a while they must agree all the same,
and behind that they must visit the same places, at the same pace, equally often.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

from workflow_src.metrics.state_space_divergence import state_space_divergence
from workflow_src.specs.dataset import DatasetSpec, Trajectory
from workflow_src.systems import SYSTEMS
from workflow_src.systems.integrate import local_exponents

# Largest difference that rounding may have grown to, in standard deviations, and what it grows from.
TOLERANCE = 1e-6
ROUNDING = 1e-14
LYAPUNOV_TIMES = 10
# A difference that is this many times larger than all before it did not grow by the dynamics.
JUMP = 1e4
# Of the beginning, at most; growth rates take as long as the simulation itself.
MOST_STEPS = 10_000
BLOCKS = 10
# Two-sided chance that a sound orbit fails one of its moments.
CHANCE = 1e-4
DIVERGENCE_POINTS = 10_000
DIVERGENCE_SAMPLES = 300
LEAST_DIVERGENCE = 0.1


class Judged(NamedTuple):
    """Whether two orbits agree (None: cannot be said), and how."""

    holds: bool | None
    text: str


def growth_rates(spec: DatasetSpec, trajectory: Trajectory) -> Float[np.ndarray, " steps"]:
    """Local growth rates of a small difference per time unit, through the transient and the steps behind it."""
    return local_exponents(
        SYSTEMS[spec.system],
        spec.parameters,
        trajectory.initial_state,
        spec.time_step,
        spec.substeps,
        trajectory.transient_steps + min(MOST_STEPS, trajectory.steps),
    )[:, 0]


def horizon(rates: Float[np.ndarray, " steps"], time_step: float, transient_steps: int) -> int:
    """Steps behind the transient over which rounding stays below TOLERANCE: ten Lyapunov times at most.

    Rounding enters at every step, through the transient as well, and grows as the orbit itself makes it grow: over so
    short a time that may be many times more than the mean exponent tells.
    """
    log_growth = np.cumsum(rates) * time_step
    log_error = math.log(ROUNDING) + log_growth - np.minimum.accumulate(np.concatenate([[0.0], log_growth[:-1]]))
    large = log_error > math.log(TOLERANCE)
    steps = (int(np.argmax(large)) if large.any() else len(rates)) - transient_steps
    # Rounding that grew in the transient may have been damped again; what it left is no longer known.
    rate = float(rates[transient_steps:].mean())
    return max(0, min(steps, int(LYAPUNOV_TIMES / (rate * time_step)) if rate > 0 else steps))


def same_beginning(stored: Float[np.ndarray, "T N"], again: Float[np.ndarray, "T N"], steps: int) -> Judged:
    """Agreement within TOLERANCE over the first steps, and behind them no difference that comes from nowhere.

    Args:
        stored: an orbit in physical units.
        again: the same, made anew; its spread is the unit of differences.
        steps: over which rounding cannot have grown above TOLERANCE.
    """
    difference = (np.abs(stored - again) / again.std(axis=0)).max(axis=1)
    # NaN counts as a difference.
    apart = ~(difference <= TOLERANCE)
    if apart[:steps].any():
        first = int(np.argmax(apart))
        return Judged(False, f"step {first} differs by {difference[first]:.1e} standard deviations")
    before = np.maximum.accumulate(np.concatenate([difference[:1], difference[:-1]]))
    sudden = apart & ~(difference <= JUMP * before)
    if sudden.any():
        first = int(np.argmax(sudden))
        return Judged(False, f"step {first} differs all at once by {difference[first]:.1e} standard deviations")
    if steps == 0:
        return Judged(None, "rounding may have grown beyond the tolerance within the transient")
    return Judged(True, f"{steps} steps within {difference[:steps].max():.1e} standard deviations")


def same_attractor(
    stored: Float[np.ndarray, "T N"], again: Float[np.ndarray, "T N"], other: Float[np.ndarray, "T2 N"]
) -> Judged:
    """Agreement of means, spreads, pace and D_stsp, as close as two true orbits of that length agree.

    Args:
        other: another true orbit, whose D_stsp from `again` tells what is usual.
    """
    if not np.isfinite(stored).all():
        return Judged(False, "it has values that are not finite")
    unit = again.std(axis=0)
    blocks = np.stack([_moments(block, unit) for block in np.array_split(again, BLOCKS)])
    error = blocks.std(axis=0, ddof=1) / math.sqrt(BLOCKS)
    bound = float(stats.t.isf(CHANCE / 2, BLOCKS - 1)) * math.sqrt(2) * error + TOLERANCE
    difference = np.abs(_moments(stored, unit) - _moments(again, unit))
    if (difference > bound).any():
        kind, component = np.unravel_index(int(np.argmax(difference / bound)), difference.shape)
        name = ("mean", "standard deviation", "size of a step")[kind]
        found, most = difference[kind, component], bound[kind, component]
        return Judged(False, f"{name} of component {component + 1} is off by {found:.2g} (at most {most:.2g})")
    found, usual = _divergence(again, stored), _divergence(again, other)
    most = max(LEAST_DIVERGENCE, 3 * usual)
    if not found <= most:
        return Judged(False, f"D_stsp {found:.2g} (at most {most:.2g})")
    return Judged(True, f"moments within {(difference / bound).max():.0%} of their bounds, D_stsp {found:.2g}")


def _moments(orbit: Float[np.ndarray, "T N"], unit: Float[np.ndarray, " N"]) -> Float[np.ndarray, "3 N"]:
    """Mean, spread, and root mean square of a step per component. The last sees the order in time."""
    steps = np.sqrt((np.diff(orbit, axis=0) ** 2).mean(axis=0))
    return np.stack([orbit.mean(axis=0), orbit.std(axis=0), steps]) / unit


def _divergence(truth: Float[np.ndarray, "T N"], orbit: Float[np.ndarray, "T2 N"]) -> float:
    return state_space_divergence(
        truth[:DIVERGENCE_POINTS],
        orbit[:DIVERGENCE_POINTS],
        samples=DIVERGENCE_SAMPLES,
        rng=np.random.default_rng(0),
    ).value
