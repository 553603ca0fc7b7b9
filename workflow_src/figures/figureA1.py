"""The forced Lorenz-96 system (test trajectory, standardised; no statistics, one orbit).

(A) External force F(t) over a few forcing periods. (B) Largest local Lyapunov exponent in each eighth of the forcing
period, an average over many periods; shaded in every panel where it is positive. (C) First component. (D) All
components as colours, one row each.

A positive exponent in the last octants, behind the weakest force, is transient growth: the waves that the weak force
let decay grow again as it rises. The chaos of the attractor is that of the octants around and after the force's peak.
"""

import json

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_src.errors import UserError
from workflow_src.figures import labels, style
from workflow_src.figures.runs import long_form, trace_rows

PERIODS = 3


def numbers(dataset: xr.Dataset) -> pd.DataFrame:
    """Force (panel A), local exponent (B) and components (C and D) over the first periods of the test trajectory."""
    excerpt = _excerpt(dataset)
    steps = excerpt["test_step"].to_numpy()
    force, exponents = excerpt["test_forcing"].to_numpy(), _exponents(excerpt)
    rows = trace_rows(steps, force, panel="A", series="F", x_name="time_step", y_name="force")
    rows += trace_rows(steps, exponents, panel="B", series="exponent", x_name="time_step", y_name="local_exponent")
    for index, component in enumerate(map(str, excerpt["component"].values)):
        key = {"panel": "C, D" if index == 0 else "D", "series": component, "x_name": "time_step"}
        rows += trace_rows(steps, excerpt["test"].sel(component=component).to_numpy(), y_name="observation", **key)
    return long_form(rows)


def draw(dataset: xr.Dataset) -> Figure:
    """Draw the figure from the simulated dataset."""
    table = numbers(dataset)
    figure = style.figure(style.TWO_COLUMNS, 100)
    force, exponent, trace, field = figure.subplots(4, 1, sharex=True, height_ratios=(0.7, 0.7, 1, 1))
    components = [str(component) for component in dataset["component"].values]

    part = table[table["panel"] == "A"]
    steps = part["x"].to_numpy(float)
    force.plot(steps, part["y"], color=style.PURPLE)
    force.set_ylabel("force $F(t)$")
    exponents = table.loc[table["panel"] == "B", "y"].to_numpy()
    exponent.axhline(0, color=style.GREY, linewidth=0.8, linestyle=(0, (4, 2)))
    exponent.plot(steps, exponents, color=style.ORANGE)
    exponent.set_ylabel("local\nexponent")
    force.set_title(
        "shaded: positive local Lyapunov exponent (per time unit, by eighths of the period)",
        loc="right",
        color=style.GREY,
        fontsize=style.SMALL,
    )
    part = table[table["series"] == components[0]]
    trace.plot(part["x"].to_numpy(float), part["y"], color=style.BLUE, linewidth=0.6)
    trace.set_ylabel(labels.component_label(components[0]))
    for axes in (force, exponent, trace):
        _shade(axes, steps, exponents > 0)

    table = table[table["y_name"] == "observation"]
    rows = [table.loc[table["series"] == component, "y"].to_numpy() for component in components]
    edges = np.append(steps, steps[-1] + 1) - 0.5
    mesh = field.pcolormesh(
        edges, np.arange(len(components) + 1) + 0.5, np.stack(rows), cmap="RdBu_r", vmin=-3, vmax=3, rasterized=True
    )
    field.set_yticks(range(1, len(components) + 1), [labels.component_label(c) for c in components])
    field.invert_yaxis()
    field.set_xlabel("time step")
    field.set_xlim(steps[0], steps[-1])
    bar = figure.colorbar(mesh, ax=field, aspect=8, pad=0.01, extend="both")
    bar.set_label("standardised")
    bar.outline.set_visible(False)
    for axes, text in zip((force, exponent, trace, field), "ABCD", strict=True):
        style.letter(axes, text, left=28, up=2)
    return figure


def _excerpt(dataset: xr.Dataset) -> xr.Dataset:
    if "test_octant_exponent" not in dataset:
        raise UserError("figureA1.dataset: has no periodic force; name a dataset of the forced lorenz96 system")
    steps = round(PERIODS * _period(dataset) / float(dataset.attrs["time_step"]))
    return dataset.isel(test_step=slice(0, max(steps, 2)))


def _period(dataset: xr.Dataset) -> float:
    return float(json.loads(dataset.attrs["parameters"])["forcing_period"])


def _exponents(dataset: xr.Dataset) -> np.ndarray:
    """The exponent of each step's octant, per time unit."""
    phase = dataset["test_time"].to_numpy() / _period(dataset) % 1
    return dataset["test_octant_exponent"].to_numpy()[(8 * phase).astype(int)]


def _shade(axes: Axes, steps: np.ndarray, above: np.ndarray) -> None:
    axes.fill_between(
        steps, 0, 1, where=above, transform=axes.get_xaxis_transform(), color=style.PALE, linewidth=0, zorder=0.5
    )
