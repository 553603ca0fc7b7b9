"""One style for all figures: sizes in mm, fonts, colours, labels, and the nouns that panels are made of."""

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

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

# Height of the row of diverged runs, as a fraction of its axis.
BAND = 0.1

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

LABELS = {
    "shplrnn": "shPLRNN",
    "shplrnn_quasi": "quasi",
    "shplrnn_full": "shPLRNN",
    "shplrnn_bursting": "shPLRNN",
    "shplrnn_rank5": "shPLRNN r = 5",
    "lssm": "LSSM",
    "lssm_mar": "LSSM + MAR",
    "mamba2_7k": "Mamba-2-7k",
    "mamba2_17k": "Mamba-2-17k",
}
_ARCHITECTURES = {"shplrnn": "shPLRNN", "lssm": "LSSM", "mamba2": "Mamba-2"}
_MODIFIERS: tuple[tuple[str, str], ...] = (
    (r"rank(\d+)", r" r = \1"),
    (r"m(\d+)", r", M = \1"),
    (r"l(\d+)", r", L = \1"),
    (r"mar_?(\d+)em(\d+)", r", λ = \1e-\2"),
    (r"mar_?(\d+)e(\d+)", r", λ = \1e\2"),
    (r"mar_?0", r", λ = 0"),
    (r"mar", r" + MAR"),
    (r"(\d+k)", r"-\1"),
    (r"quasi", r", quasi"),
)


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


def label_of(model: str) -> str:
    """Words for the name that a preset gives to a model.

    >>> label_of("lssm_mar_1em3"), label_of("shplrnn_rank7")
    ('LSSM, λ = 1e-3', 'shPLRNN r = 7')
    """
    if model in LABELS:
        return LABELS[model]
    architecture, _, rest = model.partition("_")
    words = _ARCHITECTURES.get(architecture, architecture)
    while rest:
        for pattern, text in _MODIFIERS:
            if found := re.match(pattern + r"(?:_|$)", rest):
                words += re.sub(pattern, text, found.group().removesuffix("_"))
                rest = rest[found.end() :]
                break
        else:
            word, _, rest = rest.partition("_")
            words += f", {word}"
    return words


def tick_label(model: str) -> str:
    """`label_of` in two lines, where it has two parts.

    >>> tick_label("lssm_mar_1em3"), tick_label("mamba2_7k")
    ('LSSM\\nλ = 1e-3', 'Mamba-2\\n7k')
    """
    return re.sub(r", | (?=r = )| (?=\+ )|(?<=Mamba-2)-", "\n", label_of(model), count=1)


def component_label(component: str) -> str:
    """An observed component as a symbol: x1 becomes x with index 1, the membrane potential is upper case.

    >>> component_label("x1"), component_label("v")
    ('$x_{1}$', '$V$')
    """
    if component == "v":
        return "$V$"
    found = re.fullmatch(r"([a-z]+)(\d+)", component)
    return f"${found[1]}_{{{found[2]}}}$" if found else f"${component}$"


def divergence_label(embedding: str) -> str:
    """Axis label of the state space divergence under a delay embedding such as `m2_tau200`."""
    found = re.fullmatch(r"m(\d+)_tau(\d+)", embedding)
    if found is None:
        return rf"$D_\mathrm{{stsp}}$ ({embedding})"
    if found[1] == "1":
        return r"$D_\mathrm{stsp}$"
    return rf"$D_\mathrm{{stsp}}^\mathrm{{DE}}$  ($m = {found[1]}$, $\tau = {found[2]}$)"


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


def widen(axes: Axes, decades: float = 0.8) -> None:
    """Make a logarithmic y axis at least this long, around its middle."""
    low, high = np.log10(axes.get_ylim())
    if high - low < decades:
        middle = (low + high) / 2
        axes.set_ylim(10 ** (middle - decades / 2), 10 ** (middle + decades / 2))


def _power_text(value: float) -> str:
    exponent = math.floor(math.log10(value) + 1e-9)
    factor = round(value / 10.0**exponent)
    return rf"$10^{{{exponent}}}$" if factor == 1 else rf"${factor} \cdot 10^{{{exponent}}}$"


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


def category_axis(axes: Axes, models: Sequence[str], *, fewest: int = 2) -> None:
    """Models side by side, in the middle of an axis that has room for at least `fewest`."""
    middle, half = (len(models) - 1) / 2, max(len(models), fewest) / 2
    axes.set_xlim(middle - half - 0.1, middle + half + 0.1)
    axes.set_xticks(range(len(models)), [tick_label(model) for model in models])


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
        median: add a short line at the median.
        log_x: the axis is logarithmic to base 2.
    """
    for value in part.loc[part["statistic"] == "floor", "y"].unique():
        floor_line(axes, float(value))
    points = part[part["statistic"] != "floor"]
    series = list(dict.fromkeys(points["series"]))
    spread = 0.16 / max(len(series), 1)
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
    """Every finite run of one point as a dot, side by side, with their mean and its standard error.

    Args:
        axes: where.
        here: long-form rows of the point.
        place: of the point on the x axis; `dodge` moves it and the dots lie within `spread` (octaves if log_x).
        colour: of the dots.
        median: add a short line at the median.
        log_x: the axis is logarithmic to base 2.
    """
    heights = here.loc[(here["statistic"] == "run") & np.isfinite(here["y"]), "y"].to_numpy(float)
    offsets = np.linspace(-spread, spread, heights.size) if heights.size > 1 else np.zeros(heights.size)
    across = np.array([_beside(place, dodge + offset, log_x) for offset in offsets])
    low = (heights <= 0) & (axes.get_yscale() == "log")
    dots = {"linestyle": "none", "markersize": 2.6, "markeredgewidth": 0.0, "color": colour}
    axes.plot(across[~low], heights[~low], marker="o", alpha=0.55, zorder=2.5, gid="runs", **dots)
    if low.any():
        # A logarithmic axis cannot hold them: triangles at its lower edge.
        edge = {"transform": axes.get_xaxis_transform(), "clip_on": False}
        axes.plot(across[low], np.full(low.sum(), 0.015), marker="v", gid="runs", **dots, **edge)
    middle = here[(here["statistic"] == "median") & np.isfinite(here["y"])]
    if median and len(middle):
        left, right = (_beside(place, dodge + side * 1.5 * spread, log_x) for side in (-1, 1))
        axes.hlines(middle["y"].iloc[0], left, right, color=colour, linewidth=1.6, zorder=3)
    mean = here[(here["statistic"] == "mean") & np.isfinite(here["y"])]
    for _, row in mean.iterrows():
        centre = _beside(place, dodge, log_x)
        if math.isfinite(row["low"]):  # at least two runs
            axes.plot([centre], [row["y"]], marker="D", markersize=2.4, color=BLACK, zorder=4.2, linestyle="none")
            error = [[row["y"] - row["low"]], [row["high"] - row["y"]]]
            axes.errorbar([centre], [row["y"]], error, fmt="none", ecolor=BLACK, elinewidth=0.9, capsize=1.8, zorder=4)


def _beside(place: Number, offset: float, log_x: bool) -> float:
    return place * 2**offset if log_x else place + offset


def statistic_handles(*, median: bool, floor: str | None = None, colour: str = GREY) -> list[Line2D]:
    """Legend entries for what `runs_panel` draws."""
    handles = [
        Line2D([], [], marker="o", linestyle="none", markersize=2.6, markeredgewidth=0, color=colour, label="one run"),
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
            (1, 0),
            xycoords="axes fraction",
            xytext=(-2, 2),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=TINY,
            color=GREY,
        )


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


def counted(runs: int, diverged: int) -> str:
    """Number of runs for a legend: `10 runs`, or `10 runs, 2 diverged`."""
    noun = "run" if runs == 1 else "runs"
    return f"{runs} {noun}, {diverged} diverged" if diverged else f"{runs} {noun}"


def model_colours(models: Sequence[str]) -> dict[str, str]:
    """One colour per architecture, the same in all figures, so that its variants stand together."""
    return {model: ARCHITECTURE_COLOURS.get(model.partition("_")[0], PURPLE) for model in models}


def colour_cycle() -> Iterator[str]:
    return itertools.cycle(PALETTE)
