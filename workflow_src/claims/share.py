"""How many units show something: binomial test against one half, Clopper-Pearson interval."""

import numpy as np
from scipy import stats

from workflow_src.claims.cells import Cell
from workflow_src.claims.claim import Share
from workflow_src.claims.outcome import Outcome, counts, named
from workflow_src.claims.resampling import Resampling


def share(test: Share, cells: list[Cell], draw: Resampling) -> Outcome:
    """Test that most units of every cell show the event; the effect is the share of the cell with the fewest."""
    found = []
    for cell in cells:
        shown = cell.failed if test.event == "failed" else ~cell.failed & (cell.values <= (test.bound or 0.0))
        found.append((int(shown.sum()), int(shown.size)))
    hits, size = min(found, key=lambda one: one[0] / one[1])
    interval = stats.binomtest(hits, size).proportion_ci(confidence_level=1 - draw.significance, method="exact")
    what = "fails" if test.event == "failed" else f"at most {test.bound:g}"
    return Outcome(
        comparison=f"{test.of.measure} {what}: {named(test.of, cells)}",
        effect=hits / size,
        unit="share",
        low=float(interval.low),
        high=float(interval.high),
        p=float(np.max([stats.binom.sf(count - 1, total, 0.5) for count, total in found])),
        least_p=max(0.5**total for _, total in found),
        reaches=hits / size >= test.smallest,
        excluded=float(interval.high) < test.smallest,
        **counts(cells),
    )
