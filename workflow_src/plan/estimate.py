"""A time or size that is not known: its middle, how wrong it may be, and what it is from."""

import functools
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
# The logarithm by which it may be wrong more for each factor e that sizes differ: the law is no law of nature.
PER_E_FOLD = 0.3
# The share of records that a range is to hold; how many records are too few to tell, and how many are told from the
# others at most.
HELD, FEW, MOST_TOLD = 0.8, 4, 60
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


class Law:
    """What measured jobs of one kind say of others: the nearest in size, each scaled by the ratio of counted times.

    How wrong that is shows where one record is told from those of other sizes.

    Args:
        samples: the measurements; there may be none.
        of: what was measured, for the basis.
    """

    def __init__(self, samples: Sequence[Sample], of: str) -> None:
        self.samples, self.of = samples, of

    def at(self, counted: float, sizes: tuple[float, ...]) -> Estimate:
        """The seconds of a job.

        Args:
            counted: its seconds by the assumed rates.
        """
        if not self.samples:
            return spread(counted, ASSUMED, f"assumed rates: no record of {self.of}", measured=False)
        middle, variance, far = _scaled(counted, sizes, self.samples)
        least = math.log(LEAST if len(self.samples) > 1 else ALONE)
        told, typical = self.errors
        wrong = math.sqrt(variance + least**2 + (told * min(1.0, far / typical)) ** 2 + (PER_E_FOLD * far) ** 2)
        return spread(
            math.exp(middle), math.exp(wrong), f"{self.of}: nearest of {_sources(self.samples)}", measured=True
        )

    @functools.cached_property
    def errors(self) -> tuple[float, float]:
        """The logarithm within which four of five records are told from those of other sizes, and how far these
        typically are."""
        few = self.samples[:: -(-len(self.samples) // MOST_TOLD)]
        found = []
        for one in few:
            if others := [other for other in few if other.sizes != one.sizes]:
                middle, _, far = _scaled(one.counted, one.sizes, others)
                found.append((abs(middle - math.log(one.seconds)), far))
        if len(found) < FEW:
            return 0.0, 1.0
        errors, distances = (sorted(values) for values in zip(*found, strict=True))
        return errors[int(HELD * len(errors))], distances[len(distances) // 2]


def _scaled(counted: float, sizes: tuple[float, ...], samples: Sequence[Sample]) -> tuple[float, float, float]:
    """Mean and variance of the logarithm of the seconds, and the distance of the nearest sample."""
    ranked = sorted((distance(sizes, one.sizes) + one.away, i) for i, one in enumerate(samples))[:NEAREST]
    logs = [math.log(samples[i].seconds * counted / samples[i].counted) for _, i in ranked]
    weights = [1 / (0.1 + far**2) for far, _ in ranked]
    whole = sum(weights)
    middle = sum(w * one for w, one in zip(weights, logs, strict=True)) / whole
    return middle, sum(w * (one - middle) ** 2 for w, one in zip(weights, logs, strict=True)) / whole, ranked[0][0]


def total(estimates: Iterable[Estimate]) -> Estimate:
    """All of it: estimates from the same records are wrong together, so that their ranges add."""
    found = list(estimates)
    sums = [math.fsum(getattr(one, name) for one in found) for name in ("low", "middle", "high")]
    return Estimate(*sums, basis="", measured=all(one.measured for one in found))


def _sources(samples: Sequence[Sample]) -> str:
    return ", ".join(f"{count} in {source}" for source, count in sorted(Counter(one.source for one in samples).items()))
