"""To which power of T a measure grows: slope of the logarithm of its medians over that of T, with a bootstrap."""

import numpy as np
from jaxtyping import Float

from workflow_src.claims.cells import Cell
from workflow_src.claims.claim import Scaling
from workflow_src.claims.missing import Missing
from workflow_src.claims.outcome import Outcome, counts, named
from workflow_src.claims.resampling import Resampling

FEWEST_LENGTHS = 3


def scaling(test: Scaling, cells: list[Cell], draw: Resampling) -> Outcome:
    """Test that the exponent of every model lies within the bounds; the effect is that of the model farthest out."""
    found = []
    for model in {cell.model: 0 for cell in cells}:
        # Lengths at which most solves failed have no time.
        own = [cell for cell in cells if cell.model == model and np.isfinite(np.median(cell.values))]
        if len(own) < FEWEST_LENGTHS:
            raise Missing(f"an exponent needs {FEWEST_LENGTHS} lengths, and {model} has {len(own)}")
        x = np.array([cell.x for cell in own])
        slope = float(exponent(x, np.array([[np.median(cell.values)] for cell in own]))[0])
        columns = [np.median(cell.values[draw.draws(cell.values.size, f"T{cell.x:g}")], axis=1) for cell in own]
        drawn = exponent(x, np.stack(columns))
        outside = max(int((drawn <= test.least).sum()), int((drawn >= test.most).sum()))
        found.append((abs(slope - (test.least + test.most) / 2), slope, drawn, (1 + outside) / (draw.count + 1)))
    _, slope, drawn, _ = max(found, key=lambda one: one[0])
    low, high = draw.interval(drawn)
    return Outcome(
        comparison=f"{test.of.measure}: {named(test.of, cells)}",
        effect=slope,
        unit="power of T",
        low=low,
        high=high,
        p=max(p for *_, p in found),
        least_p=1 / (draw.count + 1),
        reaches=test.least <= slope <= test.most,
        excluded=low > test.most or high < test.least,
        **counts(cells),
    )


def exponent(x: Float[np.ndarray, " lengths"], medians: Float[np.ndarray, "lengths draws"]) -> np.ndarray:
    """Least-squares slope of log medians over log x, per draw."""
    along = np.log(x) - np.log(x).mean()
    # A draw in which most solves of a length failed tells no slope and counts as none within any bounds.
    with np.errstate(invalid="ignore"):
        slopes = along @ np.log(medians) / (along @ along)
    return np.where(np.isfinite(slopes), slopes, np.inf)
