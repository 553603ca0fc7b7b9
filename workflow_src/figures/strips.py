"""Runs side by side along a horizontal logarithmic axis, one row per value, with room at its ends for lost ones.

A lost run has no finite measure and counts as the worst: in medians and quartiles it is infinite.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from workflow_src.figures.style import BLACK, DIVERGED, GREY, PALE, TINY, Number

# Width of the room for lost runs, as a fraction of the axis.
BAND = 0.11
SPREAD = 0.3
DOT = {"linestyle": "none", "markersize": 2.6, "markeredgewidth": 0.7, "markerfacecolor": "white"}


class Scale(NamedTuple):
    """The axis that rows share: what it must hold, and at which ends it has room for lost runs."""

    low: float
    high: float
    left: bool = False
    right: bool = False

    @property
    def limits(self) -> tuple[float, float]:
        low, high = math.log10(self.low), math.log10(self.high)
        room = BAND * (high - low) / (1 - BAND * (self.left + self.right))
        return 10 ** (low - room * self.left), 10 ** (high + room * self.right)

    def held(self, value: float) -> float:
        """The place of a value on the axis; what lies beyond it has its end."""
        return min(max(value, self.low), self.high)


def scale_of(values: Iterable[float], *, left: bool = False, right: bool = False, around: float | None = None) -> Scale:
    """An axis with a margin around all positive finite values.

    Args:
        left: make room for lost runs at the left end, right at the right one.
        around: a value in the middle of the axis.
    """
    found = [value for value in values if math.isfinite(value) and value > 0] or [1.0]
    low, high = math.log10(min(found)), math.log10(max(found))
    if around is not None:
        half = max(math.log10(around) - low, high - math.log10(around))
        low, high = math.log10(around) - half, math.log10(around) + half
    margin = max(0.06 * (high - low), 0.45 - (high - low) / 2, 0.08)
    return Scale(10 ** (low - margin), 10 ** (high + margin), left, right)


def frame(axes: Axes, scale: Scale, labels: Sequence[str], marked: int) -> None:
    """A row for each label, from above, with the marked one shaded; the rooms for lost runs."""
    axes.set_xscale("log")
    axes.set_xlim(scale.limits)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_yticks(range(len(labels)), list(labels))
    axes.tick_params(axis="y", length=0)
    for position, label in enumerate(axes.get_yticklabels()):
        label.set_fontweight("bold" if position == marked else "normal")
    axes.axhspan(marked - 0.5, marked + 0.5, color=PALE, linewidth=0, zorder=0.2)
    for there, place in ((scale.left, 0), (scale.right, 1 - BAND)):
        if there:
            room = {"transform": axes.transAxes, "facecolor": "none", "edgecolor": GREY, "linewidth": 0.4}
            axes.add_artist(Rectangle((place, 0), BAND, 1, linestyle=(0, (1, 2)), zorder=0.4, **room))
    _ticks(axes, scale)


def dots(axes: Axes, scale: Scale, row: int, values: Float[np.ndarray, " runs"], colour: str) -> None:
    """One open dot per finite run, those of one row below each other; a triangle where the axis cannot hold it.

    They lie on top of the median's bar, so that none of a few runs is hidden by it.
    """
    finite = values[np.isfinite(values)]
    up = row + (np.linspace(-SPREAD, SPREAD, finite.size) if finite.size > 1 else np.zeros(finite.size))
    low = finite <= 0
    axes.plot(finite[~low], up[~low], marker="o", color=colour, zorder=4.5, gid="runs", **DOT)
    if low.any():
        edge = {"transform": axes.get_yaxis_transform(), "clip_on": False}
        axes.plot(np.full(low.sum(), 0.008), up[low], marker="<", color=colour, zorder=4.5, gid="runs", **DOT, **edge)


def quartile_bar(axes: Axes, scale: Scale, row: int, low: float, middle: float, high: float) -> None:
    """A line from quartile to quartile and a bar at the median; an arrow where one lies beyond the axis."""
    if not math.isnan(low + high):
        axes.plot([scale.held(low), scale.held(high)], [row, row], color=BLACK, linewidth=1.0, zorder=3)
    for value in (low, high):
        if value in (0.0, math.inf):
            marker = {"marker": "<" if value == 0 else ">", "markersize": 3.0, "gid": "beyond", "clip_on": False}
            axes.plot([scale.held(value)], [row], color=BLACK, zorder=4, **marker)
    if not math.isnan(middle):
        place = scale.held(middle)
        axes.plot([place, place], [row - 0.34, row + 0.34], color=BLACK, linewidth=1.8, zorder=4, gid="median")


def lost(axes: Axes, scale: Scale, row: int, count: int, runs: int, *, left: bool = False) -> None:
    """A cross in the room for lost runs, with their number out of all."""
    if not count:
        return
    place = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points", "va": "center"}
    start = 0 if left else 1 - BAND
    cross = {"transform": axes.get_yaxis_transform(), "marker": "x", "markersize": 3.2, "markeredgewidth": 1.0}
    axes.plot([start + 0.25 * BAND], [row], color=DIVERGED, zorder=5, gid="diverged", **cross)
    text = {"fontsize": TINY, "color": DIVERGED, "gid": "diverged count", "zorder": 5}
    axes.annotate(f"{count}/{runs}", (start + 0.25 * BAND, row), xytext=(3.5, -0.2), ha="left", **place, **text)


def level(axes: Axes, value: float, rows: tuple[Number, Number]) -> None:
    """A dashed line at the measure of a perfect model, along these rows."""
    if math.isfinite(value) and value > 0:
        axes.plot([value, value], list(rows), color=GREY, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1.5, gid="floor")


def _ticks(axes: Axes, scale: Scale) -> None:
    """Powers of ten, and 2 and 5 times these on a short axis; none in the rooms for lost runs."""
    decades = math.log10(scale.high / scale.low)
    powers = range(math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high)) + 1)
    ticks = [factor * 10.0**power for power in powers for factor in ((1, 2, 5) if decades < 2.5 else (1,))]
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if scale.low <= tick <= scale.high]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(axis="x", color=PALE, linewidth=0.4, zorder=0.1)
    axes.set_axisbelow(True)
