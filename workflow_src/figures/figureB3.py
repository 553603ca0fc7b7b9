"""Forecast error against lead time.

Median over the runs of the error of a forecast k steps ahead, in standard deviations of the data: the root mean square
over components, averaged over windows of the test trajectory. A forecast that diverged counts as the worst, and a curve
ends where half of them or more did. For models trained on sequences of different
length T, from dark (short) to light (long), on the forced Lorenz-96 system and the bursting neuron; right, for models
trained on the forced Lorenz-96 system at the longest T. Dashed, persistence: the error of holding the last
observation. Where forecast and data have lost each other the error is that of two unrelated orbits, about 1.4. Errors
above 5 leave the frame. The legend counts runs that diverged, in training or within the longest lead.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_src.effort import shares_of
from workflow_src.figures import labels, scales, style
from workflow_src.figures.figure3 import SYSTEMS
from workflow_src.figures.runs import lengths_of, long_form, median_row, models_of, trace_rows

MEASURE = "forecast_rmse_by_lead"
# Orbits that run away must not flatten the others.
LARGEST = 5.0
HELD = {"color": style.GREY, "linewidth": 0.9, "linestyle": (0, (4, 2))}


def numbers(lorenz96: xr.Dataset, bursting: xr.Dataset, comparison: xr.Dataset) -> pd.DataFrame:
    """Median and quartiles of the error per lead, for each T (lorenz96, bursting) or model at the longest T."""
    rows = []
    for system, dataset in (("lorenz96", lorenz96), ("bursting", bursting)):
        for length in lengths_of(dataset):
            rows += _curve_rows(dataset, models_of(dataset)[0], length, f"B3 {system}", f"T = {length}")
        rows += _floor_rows(dataset, f"B3 {system}")
    for model in models_of(comparison):
        rows += _curve_rows(comparison, model, lengths_of(comparison)[-1], "B3 models", model)
    rows += _floor_rows(comparison, "B3 models")
    return long_form(rows)


def draw(lorenz96: xr.Dataset, bursting: xr.Dataset, comparison: xr.Dataset) -> Figure:
    """Draw the figure from the aggregated runs of the three experiments.

    Args:
        lorenz96: over sequence lengths.
        bursting: over sequence lengths.
        comparison: over models; those that are shown, in their order.
    """
    table = numbers(lorenz96, bursting, comparison)
    figure = style.figure(style.TWO_COLUMNS, 82)
    panels = figure.subplots(1, 3)
    for axes, (system, dataset) in zip(panels, (("lorenz96", lorenz96), ("bursting", bursting)), strict=False):
        colours = style.ordinal_colours(lengths_of(dataset))
        named = {f"T = {length}": colours[length] for length in lengths_of(dataset)}
        _draw_curves(axes, table[table["panel"] == f"B3 {system}"], named, {name: f"${name}$" for name in named})
        axes.set_title(SYSTEMS[system])
    models = models_of(comparison)
    named = dict(zip(models, style.colour_cycle(), strict=False))
    shares = shares_of(comparison)
    words = {model: ", ".join(filter(None, (labels.label_of(model), shares.get(model)))) for model in models}
    _draw_curves(panels[2], table[table["panel"] == "B3 models"], named, words)
    panels[2].set_title(f"forced Lorenz-96, $T = {lengths_of(comparison)[-1]}$")
    panels[0].set_ylabel("RMSE (standard deviations)")
    held = Line2D([], [], label="persistence (holding the last observation)", **HELD)
    figure.legend(handles=[held], loc="outside lower center")
    return figure


def _curve_rows(dataset: xr.Dataset, model: str, length: int, panel: str, series: str) -> Iterator[dict[str, Any]]:
    point = dataset.sel(model=model, sequence_length=length)
    status = point["status"].to_numpy().astype(float)
    errors = point[MEASURE].transpose("seed", "lead").to_numpy().astype(float)[np.isfinite(status)]
    key = {"panel": panel, "series": series, "x_name": "lead", "y_name": MEASURE}
    for lead, column in zip(point["lead"].to_numpy(), errors.T, strict=True):
        lost = ~np.isfinite(column)
        yield median_row(np.where(lost, np.inf, column), diverged=int(lost.sum()), x=int(lead), **key)


def _floor_rows(dataset: xr.Dataset, panel: str) -> list[dict[str, Any]]:
    held = dataset[f"{MEASURE}_floor"].to_numpy()
    key = {"panel": panel, "series": "persistence", "x_name": "lead", "y_name": MEASURE}
    return trace_rows(dataset["lead"].to_numpy(), held, **key)


def _draw_curves(axes: Axes, part: pd.DataFrame, colours: Mapping[str, Any], words: Mapping[str, str]) -> None:
    axes.set_yscale("log")
    handles = []
    for series, colour in colours.items():
        here = part[part["series"] == series]
        axes.plot(here["x"].to_numpy(float), here["y"], color=colour, linewidth=1.0)
        lost = int(here["diverged"].max())
        text = f"{words[series]}, {lost} diverged" if lost else words[series]
        handles.append(Line2D([], [], color=colour, label=text))
    held = part[part["statistic"] == "trace"]
    axes.plot(held["x"].to_numpy(float), held["y"], **HELD)
    axes.set_xlim(0, float(held["x"].max()))
    axes.set_ylim(top=min(axes.get_ylim()[1], LARGEST))
    scales.log_ticks(axes)
    axes.set_xlabel("lead (time steps)")
    axes.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, handlelength=1.2, columnspacing=1.0
    )
