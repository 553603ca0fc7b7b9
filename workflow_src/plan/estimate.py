"""A time or size that is not known: its middle, how wrong it may be, and what it is from."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from workflow_src.plan.work import distance

# How many measured jobs an estimate is from at most.
NEAREST = 5
# Nothing is known better than this factor: two runs of one job on one machine differ as much.
LEAST = 1.2
# By what factor a lone measurement may be wrong for a job of the same size.
ALONE = 1.4
# And by what more, for each factor e that sizes differ: the law is no law of nature.
PER_E_FOLD = 0.2
# Where nothing was measured.
ASSUMED = 4.0


class Sample(NamedTuple):
    """One measurement.

    Attributes:
        seconds: that it took.
        counted: that it should have taken by the assumed rates.
        sizes: of the job.
        away: added to its distance from any job, for what was measured in another way.
    """

    source: str
    seconds: float
    counted: float
    sizes: tuple[float, ...]
    away: float = 0.0


class Estimate(NamedTuple):
    """Most likely between `low` and `high`.

    Attributes:
        basis: what it is from, in words; the same words for estimates from the same records.
        measured: whether it is from records at all.
    """

    low: float
    middle: float
    high: float
    basis: str
    measured: bool

    def times(self, factor: int | float) -> "Estimate":
        return self._replace(low=self.low * factor, middle=self.middle * factor, high=self.high * factor)

    def plus(self, seconds: int | float) -> "Estimate":
        return self._replace(low=self.low + seconds, middle=self.middle + seconds, high=self.high + seconds)


def spread(middle: float, factor: float, basis: str, *, measured: bool) -> Estimate:
    """Known up to a factor."""
    return Estimate(middle / factor, middle, middle * factor, basis, measured)


def nearest(counted: float, sizes: tuple[float, ...], samples: Sequence[Sample], of: str) -> Estimate:
    """From the jobs that are nearest in size, each scaled by the ratio of counted times.

    Args:
        counted: seconds by the assumed rates.
        of: what was measured, for the basis.
    """
    if not samples:
        return spread(counted, ASSUMED, f"assumed rates: no record of {of}", measured=False)
    ranked = sorted((distance(sizes, one.sizes) + one.away, i) for i, one in enumerate(samples))[:NEAREST]
    logs = [math.log(samples[i].seconds * counted / samples[i].counted) for _, i in ranked]
    weights = [1 / (0.1 + far**2) for far, _ in ranked]
    total = sum(weights)
    middle = sum(w * one for w, one in zip(weights, logs, strict=True)) / total
    variance = sum(w * (one - middle) ** 2 for w, one in zip(weights, logs, strict=True)) / total
    least = math.log(LEAST if len(ranked) > 1 else ALONE)
    wrong = math.sqrt(variance + least**2 + (PER_E_FOLD * ranked[0][0]) ** 2)
    return spread(math.exp(middle), math.exp(wrong), f"{of}: nearest of {_sources(samples)}", measured=True)


def total(estimates: Iterable[Estimate]) -> Estimate:
    """All of it: estimates from the same records are wrong together, so that their ranges add."""
    found = list(estimates)
    sums = [math.fsum(getattr(one, name) for one in found) for name in ("low", "middle", "high")]
    return Estimate(*sums, basis="", measured=all(one.measured for one in found))


def _sources(samples: Sequence[Sample]) -> str:
    return ", ".join(f"{count} in {source}" for source, count in sorted(Counter(one.source for one in samples).items()))
