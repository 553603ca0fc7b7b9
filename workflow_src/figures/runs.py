"""Runs of an experiment as numbers: which of them diverged, their mean, spread and median run.

A diverged run has no finite measure. In medians and quartiles it counts as the worst, as in the claims: infinite. A
mean cannot hold it, is that of the finite runs and called so. The number of diverged runs stands beside both.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Float, Int

from workflow_src import store

COLUMNS = (
    "panel",
    "series",
    "statistic",
    "seed",
    "x_name",
    "x",
    "y_name",
    "y",
    "low",
    "high",
    "runs",
    "diverged",
)
# Measures of which neither end is the bad one.
EXPONENTS = ("lyapunov_exponent", "lyapunov_exponent_forced", "forced_contraction_bound")


@dataclass(frozen=True)
class Runs:
    """One measure of the runs that belong to one point of a figure or one row of a table.

    Attributes:
        worst: as what a diverged run counts in medians and quartiles; NaN leaves it out, where no end is the bad one.
    """

    seeds: Int[np.ndarray, " runs"]
    values: Float[np.ndarray, " runs"]
    diverged: Bool[np.ndarray, " runs"]
    worst: float = math.inf

    @property
    def finite(self) -> Float[np.ndarray, " finite"]:
        return self.values[~self.diverged]

    @property
    def mean(self) -> float:
        """Mean of the finite runs; NaN if there are none."""
        return float(self.finite.mean()) if self.finite.size else np.nan

    @property
    def sem(self) -> float:
        """Standard error of that mean; NaN for fewer than two finite runs."""
        count = self.finite.size
        return float(self.finite.std(ddof=1) / np.sqrt(count)) if count > 1 else np.nan

    @property
    def ranked(self) -> Float[np.ndarray, " counted"]:
        """The values that medians and quartiles are of."""
        counted = np.where(self.diverged, self.worst, self.values)
        return counted[~np.isnan(counted)]

    @property
    def median(self) -> float:
        """Median; infinite if half of the runs or more diverged, NaN if there is none to count."""
        return quartiles(self.ranked)[1]

    @property
    def median_seed(self) -> int | None:
        """Seed of the run in the middle, the better one of two; if that diverged, of the finite one next to it.

        None if all diverged.
        """
        order = np.argsort(self.finite, kind="stable")
        middle = min((self.ranked.size - 1) // 2, order.size - 1)
        return int(self.seeds[~self.diverged][order[middle]]) if order.size else None


def runs_of(
    dataset: xr.Dataset, measure: str, *, model: str, sequence_length: int, embedding: str | None = None
) -> Runs:
    """The runs of one model at one sequence length.

    Runs that are not part of the experiment (no status) do not count. A run is diverged if its training diverged or
    if this measure of it is not finite: a forecast of a few steps can be fine where the long orbit escapes.
    """
    point = dataset.sel(model=model, sequence_length=sequence_length)
    values = point[measure] if embedding is None else point[measure].sel(embedding=embedding)
    status = point["status"].to_numpy().astype(float)
    there = np.isfinite(status)
    values = values.transpose("seed").to_numpy().astype(float)
    diverged = ~np.isfinite(values) | (status == store.STATUS["diverged_in_training"])
    worst = np.nan if measure in EXPONENTS else np.inf
    return Runs(point["seed"].to_numpy()[there].astype(int), values[there], diverged[there], worst)


def pooled(parts: Iterable[Runs]) -> Runs:
    """The runs of several points as one sample."""
    parts = tuple(parts)
    return Runs(
        np.concatenate([part.seeds for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.diverged for part in parts]),
        parts[0].worst,
    )


def models_of(dataset: xr.Dataset) -> list[str]:
    return [str(model) for model in dataset["model"].values]


def sizes_of(dataset: xr.Dataset) -> dict[str, int]:
    """Latent dimension per model, in ascending order."""
    sizes = {model: int(dataset["latent_dim"].sel(model=model)) for model in models_of(dataset)}
    return dict(sorted(sizes.items(), key=lambda item: item[1]))


def lengths_of(dataset: xr.Dataset) -> list[int]:
    """Sequence lengths in ascending order."""
    return sorted(int(length) for length in dataset["sequence_length"].values)


def shown_embedding(dataset: xr.Dataset) -> str:
    """The embedding that the figures show: the first that the preset names."""
    return str(dataset["embedding"].values[0])


def quartiles(values: Float[np.ndarray, " runs"]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile, where infinities are values; NaN of none.

    Between two values lies their mean, and nothing else: an infinity cannot be interpolated.
    """
    if not values.size:
        return math.nan, math.nan, math.nan
    ordered, places = np.sort(values), [values.size * q for q in (0.25, 0.5, 0.75)]
    with np.errstate(invalid="ignore"):
        low, middle, high = ((ordered[math.ceil(p) - 1] + ordered[math.floor(p)]) / 2 for p in places)
    return float(low), float(middle), float(high)


def median_curve(
    curves: Float[np.ndarray, "runs updates"], diverged: Bool[np.ndarray, " runs"]
) -> Float[np.ndarray, " updates"]:
    """Median at each update of training, where a run that diverged counts as infinite from then on.

    NaN behind the last update.
    """
    there = np.isfinite(curves)
    counted = np.where(there, curves, np.where(diverged[:, None], np.inf, np.nan))
    if not diverged.all():
        counted[:, ~there[~diverged].any(axis=0)] = np.nan
    return np.array([quartiles(column[~np.isnan(column)])[1] for column in counted.T])


def point_rows(
    runs: Runs, *, panel: str, series: str, x_name: str, x: int | float | str, y_name: str
) -> list[dict[str, Any]]:
    """One row per run, then their mean with its standard error and their median with the quartiles."""
    key = {"panel": panel, "series": series, "x_name": x_name, "x": x, "y_name": y_name}
    rows: list[dict[str, Any]] = [
        key
        | {
            "statistic": "run",
            "seed": int(seed),
            "y": np.nan if diverged else float(value),
            "runs": 1,
            "diverged": int(diverged),
        }
        for seed, value, diverged in zip(runs.seeds, runs.values, runs.diverged, strict=True)
    ]
    counts = {"runs": runs.values.size, "diverged": int(runs.diverged.sum())}
    rows.append(
        key | {"statistic": "mean", "y": runs.mean, "low": runs.mean - runs.sem, "high": runs.mean + runs.sem} | counts
    )
    rows.append(key | {"statistic": "median"} | _median_and_quartiles(runs.ranked) | counts)
    return rows


def median_row(values: Float[np.ndarray, " samples"], *, diverged: int, **key: Any) -> dict[str, Any]:
    """Median and quartiles of repeated measurements; `diverged` of them are of solves that did not converge."""
    return key | {"statistic": "median", "runs": values.size, "diverged": diverged} | _median_and_quartiles(values)


def floor_row(value: float, *, panel: str, series: str, y_name: str) -> dict[str, Any]:
    """The level that a perfect (or trivial) model reaches, a horizontal line."""
    return {"panel": panel, "series": series, "statistic": "floor", "y_name": y_name, "y": value}


def trace_rows(
    x: Float[np.ndarray, " steps"] | Int[np.ndarray, " steps"], y: Float[np.ndarray, " steps"], **key: Any
) -> list[dict[str, Any]]:
    """One row per point of a curve; what is not finite is no point."""
    return [key | {"x": float(a), "y": float(b) if np.isfinite(b) else np.nan} for a, b in zip(x, y, strict=True)]


def long_form(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as one frame with the columns in COLUMNS; what a row does not say is missing."""
    frame = pd.DataFrame.from_records([{"statistic": "trace", **row} for row in rows], columns=list(COLUMNS))
    for name in ("seed", "runs", "diverged"):
        frame[name] = frame[name].astype("Int64")
    for name in ("y", "low", "high"):
        frame[name] = frame[name].astype(float)
    return frame


def _median_and_quartiles(values: Float[np.ndarray, " samples"]) -> dict[str, float]:
    low, median, high = quartiles(values)
    return {"y": median, "low": low, "high": high}
