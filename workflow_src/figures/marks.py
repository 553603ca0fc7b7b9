"""The marks of runs in a panel: a dot for each, their mean and median, the floor, and those that diverged."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from workflow_src.figures.scales import BAND, headroom, linear_ticks, log_ticks
from workflow_src.figures.style import BLACK, DIVERGED, GREY, TINY, Number

DOT = {"linestyle": "none", "markersize": 2.6, "markeredgewidth": 0.7}


def runs_panel(
    axes: Axes,
    part: pd.DataFrame,
    positions: Mapping[Any, Number],
    colours: Mapping[str, str],
    *,
    line: bool = False,
    median: bool = False,
    log_x: bool = False,
) -> None:
    """All runs of one panel: dots, means and medians, the floor, the row of diverged runs, and how many there are.

    Args:
        axes: where; its y scale must be set.
        part: long-form rows with statistic "run", "mean", "median" and "floor".
        positions: where each value of the column `x` stands on the axis.
        colours: of the series, or of the values of `x`.
        line: connect the means.
        median: add a short line at the median, in the row of diverged runs where it is infinite.
        log_x: the axis is logarithmic to base 2.
    """
    for value in part.loc[part["statistic"] == "floor", "y"].unique():
        floor_line(axes, float(value))
    points = part[part["statistic"] != "floor"]
    series = list(dict.fromkeys(points["series"]))
    places = sorted(positions.values())
    gap = float(np.diff(np.log2(places)).min()) if log_x and len(places) > 1 else 1.0
    spread = 0.16 * gap / max(len(series), 1)
    crosses: list[tuple[float, int]] = []
    for index, name in enumerate(series):
        dodge = 2.4 * spread * (index - (len(series) - 1) / 2)
        means: list[tuple[float, float]] = []
        for x, place in positions.items():
            here = points[(points["series"] == name) & (points["x"] == x)]
            colour = colours.get(name) or colours[str(x)]
            seed_points(axes, here, place, dodge, spread, colour, median=median, log_x=log_x)
            for _, row in here[here["statistic"] == "mean"].iterrows():
                means.append((_beside(place, dodge, log_x), row["y"]))
                crosses.append((_beside(place, dodge, log_x), int(row["diverged"])))
        if line:
            colour = BLACK if len(series) == 1 else colours[name]
            finite = [pair for pair in means if math.isfinite(pair[1])]
            axes.plot(*zip(*finite, strict=True), color=colour, linewidth=0.9, zorder=3) if finite else None
    diverged_row(axes, *zip(*crosses, strict=True)) if crosses else None
    counts = points[points["statistic"] == "mean"].groupby("x")["runs"].apply(list)
    run_counts(axes, list(positions.values()), [list(map(int, counts.get(x, []))) for x in positions])
    if axes.get_yscale() == "log":
        log_ticks(axes)
    else:
        linear_ticks(axes)


def seed_points(
    axes: Axes,
    here: pd.DataFrame,
    place: Number,
    dodge: float,
    spread: float,
    colour: str,
    *,
    median: bool,
    log_x: bool,
) -> None:
    """Every finite run of one point as an open dot, side by side, with their mean and its standard error.

    The dots lie on top of the median's line, so that none of a few runs is hidden by it.

    Args:
        axes: where.
        here: long-form rows of the point.
        place: of the point on the x axis; `dodge` moves it and the dots lie within `spread` (octaves if log_x).
        colour: of the dots.
        median: add a short line at the median.
        log_x: the axis is logarithmic to base 2.
    """
    heights = here.loc[(here["statistic"] == "run") & np.isfinite(here["y"]), "y"].to_numpy(float)
    # An even number of places leaves the middle free, where the mean stands.
    places = np.linspace(-spread, spread, 2 * math.ceil(heights.size / 2))[: heights.size]
    offsets = places if heights.size > 1 else np.zeros(heights.size)
    across = np.array([_beside(place, dodge + offset, log_x) for offset in offsets])
    low = (heights <= 0) & (axes.get_yscale() == "log")
    dots = DOT | {"color": colour, "markerfacecolor": "white", "zorder": 3.5, "gid": "runs"}
    axes.plot(across[~low], heights[~low], marker="o", **dots)
    if low.any():
        # A logarithmic axis cannot hold them: triangles at its lower edge.
        edge = {"transform": axes.get_xaxis_transform(), "clip_on": False}
        axes.plot(across[low], np.full(low.sum(), 0.015), marker="v", **dots, **edge)
    for height in here.loc[(here["statistic"] == "median") & here["y"].notna(), "y"] if median else ():
        ends = [_beside(place, dodge + side * 1.5 * spread, log_x) for side in (-1, 1)]
        bar = {"color": colour, "linewidth": 1.6, "zorder": 3, "gid": "median", "solid_capstyle": "butt"}
        if math.isfinite(height):
            axes.plot(ends, [height] * 2, **bar)
        else:
            # Below the cross and its number.
            axes.plot(ends, [1 - 0.9 * BAND] * 2, transform=axes.get_xaxis_transform(), **bar)
    mean = here[(here["statistic"] == "mean") & np.isfinite(here["y"])]
    for _, row in mean.iterrows():
        centre = _beside(place, dodge, log_x)
        if math.isfinite(row["low"]):  # at least two runs
            axes.plot([centre], [row["y"]], marker="D", markersize=2.4, color=BLACK, zorder=4.2, linestyle="none")
            error = [[row["y"] - row["low"]], [row["high"] - row["y"]]]
            axes.errorbar([centre], [row["y"]], error, fmt="none", ecolor=BLACK, elinewidth=0.9, capsize=1.8, zorder=4)


def statistic_handles(*, median: bool, floor: str | None = None, colour: str = GREY) -> list[Line2D]:
    """Legend entries for what `runs_panel` draws."""
    handles = [
        Line2D([], [], marker="o", color=colour, markerfacecolor="white", label="one run", **DOT),
        Line2D([], [], marker="D", color=BLACK, markersize=2.4, linewidth=0.9, label="mean ± SEM"),
    ]
    if median:
        handles.append(Line2D([], [], color=colour, linewidth=1.6, label="median"))
    if floor:
        handles.append(Line2D([], [], color=GREY, linewidth=0.9, linestyle=(0, (4, 2)), label=floor))
    return handles


def floor_line(axes: Axes, value: float) -> None:
    """A dashed line at the level that a perfect or a trivial model reaches; with its number."""
    shown = math.isfinite(value) and not (axes.get_yscale() == "log" and value <= 0)
    if shown:
        axes.axhline(value, color=GREY, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1.5)
    elif math.isfinite(value):
        axes.annotate(
            f"floor {value:.2g}",
            # Where runs on short sequences stand, which come nowhere near it.
            (0, 0),
            xycoords="axes fraction",
            xytext=(2, 2),
            textcoords="offset points",
            ha="left",
            va="bottom",
            fontsize=TINY,
            color=GREY,
        )


def diverged_row(axes: Axes, places: Sequence[Number], counts: Sequence[int]) -> None:
    """A row along the top edge: a cross wherever runs diverged, and how many of them."""
    lost = [(place, count) for place, count in zip(places, counts, strict=True) if count]
    if not lost:
        return
    headroom(axes)
    diverged_crosses(axes, [place for place, _ in lost], DIVERGED)
    diverged_label(axes)
    for place, count in lost:
        axes.annotate(
            str(count),
            (place, 1 - BAND / 2),
            xycoords=axes.get_xaxis_transform(),
            xytext=(3, -0.3),
            textcoords="offset points",
            ha="left",
            va="center",
            fontsize=TINY,
            color=DIVERGED,
            gid="diverged count",
        )


def diverged_crosses(axes: Axes, places: Sequence[Number], colour: str, lift: float = 0.0) -> None:
    """Crosses in the band that `headroom` has freed, `lift` above its middle in fractions of the axis."""
    axes.plot(
        places,
        [1 - BAND / 2 + lift] * len(places),
        transform=axes.get_xaxis_transform(),
        linestyle="none",
        marker="x",
        markersize=3.2,
        markeredgewidth=1.0,
        color=colour,
        zorder=5,
        gid="diverged",
    )


def diverged_label(axes: Axes) -> None:
    """The word `diverged` beside the row of crosses."""
    axes.annotate(
        "diverged",
        (0, 1 - BAND / 2),
        xycoords="axes fraction",
        xytext=(-3, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=TINY,
        color=DIVERGED,
    )


def run_counts(axes: Axes, places: Sequence[Number], runs: Sequence[Sequence[int]]) -> None:
    """How many runs stand behind the points, above the frame: once if it is the same number, else for each place."""
    numbers = {count for counts in runs for count in counts}
    style = {"textcoords": "offset points", "va": "bottom", "fontsize": TINY, "color": GREY, "annotation_clip": False}
    if len(numbers) == 1:
        text = f"n = {numbers.pop()}" + (" each" if sum(map(len, runs)) > 1 else "")
        axes.annotate(text, (1, 1), xycoords="axes fraction", xytext=(0, 2), ha="right", **style)
    elif numbers:
        across = axes.get_xaxis_transform()
        for place, counts in zip(places, runs, strict=True):
            text = ", ".join(map(str, counts))
            axes.annotate(text, (place, 1), xycoords=across, xytext=(0, 2), ha="center", **style)
        axes.annotate("n", (0, 1), xycoords="axes fraction", xytext=(-3, 2), ha="right", **style)


def _beside(place: Number, offset: float, log_x: bool) -> float:
    return place * 2**offset if log_x else place + offset
