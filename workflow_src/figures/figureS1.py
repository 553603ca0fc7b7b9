"""How far the findings depend on what the paper leaves open.

One row of panels per factor, one line per value of it; shaded and in bold, the value behind the other figures. Left:
state space divergence of the trained models, one dot per run, with median and quartiles; dashed, the divergence between
two true orbits (floor). Right, where the value bears on a finding: the divergence of the model that the finding says to
be worse over that of the better one, run by run for the same seeds; the finding holds to the right of 1. There,
divergences below what two true orbits can resolve count as that. Crosses with numbers count diverged runs out of all:
in medians and quartiles they are the worst ones, and a ratio with one of them lies beyond the axis, where an arrow
points.
"""

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from workflow_src.figures import labels, strips, style
from workflow_src.figures.runs import (
    Runs,
    floor_row,
    lengths_of,
    long_form,
    quartiles,
    runs_of,
    shown_embedding,
)

MEASURE = "state_space_divergence"
RATIO = "ratio"
# Heights in mm.
LINE, BETWEEN, ENDS, TEXT_LINE = 4.6, 8.0, 22.0, 3.0
# Letters of a title that fit above a panel.
WIDEST = 52
SMALLEST_RESOLUTION = 1e-4


class Point(NamedTuple):
    """One value of a factor, and what it is judged on."""

    factor: str
    label: str
    model: str
    worse: str | None
    better: str | None
    dataset: xr.Dataset
    embedding: str

    def runs(self, model: str) -> Runs:
        length = lengths_of(self.dataset)[-1]
        return runs_of(self.dataset, MEASURE, model=model, sequence_length=length, embedding=self.embedding)

    @property
    def key(self) -> dict[str, Any]:
        return {"panel": self.factor, "x_name": self.factor, "x": self.label}


def numbers(settings: Mapping[str, Any], /, **experiments: xr.Dataset) -> pd.DataFrame:
    """Divergences of every value (y_name: measure and embedding), and their ratios to its contrast (y_name: ratio ...).

    Medians that lost runs make infinite are missing; `diverged` tells of them, and the quartile that is infinite.
    """
    rows: list[dict[str, Any]] = []
    for point in _points(settings, experiments):
        rows += _divergence_rows(point)
        rows += _ratio_rows(point, point.worse, point.better) if point.worse and point.better else []
    return long_form(rows)


def draw(settings: Mapping[str, Any], /, **experiments: xr.Dataset) -> Figure:
    """Draw the figure from the aggregated runs.

    Args:
        settings: section of the preset: factors, their values, and the experiment of values that name none.
        experiments: arrays by the name of their experiment.
    """
    table, factors = numbers(settings, **experiments), settings["factors"]
    is_ratio = table["y_name"].str.startswith(RATIO)
    columns = [table[~is_ratio]] + ([table[is_ratio]] if is_ratio.any() else [])
    counts = [len(factor["values"]) for factor in factors]
    text_lines = sum(max(title.count("\n") for title in _titles(factor)) for factor in factors)
    height = ENDS + LINE * sum(counts) + BETWEEN * len(counts) + TEXT_LINE * text_lines
    figure = style.figure(style.TWO_COLUMNS, height)
    grid = figure.subplots(len(counts), len(columns), squeeze=False, height_ratios=[n + 0.2 for n in counts])
    for column, part in enumerate(columns):
        scale = _scale(part, is_ratio=column == 1)
        shown = [factor for factor in factors if (part["panel"] == factor["name"]).any()]
        for axes, factor in zip(grid[:, column], factors, strict=True):
            here = part[part["panel"] == factor["name"]]
            if factor not in shown:
                axes.set_axis_off()
                continue
            _draw_panel(axes, here, factor, scale, is_ratio=column == 1)
            axes.tick_params(labelbottom=factor is shown[-1], labelleft=column == 0)
            if factor is shown[-1]:
                axes.set_xlabel(_ratio_label() if column == 1 else _divergence_label(part))
    _count_runs(grid[0, 0], columns[0])
    figure.legend(handles=_handles(columns), loc="outside lower center", ncols=5)
    return figure


def _points(settings: Mapping[str, Any], experiments: Mapping[str, xr.Dataset]) -> Iterator[Point]:
    for factor in settings["factors"]:
        for value in factor["values"]:
            dataset = experiments[value.get("experiment", settings["experiment"])]
            embedding = value.get("embedding", shown_embedding(dataset))
            worse, better = _sides(factor, value)
            yield Point(factor["name"], value["label"], value["model"], worse, better, dataset, embedding)


def _sides(factor: Mapping[str, Any], value: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The model that the finding says to be worse, and the better one; none where the value has no contrast."""
    if "contrast" not in value:
        return None, None
    pair = value["contrast"], value["model"]
    return pair if factor["contrast_is"] == "worse" else pair[::-1]


def _divergence_rows(point: Point) -> list[dict[str, Any]]:
    runs = point.runs(point.model)
    key = point.key | {"series": point.model, "y_name": f"{MEASURE} {point.embedding}"}
    floor = float(point.dataset[f"{MEASURE}_floor"].sel(embedding=point.embedding))
    level = floor_row(floor, panel=point.factor, series="floor", y_name=key["y_name"])
    return [
        *_run_rows(runs.seeds, runs.ranked, key),
        _median_row(runs.ranked, int(runs.diverged.sum()), key),
        point.key | level,
    ]


def _ratio_rows(point: Point, worse: str, better: str) -> list[dict[str, Any]]:
    """Ratios of runs of the same seed, their median, and how many runs of either side diverged."""
    above, below = point.runs(worse), point.runs(better)
    seeds, first, second = np.intersect1d(above.seeds, below.seeds, return_indices=True)
    with np.errstate(invalid="ignore"):
        # NaN where both diverged, which speaks for neither.
        logs = np.log(_resolved(point, above)[first]) - np.log(_resolved(point, below)[second])
    key = point.key | {"series": f"{worse} / {better}", "y_name": f"{RATIO} {MEASURE} {point.embedding}"}
    lost = int((~np.isfinite(logs)).sum())
    sides = [
        key | {"series": name, "statistic": "diverged", "runs": runs.values.size, "diverged": int(runs.diverged.sum())}
        for name, runs in ((worse, above), (better, below))
    ]
    middle = _median_row(logs[~np.isnan(logs)], lost, key, exponentiate=True) | {"runs": logs.size}
    return [*_run_rows(seeds, np.exp(logs), key), middle, *sides]


def _resolved(point: Point, runs: Runs) -> np.ndarray:
    """Divergences of runs, at least that at which a model cannot be told from a second true orbit; inf of lost ones."""
    at = point.dataset.sel(embedding=point.embedding)
    floor, error = float(at[f"{MEASURE}_floor"]), float(at[f"{MEASURE}_floor_error"])
    least = max(floor, 0.0) + max(2 * error, SMALLEST_RESOLUTION)
    return np.where(runs.diverged, np.inf, np.maximum(runs.values, least))


def _run_rows(seeds: np.ndarray, values: np.ndarray, key: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for seed, value in zip(seeds, values, strict=True):
        fine = np.isfinite(value) and not (value == 0 and str(key["y_name"]).startswith(RATIO))
        y = float(value) if fine else np.nan
        rows.append({**key, "statistic": "run", "seed": int(seed), "y": y, "runs": 1, "diverged": int(not fine)})
    return rows


def _median_row(values: np.ndarray, lost: int, key: Mapping[str, Any], *, exponentiate: bool = False) -> dict[str, Any]:
    low, middle, high = quartiles(values)
    if exponentiate:
        low, middle, high = np.exp((low, middle, high)).tolist()
    if math.isnan(middle):  # as many runs win by infinities as lose by them
        low = high = math.nan
    counts = {"runs": values.size, "diverged": lost}
    return {**key, "statistic": "median", "y": middle, "low": low, "high": high, **counts}


def _scale(part: pd.DataFrame, *, is_ratio: bool) -> strips.Scale:
    """One axis for the panels of a column, so that effects of factors can be compared."""
    lost = bool((part["diverged"].fillna(0) > 0).any())
    values = part[["y", "low", "high"]].to_numpy(float).ravel()
    return strips.scale_of(values, left=is_ratio and lost, right=lost, around=1.0 if is_ratio else None)


def _draw_panel(
    axes: Axes, here: pd.DataFrame, factor: Mapping[str, Any], scale: strips.Scale, *, is_ratio: bool
) -> None:
    names = [value["label"] for value in factor["values"]]
    strips.frame(axes, scale, names, names.index(factor["reference"]))
    if is_ratio:
        axes.axvline(1.0, color=style.GREY, linewidth=0.8, zorder=1.5)
    axes.set_title(_titles(factor)[is_ratio], loc="left", fontweight="normal" if is_ratio else "bold")
    for row, value in enumerate(factor["values"]):
        at = here[here["x"] == value["label"]]
        for floor in at.loc[at["statistic"] == "floor", "y"]:
            strips.level(axes, float(floor), (row - 0.5, row + 0.5))
        colour = style.model_colours([value["model"]])[value["model"]]
        strips.dots(axes, scale, row, at.loc[at["statistic"] == "run", "y"].to_numpy(float), colour)
        for _, one in at[at["statistic"] == "median"].iterrows():
            strips.quartile_bar(axes, scale, row, one["low"], one["y"], one["high"])
            if not is_ratio:
                strips.lost(axes, scale, row, int(one["diverged"]), int(one["runs"]))
        for _, one in at[at["statistic"] == "diverged"].iterrows():
            is_better = one["series"] == _sides(factor, value)[1]
            strips.lost(axes, scale, row, int(one["diverged"]), int(one["runs"]), left=is_better)


def _titles(factor: Mapping[str, Any]) -> tuple[str, str]:
    """What stands above the panel of a factor and above that of its ratios."""
    label = factor.get("label", factor["name"].replace("_", " "))
    return textwrap.fill(label, WIDEST), textwrap.fill(factor.get("finding", _comparison(factor)), WIDEST)


def _comparison(factor: Mapping[str, Any]) -> str:
    """What a factor's ratios are of, where the preset does not say it."""
    pairs = [_sides(factor, value) for value in factor["values"] if "contrast" in value]
    if not pairs:
        return ""
    sides = [dict.fromkeys(labels.label_of(str(name)) for name in side) for side in zip(*pairs, strict=True)]
    return " over ".join(next(iter(side)) if len(side) == 1 else "each value" for side in sides)


def _divergence_label(part: pd.DataFrame) -> str:
    embeddings = {str(name).removeprefix(f"{MEASURE} ") for name in part["y_name"]}
    return labels.divergence_label(embeddings.pop()) if len(embeddings) == 1 else r"$D_\mathrm{stsp}$"


def _ratio_label() -> str:
    return r"ratio of $D_\mathrm{stsp}$, worse over better  (the finding holds above 1)"


def _count_runs(axes: Axes, part: pd.DataFrame) -> None:
    """How many runs stand behind the medians: once if it is the same number, else the range."""
    runs = part.loc[part["statistic"] == "median", "runs"]
    few, many = int(runs.min()), int(runs.max())
    text = f"n = {few} each" if few == many else f"n = {few} to {many}"
    place = {"xycoords": "axes fraction", "xytext": (0, 2), "textcoords": "offset points", "annotation_clip": False}
    axes.annotate(text, (1, 1), ha="right", va="bottom", fontsize=style.TINY, color=style.GREY, **place)


def _handles(columns: Sequence[pd.DataFrame]) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        Line2D([], [], marker="o", color=style.BLUE, label="one run, or pair of runs", **strips.DOT),
        Line2D([], [], color=style.BLACK, linewidth=1.0, marker="|", markeredgewidth=1.8, label="median, quartiles"),
        Line2D([], [], color=style.GREY, linewidth=0.9, linestyle=(0, (4, 2)), label="floor (two true orbits)"),
        Patch(facecolor=style.PALE, label="value of the other figures"),
    ]
    if any((part["diverged"].fillna(0) > 0).any() for part in columns):
        cross = {"marker": "x", "linestyle": "none", "markersize": 3.2, "markeredgewidth": 1.0}
        handles.append(Line2D([], [], color=style.DIVERGED, label="diverged, of all", **cross))
    return handles
