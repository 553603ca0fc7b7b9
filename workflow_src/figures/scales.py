"""Axes that figures share: their scales, ticks and limits, and the row that is kept free for diverged runs."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from workflow_src.figures.labels import tick_label
from workflow_src.figures.style import PALE, Number

# Height of the row of diverged runs, as a fraction of its axis.
BAND = 0.1


def log_ticks(axes: Axes, unit: str = "") -> None:
    """Ticks of a logarithmic y axis once its data stand: powers of ten, and 2 and 5 times these on a short one.

    An axis that is too short for two such ticks is widened. The row of diverged runs gets no labels.
    """
    widen(axes)
    low, high = np.log10(axes.get_ylim())
    banded = any(artist.get_gid() == "headroom" for artist in axes.patches)
    top = 10 ** (low + (high - low) * (1 - BAND - 0.02 if banded else 1)) * (1 + 1e-9)
    plain = low > -3.5 and high < 4.5

    def text(value: float, _: int) -> str:
        return "" if value > top else f"{value:g}{unit}" if plain else _power_text(value) + unit

    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high - low < 1.9 else (1.0,), numticks=8))
    axes.yaxis.set_minor_locator(LogLocator(subs=tuple(range(1, 10)), numticks=8) if high - low < 7 else NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(text))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))


def linear_ticks(axes: Axes) -> None:
    """Ticks of a linear y axis once its data stand; the row of diverged runs gets none."""
    low, high = axes.get_ylim()
    banded = any(artist.get_gid() == "headroom" for artist in axes.patches)
    top = low + (high - low) * (1 - BAND - 0.02 if banded else 1)
    axes.set_yticks(
        [tick for tick in MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, top) if low <= tick <= top]
    )


def widen(axes: Axes, decades: float = 0.8) -> None:
    """Make a logarithmic y axis at least this long, around its middle."""
    low, high = np.log10(axes.get_ylim())
    if high - low < decades:
        middle = (low + high) / 2
        axes.set_ylim(10 ** (middle - decades / 2), 10 ** (middle + decades / 2))


def length_axis(axes: Axes, lengths: Sequence[Number], *, every: int = 1, label: str = "sequence length $T$") -> None:
    """A logarithmic axis to base 2 with ticks at sequence lengths; if all are powers of 2, they are written so."""
    ordered = sorted(set(lengths))
    axes.set_xscale("log", base=2)
    if ordered:
        axes.set_xlim(ordered[0] / 2**0.6, ordered[-1] * 2**0.6)
    ticks = ordered[::-1][::every][::-1]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(FixedLocator(ordered) if every > 1 else NullLocator())
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    powers = bool(ordered) and ordered[-1] > 1000 and all(math.log2(length).is_integer() for length in ordered)
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: rf"$2^{{{round(math.log2(value))}}}$" if powers else f"{value:g}")
    )
    axes.set_xlabel(label)


def category_axis(
    axes: Axes, models: Sequence[str], *, fewest: int = 2, notes: Mapping[str, str] | None = None
) -> None:
    """Models side by side, in the middle of an axis that has room for at least `fewest`.

    Args:
        notes: below the name of some models, its last word on a line of its own.
    """
    middle, half = (len(models) - 1) / 2, max(len(models), fewest) / 2
    axes.set_xlim(middle - half - 0.1, middle + half + 0.1)
    below = {model: "\n" + "\n".join(note.rsplit(" ", 1)) for model, note in (notes or {}).items()}
    axes.set_xticks(range(len(models)), [tick_label(model) + below.get(model, "") for model in models])


def limits_of(axes: Axes, truth: pd.Series) -> None:
    """Frame the range of the data with a margin: an orbit that runs away must not flatten the others."""
    low, high = float(truth.min()), float(truth.max())
    margin = 0.25 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)


def headroom(axes: Axes) -> None:
    """Free the upper end of an axis for the row of diverged runs, and shade it."""
    low, high = axes.get_ylim()
    if axes.get_yscale() == "log":
        widen(axes)
        low, high = np.log10(axes.get_ylim())
        axes.set_ylim(10**low, 10 ** (low + (high - low) / (1 - BAND - 0.04)))
    else:
        axes.set_ylim(low, low + (high - low) / (1 - BAND - 0.04))
    shade_headroom(axes)


def shade_headroom(axes: Axes) -> None:
    """A pale band behind the row of diverged runs."""
    place = {"transform": axes.transAxes, "facecolor": PALE, "edgecolor": "none", "zorder": 0.5, "gid": "headroom"}
    band = Rectangle((0, 1 - BAND), 1, BAND, **place)
    axes.add_artist(band)


def _power_text(value: float) -> str:
    exponent = math.floor(math.log10(value) + 1e-9)
    factor = round(value / 10.0**exponent)
    return rf"$10^{{{exponent}}}$" if factor == 1 else rf"${factor} \cdot 10^{{{exponent}}}$"
