"""Full against diagonal Jacobians (Lorenz-63, fully and partially observed).

(A) Training loss and (B) Newton iterations over parameter updates; thin lines are single runs, thick lines their median
at each update, which ends where half of the runs or more have diverged. A cross at the top edge marks the update at
which a run diverged in training; the legend counts runs and those. (C) State space divergence after training: every run
as a dot, mean and standard error of the finite runs (diamond, bar), median (short line), and the divergence between two
true orbits (dashed); n is the number of all runs. Crosses in the top row, with their number, stand for runs that
diverged in training or whose free-running orbit did. In medians they count as the worst; a median in the top row has
diverged.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_src.figures import labels, marks, scales, style
from workflow_src.figures.runs import (
    floor_row,
    lengths_of,
    long_form,
    median_curve,
    models_of,
    point_rows,
    runs_of,
    shown_embedding,
)

SETTINGS = {"FO": "fully observed", "PO": "partially observed"}
CURVES = {"A": ("loss", "loss"), "B": ("newton_iterations", "Newton iterations")}


def numbers(full: xr.Dataset, partial: xr.Dataset) -> pd.DataFrame:
    """Everything the figure shows: curves of every run and their median (A, B), divergences (C), at the longest T.

    In panels A and B a diverged run has a row "diverged" with the update at which it became non-finite.
    """
    rows = []
    for setting, dataset in (("FO", full), ("PO", partial)):
        length = lengths_of(dataset)[-1]
        embedding = shown_embedding(dataset)
        for model in models_of(dataset):
            for panel, (measure, _) in CURVES.items():
                key = {"panel": panel, "series": f"{setting} {model}", "x_name": "update", "y_name": measure}
                rows += _curve_rows(dataset, measure, model, length, key)
            rows += point_rows(
                runs_of(
                    dataset,
                    "state_space_divergence",
                    model=model,
                    sequence_length=length,
                    embedding=embedding,
                ),
                panel="C",
                series=setting,
                x_name="model",
                x=model,
                y_name=f"state_space_divergence {embedding}",
            )
        floor = float(dataset["state_space_divergence_floor"].sel(embedding=embedding))
        rows.append(floor_row(floor, panel="C", series=setting, y_name=f"state_space_divergence {embedding}"))
    return long_form(rows)


def draw(full: xr.Dataset, partial: xr.Dataset) -> Figure:
    """Draw the figure from the aggregated runs of the two experiments."""
    table = numbers(full, partial)
    colours = dict(zip(dict.fromkeys([*models_of(full), *models_of(partial)]), style.colour_cycle(), strict=False))
    figure = style.figure(style.TWO_COLUMNS, 96)
    left, right = style.parts(figure, widths=(2.6, 1))
    curves = left.subplots(2, 2, sharex="col", sharey="row")
    strips = right.subplots(2, 1)
    for column, (setting, dataset) in enumerate((("FO", full), ("PO", partial))):
        models = models_of(dataset)
        for row, (panel, (_, label)) in enumerate(CURVES.items()):
            axes = curves[row, column]
            axes.set_yscale("log")
            _draw_curves(axes, table, panel, setting, {model: colours[model] for model in models})
            axes.set_ylabel(label if column == 0 else "")
        curves[0, column].set_title(f"{setting}: {SETTINGS[setting]}, $N = {int(dataset.attrs['obs_dim'])}$")
        curves[1, column].set_xlabel("parameter update")
        last = float(dataset["update"].max())
        curves[1, column].set_xlim(-0.02 * last, 1.02 * last)
        _legend(curves[1, column], table, setting, {model: colours[model] for model in models})
        _draw_strip(strips[column], table, setting, {m: colours[m] for m in models}, shown_embedding(dataset))
    for row in range(2):
        _mark_diverged(curves[row], table, "AB"[row], colours)
        scales.log_ticks(curves[row, 0])
    style.letter(curves[0, 0], "A", left=34)
    style.letter(curves[1, 0], "B", left=34)
    style.letter(strips[0], "C", left=34, up=12)
    right.legend(handles=marks.statistic_handles(median=True, floor="floor"), loc="outside lower center", ncols=2)
    return figure


def _curve_rows(
    dataset: xr.Dataset, measure: str, model: str, length: int, key: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    point = dataset.sel(model=model, sequence_length=length)
    diverged_at = dict(
        zip(point["seed"].to_numpy().astype(int), point["diverged_at"].to_numpy().astype(float), strict=True)
    )
    diverged_at = {seed: update for seed, update in diverged_at.items() if np.isfinite(update)}
    updates = point["update"].to_numpy()
    curves = point[measure].transpose("seed", "update").sel(seed=list(diverged_at)).to_numpy().astype(float)
    curves[~np.isfinite(curves)] = np.nan
    for (seed, update), curve in zip(diverged_at.items(), curves, strict=True):
        for x, y in zip(updates, curve, strict=True):
            yield key | {"statistic": "run", "seed": seed, "x": float(x), "y": y}
        if update >= 0:
            yield key | {"statistic": "diverged", "seed": seed, "x": update}
    lost = sum(update >= 0 for update in diverged_at.values())
    medians = median_curve(curves, np.array(list(diverged_at.values())) >= 0)
    for x, median in zip(updates, medians, strict=True):
        yield key | {
            "statistic": "median",
            "x": float(x),
            "y": float(median),
            "runs": len(diverged_at),
            "diverged": lost,
        }


def _of(table: pd.DataFrame, panel: str, setting: str, model: str) -> pd.DataFrame:
    return table[(table["panel"] == panel) & (table["series"] == f"{setting} {model}")]


def _draw_curves(axes: Axes, table: pd.DataFrame, panel: str, setting: str, colours: dict[str, str]) -> None:
    for model, colour in colours.items():
        part = _of(table, panel, setting, model)
        for _, run in part[part["statistic"] == "run"].groupby("seed"):
            axes.plot(run["x"].to_numpy(float), run["y"], color=colour, linewidth=0.5, alpha=0.35, gid="runs")
        median = part[part["statistic"] == "median"]
        axes.plot(median["x"].to_numpy(float), median["y"], color=colour, linewidth=1.3, zorder=3)


def _mark_diverged(row: np.ndarray, table: pd.DataFrame, panel: str, colours: dict[str, str]) -> None:
    """Crosses at the top edge of a row of axes that share their y axis, at the update of each divergence."""
    crosses = table[(table["panel"] == panel) & (table["statistic"] == "diverged")]
    if crosses.empty:
        return
    scales.headroom(row[0])
    for axes, setting in zip(row, SETTINGS, strict=True):
        if axes is not row[0]:
            scales.shade_headroom(axes)
        for lift, (model, colour) in zip(np.linspace(0.02, -0.02, len(colours)), colours.items(), strict=True):
            here = crosses.loc[crosses["series"] == f"{setting} {model}", "x"]
            marks.diverged_crosses(axes, list(here.to_numpy(float)), colour, lift=float(lift))
    marks.diverged_label(row[0])


def _legend(axes: Axes, table: pd.DataFrame, setting: str, colours: dict[str, str]) -> None:
    handles = []
    for model, colour in colours.items():
        first = _of(table, "A", setting, model).query("statistic == 'median'").iloc[0]
        text = f"{labels.label_of(model)}: {labels.counted(int(first['runs']), int(first['diverged']))}"
        handles.append(Line2D([], [], color=colour, linewidth=1.3, label=text))
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.32))


def _draw_strip(axes: Axes, table: pd.DataFrame, setting: str, colours: dict[str, str], embedding: str) -> None:
    part = table[(table["panel"] == "C") & (table["series"] == setting)]
    models = list(colours)
    axes.set_yscale("log")
    marks.runs_panel(axes, part, {model: k for k, model in enumerate(models)}, colours, median=True)
    scales.category_axis(axes, models)
    axes.set_ylabel(labels.divergence_label(embedding))
    axes.set_title(setting, pad=11)
