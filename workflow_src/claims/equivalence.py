"""Whether two sides are the same within a margin: two one-sided Mann-Whitney tests of values moved by the margin."""

import numpy as np

from workflow_src.claims.cells import Cell
from workflow_src.claims.claim import Equivalence
from workflow_src.claims.difference import least_p, mann_whitney, pair, ratio
from workflow_src.claims.outcome import Outcome, counts, named
from workflow_src.claims.resampling import Resampling


def equivalence(test: Equivalence, one: list[Cell], other: list[Cell], draw: Resampling) -> Outcome:
    """Test that the ratio of the medians lies within the margin; of positive measures."""
    both = pair(one, other, draw)
    effect = float(ratio(both.higher, both.lower))
    drawn = ratio(both.higher[both.draws_higher], both.lower[both.draws_lower])
    # Where most of both sides failed, nothing says that they are the same.
    low, high = draw.interval(np.where(np.isnan(drawn), np.inf, drawn))
    p = mann_whitney(both.higher, both.lower * test.margin, "less")
    least = 0.0
    if test.sides == "both":
        p = max(p, mann_whitney(both.higher, both.lower / test.margin, "greater"))
        least = 1 / test.margin
    return Outcome(
        comparison=f"{test.one.measure}: {named(test.one, one)} against {named(test.other, other)}",
        effect=effect,
        unit="ratio of medians",
        low=low,
        high=high,
        p=p,
        least_p=least_p(both),
        reaches=least <= effect <= test.margin,
        excluded=low > test.margin or high < least,
        **counts([*one, *other]),
    )
