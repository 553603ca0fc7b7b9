"""One style for all figures: sizes in mm, fonts and colours."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

Number = int | float

ONE_COLUMN = 88.0
TWO_COLUMNS = 180.0
MM_PER_INCH = 25.4

# Okabe and Ito's palette, distinguishable with all common forms of colour blindness.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILLION, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
# Vermillion is left out: it marks diverged runs.
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, BLACK)
ARCHITECTURE_COLOURS = {"shplrnn": BLUE, "lssm": ORANGE, "mamba2": GREEN}
GREY = "#767676"
PALE = "#EBEBEB"
DIVERGED = VERMILLION

SMALL = 6.0
TINY = 5.5

RC = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "mathtext.fontset": "dejavusans",
    "font.size": 7.0,
    "axes.labelsize": 7.0,
    "axes.titlesize": 7.0,
    "axes.titlepad": 4.0,
    "axes.labelpad": 2.0,
    "axes.linewidth": 0.6,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "legend.fontsize": SMALL,
    "legend.title_fontsize": SMALL,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "legend.borderaxespad": 0.2,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
}


@contextmanager
def context() -> Iterator[None]:
    """Draw and save under the style; the surrounding settings come back afterwards."""
    settings: dict[Any, Any] = {**sns.axes_style("ticks"), **sns.plotting_context("paper"), **RC}
    with mpl.rc_context(settings):
        yield


def figure(width: Number, height: Number) -> Figure:
    """An empty figure of this size in mm."""
    return Figure(figsize=(width / MM_PER_INCH, height / MM_PER_INCH), layout="constrained")


def parts(figure: Figure, *, heights: Sequence[Number] = (1,), widths: Sequence[Number] = (1,)) -> list[SubFigure]:
    """Cut a figure into parts of these relative sizes, row by row."""
    grid = figure.subfigures(len(heights), len(widths), squeeze=False, height_ratios=heights, width_ratios=widths)
    return list(np.asarray(grid).ravel())


def letter(axes: Axes, text: str, *, left: Number = 26, up: Number = 8) -> None:
    """A panel letter outside the upper left corner, `left` and `up` in points."""
    axes.annotate(
        text,
        (0, 1),
        xytext=(-left, up),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=10,
        fontweight="bold",
        ha="left",
        va="baseline",
        annotation_clip=False,
    )


def ordinal_colours(values: Sequence[Number]) -> dict[Number, tuple[float, ...]]:
    """Colours for sizes such as M, from dark to light, in equal steps of their order."""
    ordered = sorted(set(values))
    colours = sns.color_palette("viridis", n_colors=len(ordered) + 1)[: len(ordered)]
    return dict(zip(ordered, (tuple(colour) for colour in colours), strict=True))


def model_colours(models: Sequence[str]) -> dict[str, str]:
    """One colour per architecture, the same in all figures, so that its variants stand together."""
    return {model: ARCHITECTURE_COLOURS.get(model.partition("_")[0], PURPLE) for model in models}


def colour_cycle() -> Iterator[str]:
    return itertools.cycle(PALETTE)
