"""Lyapunov exponents of trained models beside those of the true systems.

Largest exponent of the free-running map per model time unit: of models trained on Lorenz-63 (left), and against
training sequence length T for the forced Lorenz-96 system and the bursting neuron. Every run is a dot; diamonds and
bars are mean and standard error over the finite runs, short lines their medians: an exponent has no bad end that a
diverged run could stand for. Dashed, the exponent of the true system by its own tangent map, over whole periods of the
force where there is one. Positive exponents mean chaos, a periodic orbit has 0. n is the number of all runs of a point;
crosses in the top row, with their number, stand for those that diverged or whose orbit escapes.
"""

from dataclasses import replace

import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_src import store
from workflow_src.figures import marks, scales, style
from workflow_src.figures.figure3 import SYSTEMS
from workflow_src.figures.runs import Runs, floor_row, lengths_of, long_form, models_of, point_rows, runs_of

MEASURE = "lyapunov_exponent"
Y_NAME = "lyapunov_exponent per time unit"


def numbers(full: xr.Dataset, lorenz96: xr.Dataset, bursting: xr.Dataset) -> pd.DataFrame:
    """Exponents per time unit: per model at the longest T (full), and over T."""
    rows = []
    for panel, dataset in (("full", full), ("lorenz96", lorenz96), ("bursting", bursting)):
        for model in models_of(dataset):
            for length in lengths_of(dataset) if panel != "full" else lengths_of(dataset)[-1:]:
                runs = _exponents(dataset, model, length)
                place = {"x_name": "model", "x": model, "series": f"T = {length}"}
                if panel != "full":
                    place = {"x_name": "sequence_length", "x": length, "series": model}
                rows += point_rows(runs, panel=f"B2 {panel}", y_name=Y_NAME, **place)
        truth = float(dataset["lyapunov_exponent_truth"]) / float(dataset.attrs["time_step"])
        rows.append(floor_row(truth, panel=f"B2 {panel}", series="true system", y_name=Y_NAME))
    return long_form(rows)


def draw(full: xr.Dataset, lorenz96: xr.Dataset, bursting: xr.Dataset) -> Figure:
    """Draw the figure from the aggregated runs of the three experiments.

    Args:
        full: models of Lorenz-63.
        lorenz96: over sequence lengths.
        bursting: over sequence lengths.
    """
    table = numbers(full, lorenz96, bursting)
    figure = style.figure(style.TWO_COLUMNS, 66)
    panels = figure.subplots(1, 3, width_ratios=(1, 1.4, 1.4))
    _draw_models(panels[0], table[table["panel"] == "B2 full"], full)
    for axes, (system, dataset) in zip(panels[1:], (("lorenz96", lorenz96), ("bursting", bursting)), strict=True):
        _draw_lengths(axes, table[table["panel"] == f"B2 {system}"], dataset)
        axes.set_title(SYSTEMS[system], pad=11)
    panels[0].set_ylabel(r"$\lambda_\mathrm{max}$ per time unit")
    figure.legend(
        handles=marks.statistic_handles(median=True, floor="true system"), loc="outside lower center", ncols=4
    )
    return figure


def _exponents(dataset: xr.Dataset, model: str, length: int) -> Runs:
    """Per time unit. An orbit that escapes grows at some rate, which is the exponent of no attractor: it diverged."""
    runs = runs_of(dataset, MEASURE, model=model, sequence_length=length)
    status = dataset["status"].sel(model=model, sequence_length=length, seed=runs.seeds).to_numpy()
    escaped = status == store.STATUS["diverged_in_generation"]
    return replace(runs, values=runs.values / float(dataset.attrs["time_step"]), diverged=runs.diverged | escaped)


def _draw_models(axes: Axes, part: pd.DataFrame, dataset: xr.Dataset) -> None:
    models = models_of(dataset)
    colours = dict(zip(models, style.colour_cycle(), strict=False))
    marks.runs_panel(axes, part, {model: k for k, model in enumerate(models)}, colours, median=True)
    scales.category_axis(axes, models)
    axes.set_title(f"Lorenz-63, $T = {lengths_of(dataset)[-1]}$", pad=11)


def _draw_lengths(axes: Axes, part: pd.DataFrame, dataset: xr.Dataset) -> None:
    colours = dict(zip(models_of(dataset), style.colour_cycle(), strict=False))
    positions = {float(length): float(length) for length in lengths_of(dataset)}
    marks.runs_panel(axes, part, positions, colours, line=True, median=True, log_x=True)
    scales.length_axis(axes, list(positions))
