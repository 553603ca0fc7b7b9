"""Learning curves against wall time and against data seen, for training sequences of different length T.

Median over the runs of the training loss for the forced Lorenz-96 system and the bursting neuron, from dark
(short T) to light (long T): on the left against the time that the training of the whole pack of runs took, compilation
left out and attempts that were interrupted added up; on the right against the number of samples drawn so far, batch
size times T per update. The loss has an average over T in it: curves tell how fast each training settles, and not which
one ends with the better model. A run that diverged counts as the worst from then on, and a curve ends where half of
them or more did. The numbers of the figure hold the times of compilation.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_src.figures import scales, style
from workflow_src.figures.figure3 import SYSTEMS
from workflow_src.figures.runs import lengths_of, long_form, median_curve, models_of, trace_rows

AXES = {"elapsed_time": "training time (s)", "samples": "samples seen"}


def numbers(lorenz96: xr.Dataset, bursting: xr.Dataset) -> pd.DataFrame:
    """Median loss over both axes for each T, and the median time of compilation."""
    rows = []
    for system, dataset in (("lorenz96", lorenz96), ("bursting", bursting)):
        for length in lengths_of(dataset):
            rows += _curves(dataset, length, f"B4 {system}")
    return long_form(rows)


def draw(lorenz96: xr.Dataset, bursting: xr.Dataset) -> Figure:
    """Draw the figure from the aggregated runs of the two experiments."""
    table = numbers(lorenz96, bursting)
    figure = style.figure(150, 112)
    panels = figure.subplots(2, 2, sharey="row")
    for row, (system, dataset) in zip(panels, (("lorenz96", lorenz96), ("bursting", bursting)), strict=True):
        colours: dict[Any, Any] = dict(style.ordinal_colours(lengths_of(dataset)))
        part = table[(table["panel"] == f"B4 {system}") & (table["statistic"] == "trace")]
        for axes, (x_name, label) in zip(row, AXES.items(), strict=True):
            _draw_curves(axes, part[part["x_name"] == x_name], colours)
            axes.set_xlabel(label)
        row[0].set_ylabel(f"{SYSTEMS[system]}\nmedian loss")
        scales.log_ticks(row[0])
        handles = [Line2D([], [], color=colours[length], label=f"$T = {length}$") for length in lengths_of(dataset)]
        row[1].legend(handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1))
    return figure


def _curves(dataset: xr.Dataset, length: int, panel: str) -> Iterator[dict[str, Any]]:
    point = dataset.sel(model=models_of(dataset)[0], sequence_length=length)
    diverged = point["diverged_at"].to_numpy() >= 0
    loss, elapsed = (
        median_curve(point[name].transpose("seed", "update").to_numpy().astype(float), diverged)
        for name in ("loss", "elapsed_time")
    )
    x = {
        "elapsed_time": elapsed,
        # A bin stands at the mean of its updates, which are counted from 0.
        "samples": (point["update"].to_numpy() + 1) * float(point["batch_size"]) * length,
    }
    key = {"panel": panel, "series": f"T = {length}", "y_name": "loss"}
    for name, values in x.items():
        yield from trace_rows(values, loss, x_name=name, **key)
    seconds = float(np.nanmedian(point["compilation_time"].to_numpy().astype(float)))
    yield key | {"statistic": "compilation", "y_name": "compilation_time", "y": seconds}


def _draw_curves(axes: Axes, part: pd.DataFrame, colours: Mapping[style.Number, Any]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    for length, colour in colours.items():
        here = part[part["series"] == f"T = {length}"]
        axes.plot(here["x"].to_numpy(float), here["y"], color=colour, linewidth=0.9)
