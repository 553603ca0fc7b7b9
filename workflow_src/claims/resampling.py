"""Bootstrap: units are drawn again with replacement, the same for everything that has the same units."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from workflow_src.claims.cells import Cell


class Resampling:
    """The draws of one test.

    Attributes:
        count: of draws.
        significance: the interval holds with 1 minus this.
    """

    def __init__(self, count: int, significance: float, seed: int) -> None:
        self.count = count
        self.significance = significance
        self.seed = seed
        self._drawn: dict[tuple[int, str], Int[np.ndarray, "draws units"]] = {}

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def draws(self, units: int, kind: str = "") -> Int[np.ndarray, "draws units"]:
        """Indices of the units of each draw; the same whenever asked for.

        Args:
            kind: what the units are, so that those of another kind are drawn independently.
        """
        if (units, kind) not in self._drawn:
            rng = np.random.default_rng([self.seed, units, len(self._drawn)])
            self._drawn[units, kind] = rng.integers(units, size=(self.count, units))
        return self._drawn[units, kind]

    def interval(self, values: Float[np.ndarray, " draws"]) -> tuple[float, float]:
        """Percentile interval; ends may be infinite."""
        ends = (self.significance / 2, 1 - self.significance / 2)
        # Not interpolated: between infinities there is nothing.
        low, high = np.quantile(values, ends, method="inverted_cdf")
        return float(low), float(high)


def collapsed(cells: list[Cell]) -> tuple[np.ndarray, Float[np.ndarray, " units"]]:
    """Units and one value per unit: its median over the cells, for units count and not their repetitions."""
    units = np.unique(np.concatenate([cell.units for cell in cells]))
    values = np.full((len(cells), units.size), np.nan)
    for row, cell in zip(values, cells, strict=True):
        row[np.searchsorted(units, cell.units)] = cell.values
    if len(cells) == 1:
        return units, values[0]
    return units, median(values, axis=0)


def median(values: np.ndarray, axis: int) -> np.ndarray:
    """Medians of what is there; the half-way point of two infinities is infinite."""
    middle: Callable[..., np.ndarray] = np.nanmedian if np.isnan(values).any() else np.median
    with np.errstate(invalid="ignore"):
        return np.asarray(middle(values, axis=axis))
