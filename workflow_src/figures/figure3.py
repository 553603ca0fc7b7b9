"""Long sequences and model classes on systems with slow time scales.

(A) State space divergence of delay-embedded orbits against training sequence length T, at a fixed number of samples
per update, for the forced Lorenz-96 system and the bursting neuron. Every run is a dot; diamonds and bars are mean and
standard error over the finite runs; dashed, the divergence between two true orbits (floor). Right: a stretch of the
bursting neuron's membrane potential and the free-running orbit of the run with the median divergence at the longest T
(of an even number, the better one of the two in the middle). (B) The same measure for models trained on the forced
Lorenz-96 system; short lines are medians. n is the number of all runs of a point; crosses in the top row, with their
number, stand for those that diverged, which count as the worst in medians: a median in that row has diverged. Models
that were trained with fewer updates than the others say so below their names.
"""

import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_src.effort import shares_of
from workflow_src.figures import labels, marks, scales, style
from workflow_src.figures.runs import (
    floor_row,
    lengths_of,
    long_form,
    models_of,
    point_rows,
    runs_of,
    shown_embedding,
    trace_rows,
)

SYSTEMS = {"lorenz96": "forced Lorenz-96", "bursting": "bursting neuron"}


def numbers(lorenz96: xr.Dataset, bursting: xr.Dataset, comparison: xr.Dataset) -> pd.DataFrame:
    """Everything the figure shows: divergences over T and the example (A), divergences per model (B)."""
    rows = []
    for system, dataset in (("lorenz96", lorenz96), ("bursting", bursting)):
        embedding = shown_embedding(dataset)
        y_name = f"state_space_divergence {embedding}"
        for model in models_of(dataset):
            for length in lengths_of(dataset):
                runs = runs_of(
                    dataset, "state_space_divergence", model=model, sequence_length=length, embedding=embedding
                )
                key = {"panel": f"A {system}", "series": model, "y_name": y_name}
                rows += point_rows(runs, x_name="sequence_length", x=length, **key)
        floor = float(dataset["state_space_divergence_floor"].sel(embedding=embedding))
        rows.append(floor_row(floor, panel=f"A {system}", series="floor", y_name=y_name))
    rows += _example_rows(bursting)
    embedding = shown_embedding(comparison)
    y_name = f"state_space_divergence {embedding}"
    length = lengths_of(comparison)[-1]
    for model in models_of(comparison):
        runs = runs_of(comparison, "state_space_divergence", model=model, sequence_length=length, embedding=embedding)
        rows += point_rows(runs, panel="B", series=f"T = {length}", x_name="model", x=model, y_name=y_name)
    floor = float(comparison["state_space_divergence_floor"].sel(embedding=embedding))
    rows.append(floor_row(floor, panel="B", series="floor", y_name=y_name))
    return long_form(rows)


def draw(lorenz96: xr.Dataset, bursting: xr.Dataset, comparison: xr.Dataset) -> Figure:
    """Draw the figure from the aggregated runs of the three experiments.

    Args:
        lorenz96: over sequence lengths.
        bursting: over sequence lengths.
        comparison: over models; those that are shown, in their order.
    """
    table = numbers(lorenz96, bursting, comparison)
    figure = style.figure(style.TWO_COLUMNS, 128)
    upper, lower = style.parts(figure, heights=(1, 1.1))
    panels = upper.subplot_mosaic(
        [["lorenz96", "bursting", "truth"], ["lorenz96", "bursting", "generated"]], width_ratios=(1, 1, 1.25)
    )
    for system, dataset in (("lorenz96", lorenz96), ("bursting", bursting)):
        draw_lengths(panels[system], table[table["panel"] == f"A {system}"], dataset)
        panels[system].set_title(SYSTEMS[system], pad=11)
    panels["lorenz96"].set_ylabel(labels.divergence_label(shown_embedding(lorenz96)))
    panels["bursting"].set_ylabel(labels.divergence_label(shown_embedding(bursting)))
    _draw_example(panels["truth"], panels["generated"], table, bursting)
    strip = lower.subplots()
    draw_models(strip, table[table["panel"] == "B"], comparison)
    strip.set_ylabel(labels.divergence_label(shown_embedding(comparison)))
    style.letter(panels["lorenz96"], "A", left=34, up=12)
    style.letter(strip, "B", left=34, up=12)
    lower.legend(
        handles=marks.statistic_handles(median=True, floor="floor (two true orbits)"),
        loc="outside lower center",
        ncols=4,
    )
    return figure


def draw_lengths(axes: Axes, part: pd.DataFrame, dataset: xr.Dataset) -> None:
    """One measure against T, one colour per model of the experiment."""
    axes.set_yscale("log")
    models = models_of(dataset)
    colours = dict(zip(models, style.colour_cycle(), strict=False))
    positions = {float(length): float(length) for length in lengths_of(dataset)}
    marks.runs_panel(axes, part, positions, colours, line=True, log_x=True)
    scales.length_axis(axes, list(positions))
    if len(models) > 1:
        handles = [Line2D([], [], color=colours[model], label=labels.label_of(model)) for model in models]
        axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.25), ncols=2)


def draw_models(axes: Axes, part: pd.DataFrame, dataset: xr.Dataset) -> None:
    """One measure per model of the experiment, at its longest T."""
    models = models_of(dataset)
    axes.set_yscale("log")
    positions = {model: k for k, model in enumerate(models)}
    marks.runs_panel(axes, part, positions, style.model_colours(models), median=True)
    scales.category_axis(axes, models, fewest=6, notes=shares_of(dataset))
    axes.set_title(f"forced Lorenz-96, $T = {lengths_of(dataset)[-1]}$", pad=11)


def generated_label(here: pd.DataFrame, length: int) -> str:
    """Which run a generated orbit is of.

    Args:
        here: rows of the orbit; empty if no run stayed finite.
        length: T of the runs.
    """
    if here.empty:
        return f"no finite run at T = {length}"
    return f"generated (T = {length}, median run: seed {int(here['seed'].iloc[0])})"


def _example_rows(dataset: xr.Dataset) -> list[dict[str, object]]:
    length, model = lengths_of(dataset)[-1], models_of(dataset)[0]
    component = str(dataset["component"].values[0])
    runs = runs_of(
        dataset, "state_space_divergence", model=model, sequence_length=length, embedding=shown_embedding(dataset)
    )
    steps = dataset["example_step"].to_numpy()
    key = {"panel": "A example", "x_name": "time_step", "y_name": component}
    rows = trace_rows(steps, dataset["truth_example"].sel(component=component).to_numpy(), series="truth", **key)
    if (seed := runs.median_seed) is not None:
        orbit = dataset["generated_example"].sel(model=model, sequence_length=length, seed=seed, component=component)
        rows += trace_rows(steps, orbit.to_numpy(), series="generated", seed=seed, **key)
    return rows


def _draw_example(truth: Axes, generated: Axes, table: pd.DataFrame, dataset: xr.Dataset) -> None:
    part = table[table["panel"] == "A example"]
    symbol = labels.component_label(str(dataset["component"].values[0]))
    for axes, series, colour in ((truth, "truth", style.BLACK), (generated, "generated", style.BLUE)):
        here = part[part["series"] == series]
        axes.plot(here["x"].to_numpy(float), here["y"], color=colour, linewidth=0.6)
        axes.set_ylabel(symbol)
        title = "bursting neuron: data" if series == "truth" else generated_label(here, lengths_of(dataset)[-1])
        axes.set_title(title, loc="left")
    generated.sharex(truth)
    generated.sharey(truth)
    scales.limits_of(truth, part.loc[part["series"] == "truth", "y"])
    truth.tick_params(labelbottom=False)
    generated.set_xlabel("time step")
