"""Whether one side is higher than the other: Mann-Whitney test, ratio of medians or Cliff's delta.

Runs are compared as independent samples. Where both sides have the same seeds the test is conservative; a paired one
would need more seeds than there are, for the smallest p of n pairs is 2^-n.
"""

from math import comb
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from workflow_src.claims.cells import Cell
from workflow_src.claims.claim import EXPONENTS, Difference
from workflow_src.claims.outcome import Outcome, counts, named
from workflow_src.claims.resampling import Resampling, collapsed, median

MOST_EXACT = 400
# The ratio of a draw in which most of both sides failed.
NO_DIFFERENCE = 1.0


class Pair(NamedTuple):
    """Two sides that are compared, one value per unit, and the units drawn again for each."""

    higher: Float[np.ndarray, " m"]
    lower: Float[np.ndarray, " n"]
    draws_higher: Int[np.ndarray, "draws m"]
    draws_lower: Int[np.ndarray, "draws n"]


def difference(test: Difference, higher: list[Cell], lower: list[Cell], draw: Resampling) -> Outcome:
    """Test that values of the cells `higher` are higher than those of `lower`."""
    groups = [(higher, lower)] if test.cells == "pooled" else [([cell], _matching(cell, lower)) for cell in higher]
    pairs = [pair(one, other, draw, exponents=test.higher.measure in EXPONENTS) for one, other in groups]
    if test.spread:
        pairs = [one._replace(higher=_distances(one.higher), lower=_distances(one.lower)) for one in pairs]
    size = ratio if test.scale == "ratio" else dominance
    effects = np.array([size(one.higher, one.lower) for one in pairs])
    drawn = np.array([size(one.higher[one.draws_higher], one.lower[one.draws_lower]) for one in pairs])
    drawn[np.isnan(drawn)] = NO_DIFFERENCE
    p = np.array([mann_whitney(one.higher, one.lower, "greater") for one in pairs])
    worst, best = (np.min, np.max)
    pick = best if test.cells == "best" else worst
    # All cells must show it, or one of them may: then each is one more chance to.
    combined = min(float(p.min()) * len(p), 1.0) if test.cells == "best" else float(p.max())
    effect, (low, high) = float(pick(effects)), draw.interval(pick(drawn, axis=0))
    return Outcome(
        comparison=f"{_measures(test)}: {named(test.higher, higher)} against {named(test.lower, lower)}"
        + {"pooled": "", "every": f", every one of {len(pairs)}", "best": f", the best of {len(pairs)}"}[test.cells],
        effect=effect,
        unit=("ratio of spreads" if test.spread else "ratio of medians") if test.scale == "ratio" else "Cliff's delta",
        low=low,
        high=high,
        p=combined,
        least_p=max(least_p(one) for one in pairs) * (len(pairs) if test.cells == "best" else 1),
        reaches=effect >= test.smallest,
        excluded=high < test.smallest,
        **counts([*higher, *lower]),
    )


def pair(one: list[Cell], other: list[Cell], draw: Resampling, *, exponents: bool = False) -> Pair:
    """Two sides, where the same units are drawn together; failed exponents stand against the claim."""
    (units, first), (others, second) = collapsed(one), collapsed(other)
    if exponents:
        first, second = np.where(np.isnan(first), -np.inf, first), np.where(np.isnan(second), np.inf, second)
    same = np.array_equal(units, others)
    return Pair(first, second, draw.draws(units.size), draw.draws(others.size, "" if same else "other"))


def mann_whitney(one: np.ndarray, other: np.ndarray, alternative: str) -> float:
    """p that `one` is `greater` or `less`; exact for small samples without ties."""
    both = np.concatenate([one, other])
    tied = np.unique(both).size < both.size
    if np.unique(both).size == 1:
        return 1.0
    method = "exact" if not tied and one.size * other.size <= MOST_EXACT else "asymptotic"
    return float(stats.mannwhitneyu(one, other, alternative=alternative, method=method).pvalue)


def least_p(one: Pair) -> float:
    """The smallest p of the Mann-Whitney test."""
    return 1 / comb(one.higher.size + one.lower.size, one.lower.size)


def ratio(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Ratio of the medians along the last axis; NaN where most of both sides failed, for that tells nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(median(one, axis=-1) / median(other, axis=-1))


def dominance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cliff's delta along the last axis: 1 where all of `one` is higher, -1 where all is lower."""
    first, second = one[..., :, None], other[..., None, :]
    return np.asarray(np.mean((first > second).astype(np.int8) - (first < second), axis=(-2, -1)))


def _matching(cell: Cell, others: list[Cell]) -> list[Cell]:
    """The same model and length, else the same length, else everything."""
    for same in (lambda one: (one.model, one.x) == (cell.model, cell.x), lambda one: one.x == cell.x):
        if found := [one for one in others if same(one)]:
            return found
    return others


def _distances(values: Float[np.ndarray, " units"]) -> Float[np.ndarray, " units"]:
    """How far apart from their median values are, in powers of e; failed ones infinitely."""
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(values)
        apart = np.abs(logs - np.median(logs))
    return np.where(np.isnan(apart), np.inf, apart)


def _measures(test: Difference) -> str:
    measures = dict.fromkeys((test.higher.measure, test.lower.measure))
    return ("spread of " if test.spread else "") + " against ".join(measures)
