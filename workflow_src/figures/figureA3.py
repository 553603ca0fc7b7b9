"""Short-term forecasts: n-step RMSE against training sequence length T.

For the forced Lorenz-96 system and the bursting neuron, in standard deviations of the data. Every run is a dot;
diamonds and bars are mean and standard error over the finite runs; dashed, persistence: the error of holding the last
observation. n is the number of all runs of a point; crosses in the top row, with their number, stand for those that
diverged.
"""

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from workflow_src.figures import marks, style
from workflow_src.figures.figure3 import SYSTEMS, draw_lengths
from workflow_src.figures.runs import floor_row, lengths_of, long_form, models_of, point_rows, runs_of


def numbers(lorenz96: xr.Dataset, bursting: xr.Dataset) -> pd.DataFrame:
    """RMSE of every run, their mean and median per T, and the error of persistence."""
    rows = []
    for system, dataset in (("lorenz96", lorenz96), ("bursting", bursting)):
        for model in models_of(dataset):
            for length in lengths_of(dataset):
                runs = runs_of(dataset, "forecast_rmse", model=model, sequence_length=length)
                key = {"panel": f"A3 {system}", "series": model, "y_name": "forecast_rmse"}
                rows += point_rows(runs, x_name="sequence_length", x=length, **key)
        held = float(dataset["forecast_rmse_floor"])
        rows.append(floor_row(held, panel=f"A3 {system}", series="persistence", y_name="forecast_rmse"))
    return long_form(rows)


def draw(lorenz96: xr.Dataset, bursting: xr.Dataset) -> Figure:
    """Draw the figure from the aggregated runs of the two experiments."""
    table = numbers(lorenz96, bursting)
    figure = style.figure(140, 64)
    panels = figure.subplots(1, 2)
    for axes, (system, dataset) in zip(panels, (("lorenz96", lorenz96), ("bursting", bursting)), strict=True):
        draw_lengths(axes, table[table["panel"] == f"A3 {system}"], dataset)
        axes.set_title(SYSTEMS[system], pad=11)
        axes.set_ylabel(f"{int(dataset.attrs['forecast_steps'])}-step RMSE")
    figure.legend(
        handles=marks.statistic_handles(median=False, floor="persistence (holding the last observation)"),
        loc="outside lower center",
        ncols=3,
    )
    return figure
