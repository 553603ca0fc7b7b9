"""The forced Lorenz-96 system (test trajectory, standardised; no statistics, one orbit).

(A) External force F(t) over a few forcing periods. Shaded: F above the onset of chaos of the autonomous system, where
the file states it, else above its mean. (B) First component. (C) All components as colours, one row each.
"""

import json

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_src.errors import UserError
from workflow_src.figures import style
from workflow_src.figures.runs import long_form, trace_rows

PERIODS = 3


def numbers(dataset: xr.Dataset) -> pd.DataFrame:
    """The force (panel A) and all components (panels B and C) over the first forcing periods of the test trajectory."""
    excerpt = _excerpt(dataset)
    steps = excerpt["test_step"].to_numpy()
    rows = trace_rows(
        steps, excerpt["test_forcing"].to_numpy(), panel="A", series="F", x_name="time_step", y_name="force"
    )
    for index, component in enumerate(map(str, excerpt["component"].values)):
        key = {"panel": "B, C" if index == 0 else "C", "series": component, "x_name": "time_step"}
        rows += trace_rows(steps, excerpt["test"].sel(component=component).to_numpy(), y_name="observation", **key)
    return long_form(rows)


def draw(dataset: xr.Dataset) -> Figure:
    """Draw the figure from the simulated dataset."""
    table = numbers(dataset)
    figure = style.figure(style.TWO_COLUMNS, 84)
    force, trace, field = figure.subplots(3, 1, sharex=True, height_ratios=(0.7, 1, 1))
    components = [str(component) for component in dataset["component"].values]
    level, words = _level(dataset)

    part = table[table["panel"] == "A"]
    steps, values = part["x"].to_numpy(float), part["y"].to_numpy()
    force.plot(steps, values, color=style.PURPLE)
    force.axhline(level, color=style.GREY, linewidth=0.8, linestyle=(0, (4, 2)))
    force.set_ylabel("force $F(t)$")
    force.set_title(words, loc="right", color=style.GREY, fontsize=style.SMALL)
    part = table[table["series"] == components[0]]
    trace.plot(part["x"].to_numpy(float), part["y"], color=style.BLUE, linewidth=0.6)
    trace.set_ylabel(style.component_label(components[0]))
    for axes in (force, trace):
        _shade(axes, steps, values > level)

    table = table[table["panel"] != "A"]
    rows = [table.loc[table["series"] == component, "y"].to_numpy() for component in components]
    edges = np.append(steps, steps[-1] + 1) - 0.5
    mesh = field.pcolormesh(
        edges, np.arange(len(components) + 1) + 0.5, np.stack(rows), cmap="RdBu_r", vmin=-3, vmax=3, rasterized=True
    )
    field.set_yticks(range(1, len(components) + 1), [style.component_label(c) for c in components])
    field.invert_yaxis()
    field.set_xlabel("time step")
    field.set_xlim(steps[0], steps[-1])
    bar = figure.colorbar(mesh, ax=field, aspect=8, pad=0.01, extend="both")
    bar.set_label("standardised")
    bar.outline.set_visible(False)
    for axes, text in zip((force, trace, field), "ABC", strict=True):
        style.letter(axes, text, left=28, up=2)
    return figure


def _excerpt(dataset: xr.Dataset) -> xr.Dataset:
    if "test_forcing" not in dataset:
        raise UserError("figureA1: its dataset has no external force; name a dataset of the forced lorenz96 system")
    parameters = json.loads(dataset.attrs["parameters"])
    steps = round(PERIODS * parameters["forcing_period"] / float(dataset.attrs["time_step"]))
    return dataset.isel(test_step=slice(0, max(steps, 2)))


def _level(dataset: xr.Dataset) -> tuple[float, str]:
    """The force above which time is shaded, and what it means."""
    if "chaos_onset" in dataset.attrs:
        level = float(dataset.attrs["chaos_onset"])
        return level, f"shaded: F > {level:g}, where the autonomous system is chaotic"
    level = float(json.loads(dataset.attrs["parameters"])["forcing_offset"])
    return level, f"shaded: F above its mean {level:g}"


def _shade(axes: Axes, steps: np.ndarray, above: np.ndarray) -> None:
    axes.fill_between(
        steps, 0, 1, where=above, transform=axes.get_xaxis_transform(), color=style.PALE, linewidth=0, zorder=0.5
    )
