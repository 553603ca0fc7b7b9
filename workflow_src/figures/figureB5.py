"""Controls for the effect of the training sequence length T.

State space divergence against T on the forced Lorenz-96 system, the runs of Figure 3A (blue) beside two controls. (A)
The same warm-up at all T instead of a share of T: longer sequences then differ in nothing but what they show to the
loss. (B) A forcing strength that follows the Jacobians during training (Prop. 1) instead of a constant one. Every run
is a dot; diamonds and bars are mean and standard error over the finite runs; dashed, the divergence between two true
orbits (floor). n is the number of all runs of a point; crosses in the top row, with their number, stand for those that
diverged.
"""

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
    models_of,
    point_rows,
    runs_of,
    shown_embedding,
)


def numbers(reference: xr.Dataset, fixed_warmup: xr.Dataset, adaptive: xr.Dataset) -> pd.DataFrame:
    """Divergences over T: of the reference and of the control of each panel."""
    rows = []
    for panel, control in (("A", fixed_warmup), ("B", adaptive)):
        for dataset, series in zip((reference, control), _series(panel, reference, control), strict=True):
            rows += _point_rows(dataset, panel, series)
        embedding = shown_embedding(reference)
        floor = float(reference["state_space_divergence_floor"].sel(embedding=embedding))
        rows.append(floor_row(floor, panel=panel, series="floor", y_name=f"state_space_divergence {embedding}"))
    return long_form(rows)


def draw(reference: xr.Dataset, fixed_warmup: xr.Dataset, adaptive: xr.Dataset) -> Figure:
    """Draw the figure from the aggregated runs of the three experiments.

    Args:
        reference: those of Figure 3A.
        fixed_warmup: the same warm-up at every T.
        adaptive: forcing strength that follows the Jacobians.
    """
    table = numbers(reference, fixed_warmup, adaptive)
    figure = style.figure(150, 72)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, panel, control in zip(panels, "AB", (fixed_warmup, adaptive), strict=True):
        names = _series(panel, reference, control)
        _draw_panel(axes, table[table["panel"] == panel], dict(zip(names, style.colour_cycle(), strict=False)))
        axes.set_title("warm-up" if panel == "A" else "forcing strength", pad=11)
        style.letter(axes, panel, left=34 if panel == "A" else 14, up=12)
    panels[0].set_ylabel(labels.divergence_label(shown_embedding(reference)))
    figure.legend(
        handles=marks.statistic_handles(median=False, floor="floor (two true orbits)"),
        loc="outside lower center",
        ncols=3,
    )
    return figure


def _series(panel: str, reference: xr.Dataset, control: xr.Dataset) -> tuple[str, str]:
    """Words for the reference and the control."""
    if panel == "A":
        return _warmup_words(reference), _warmup_words(control)
    return "constant α", "adaptive α"


def _warmup_words(dataset: xr.Dataset) -> str:
    """The warm-up T_w as a number, where all T have the same, or as a share of the longest T."""
    warmup = dataset["warmup"].to_numpy().astype(int)
    if len(set(warmup.tolist())) == 1 and warmup.size > 1:
        return f"$T_w = {warmup[0]}$"
    length = lengths_of(dataset)[-1]
    return f"$T_w = {float(dataset['warmup'].sel(sequence_length=length)) / length:.3g}\\,T$"


def _point_rows(dataset: xr.Dataset, panel: str, series: str) -> list[dict[str, object]]:
    embedding = shown_embedding(dataset)
    rows = []
    for length in lengths_of(dataset):
        runs = runs_of(
            dataset,
            "state_space_divergence",
            model=models_of(dataset)[0],
            sequence_length=length,
            embedding=embedding,
        )
        key = {"panel": panel, "series": series, "y_name": f"state_space_divergence {embedding}"}
        rows += point_rows(runs, x_name="sequence_length", x=length, **key)
    return rows


def _draw_panel(axes: Axes, part: pd.DataFrame, colours: dict[str, str]) -> None:
    axes.set_yscale("log")
    lengths = sorted({float(x) for x in part["x"].dropna()})
    positions = {length: length for length in lengths}
    marks.runs_panel(axes, part, positions, colours, line=True, log_x=True)
    scales.length_axis(axes, lengths)
    handles = [Line2D([], [], color=colour, label=name) for name, colour in colours.items()]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
