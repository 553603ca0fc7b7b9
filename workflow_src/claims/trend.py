"""Whether a measure falls or rises: Spearman's rank correlation over all units, permuted within each unit."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

from workflow_src.claims.cells import Cell
from workflow_src.claims.claim import Trend
from workflow_src.claims.missing import Missing
from workflow_src.claims.outcome import Outcome, counts, named
from workflow_src.claims.resampling import Resampling

FEWEST_POINTS = 3
BATCH = 250


class Series(NamedTuple):
    """The values of one model, one row per unit that has all points."""

    x: Float[np.ndarray, " points"]
    values: Float[np.ndarray, "units points"]


def trend(test: Trend, cells: list[Cell], draw: Resampling) -> Outcome:
    """Test that every model falls, or rises; the effect is that of the model that does so least."""
    sign = -1 if test.direction == "falls" else 1
    series = [_series([cell for cell in cells if cell.model == model]) for model in {cell.model: 0 for cell in cells}]
    effects = np.array([sign * spearman(one.x, one.values[None])[0] for one in series])
    least = int(np.argmin(effects))
    ends = sorted(sign * end for end in draw.interval(_drawn(series[least], draw)))
    units = min(len(one.values) for one in series)
    points = min(one.x.size for one in series)
    return Outcome(
        comparison=f"{test.of.measure}: {named(test.of, cells)}",
        effect=sign * float(effects[least]),
        unit="Spearman's rho",
        low=min(sign * end for end in ends),
        high=max(sign * end for end in ends),
        p=max(_p(one, sign, draw) for one in series),
        least_p=max(1 / (draw.count + 1), math.factorial(points) ** -float(units)),
        reaches=bool(effects[least] >= test.smallest),
        excluded=ends[1] < test.smallest,
        **counts(cells) | {"units": units},
    )


def spearman(x: Float[np.ndarray, " points"], values: Float[np.ndarray, "draws units points"]) -> np.ndarray:
    """Rank correlation over all units and points of each draw; zero where all values are the same."""
    flat = values.reshape(len(values), -1)
    ranks = stats.rankdata(flat, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    along = np.tile(stats.rankdata(x), values.shape[1])
    along = along - along.mean()
    size = np.sqrt((ranks**2).sum(axis=1) * (along**2).sum())
    return np.divide(ranks @ along, size, out=np.zeros(len(values)), where=size > 0)


def _series(cells: list[Cell]) -> Series:
    if len(cells) < FEWEST_POINTS:
        raise Missing(f"a trend needs {FEWEST_POINTS} points, and there are {len(cells)}")
    units = set(cells[0].units.tolist()).intersection(*(cell.units.tolist() for cell in cells[1:]))
    if not units:
        raise Missing("no unit has all points")
    columns = [cell.values[np.isin(cell.units, list(units))] for cell in cells]
    return Series(np.array([cell.x for cell in cells]), np.stack(columns, axis=1))


def _drawn(one: Series, draw: Resampling) -> Float[np.ndarray, " draws"]:
    draws = draw.draws(len(one.values))
    parts = [spearman(one.x, one.values[draws[first : first + BATCH]]) for first in range(0, len(draws), BATCH)]
    return np.concatenate(parts)


def _p(one: Series, sign: int, draw: Resampling) -> float:
    """Share of orders of the points, chosen for each unit, that show as strong a trend."""
    ranks = stats.rankdata(one.values).reshape(one.values.shape)
    along = sign * (stats.rankdata(one.x) - stats.rankdata(one.x).mean())
    found, rng, hits = float((ranks @ along).sum()), draw.rng(), 0
    for first in range(0, draw.count, BATCH):
        shape = (min(BATCH, draw.count - first), *ranks.shape)
        mixed = rng.permuted(np.broadcast_to(ranks, shape), axis=2)
        # The sums of the same ranks in another order differ in their last digits.
        hits += int(((mixed @ along).sum(axis=1) >= found - 1e-6).sum())
    return (1 + hits) / (draw.count + 1)
