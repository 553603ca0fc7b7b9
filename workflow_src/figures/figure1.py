"""Speed and convergence of GTF-DEER (Lorenz-63).

(A) Left: time of a forward and a backward pass during training against sequence length T, for the sequential
evaluation (dashed, squares) and GTF-DEER (solid, dots), one colour per latent dimension M. Points are medians over the
timed updates, bars their quartiles; the number of timed updates stands in the legend. Right: speed-up, the ratio of the
two medians. Open symbols: some timed solves did not converge within the cap; crosses: most did not. A cross in the top
row, with their number, marks trainings that ended there because a gradient or parameter was not finite.
(B) Newton iterations of the forward pass of trained models against forcing strength alpha, for three initial guesses
of the latent trajectory: zeros, standard normal numbers, and the pseudo-inverse of the observations. Points are medians
over forward passes on different test windows, bars their quartiles. Open symbols: some passes did not converge within
the cap; crosses: the median pass did not. Passes that did not converge count as the cap.
"""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from workflow_src.figures import marks, scales, style
from workflow_src.figures.runs import lengths_of, long_form, median_row, models_of

SOLVERS = {"sequential": "sequential", "deer": "GTF-DEER", "quasi_deer": "quasi"}
SOLVER_STYLES = {"sequential": ((0, (3, 1.5)), "s"), "deer": ("-", "o"), "quasi_deer": ((0, (1, 1)), "^")}
GUESSES = {"zero": "zeros", "normal": "normal", "pseudo_inverse": "pseudo-inverse"}
GUESS_STYLES = {
    "zero": (style.ORANGE, (0, (3, 1.5)), "s"),
    "normal": (style.GREEN, (0, (1, 1)), "^"),
    "pseudo_inverse": (style.BLUE, "-", "o"),
}


def numbers(runtime: xr.Dataset, iterations: xr.Dataset) -> pd.DataFrame:
    """Everything the figure shows: run times and speed-ups (panel A), iterations (panel B).

    The column `diverged` counts the timed or counted solves that did not converge. Rows "diverged" hold the update at
    which the timed training became non-finite.

    Args:
        runtime: update_time and converged_fraction (model, sequence_length, solver, sample), NaN where fewer updates
            were timed; diverged_at (model, sequence_length).
        iterations: iterations and converged (model, forcing_strength, guess, forward_pass).
    """
    return long_form([*_runtime_rows(runtime), *_iteration_rows(iterations)])


def draw(runtime: xr.Dataset, iterations: xr.Dataset) -> Figure:
    """Draw the figure from the combined arrays of the two benchmarks."""
    table = numbers(runtime, iterations)
    sizes = _sizes(iterations)
    colours = style.ordinal_colours([*_sizes(runtime).values(), *sizes.values()])
    figure = style.figure(style.TWO_COLUMNS, 122)
    upper, lower = style.parts(figure, heights=(1.25, 1))

    times, speedup = upper.subplots(1, 2, width_ratios=(1.35, 1))
    _draw_times(times, table, runtime, colours)
    _draw_speedup(speedup, table, runtime, colours)
    style.letter(times, "A", left=34, up=2)

    tiles = np.atleast_1d(lower.subplots(1, len(sizes), sharey=True))
    obs_dim, cap = int(iterations.attrs["obs_dim"]), int(iterations.attrs["max_iterations"])
    for axes, latent_dim in zip(tiles, sizes.values(), strict=True):
        _draw_iterations(axes, table, latent_dim, [str(g) for g in iterations["guess"].values], cap)
        relation = "=" if latent_dim == obs_dim else ">" if latent_dim > obs_dim else "<"
        axes.set_title(f"$M = {latent_dim} {relation} N$")
        if latent_dim > obs_dim:
            axes.set_facecolor("#F6F6F6")
    tiles[0].set_ylabel("Newton iterations")
    lower.supxlabel(r"forcing strength $\alpha$ (square-root axis)", fontsize=7)
    style.letter(tiles[0], "B", left=34)
    passes = iterations.sizes["forward_pass"]
    lower.legend(
        handles=_guess_handles([str(g) for g in iterations["guess"].values]),
        loc="outside upper center",
        ncols=7,
        title=f"initial guess; medians and quartiles of {passes} forward passes",
    )
    return figure


def _sizes(dataset: xr.Dataset) -> dict[str, int]:
    """Latent dimension per model, in ascending order."""
    sizes = {model: int(dataset["latent_dim"].sel(model=model)) for model in models_of(dataset)}
    return dict(sorted(sizes.items(), key=lambda item: item[1]))


def _time_series(latent_dim: int, solver: str) -> str:
    return f"M = {latent_dim}, {SOLVERS[solver]}"


def _guess_series(latent_dim: int, guess: str) -> str:
    return f"M = {latent_dim}, {GUESSES[guess]}"


def _runtime_rows(runtime: xr.Dataset) -> list[dict[str, object]]:
    rows = []
    for model, latent_dim in _sizes(runtime).items():
        for length in lengths_of(runtime):
            key = {"x_name": "sequence_length", "x": length}
            point = runtime.sel(model=model, sequence_length=length)
            timed = {}
            for solver in map(str, runtime["solver"].values):
                times = point["update_time"].sel(solver=solver).to_numpy().astype(float)
                there = np.isfinite(times)
                # A fraction of the batch: an update counts as converged if every solve in it is.
                unconverged = int((point["converged_fraction"].sel(solver=solver).to_numpy()[there] < 1).sum())
                if there.any():
                    key |= {"panel": "A", "series": _time_series(latent_dim, solver), "y_name": "update_time_s"}
                    timed[solver] = median_row(times[there], diverged=unconverged, **key)
            rows += timed.values()
            if {"sequential", "deer"} <= timed.keys():
                rows.append(
                    timed["deer"]
                    | {"panel": "A speed-up", "series": f"M = {latent_dim}", "statistic": "ratio of medians"}
                    | {"y_name": "speedup", "y": timed["sequential"]["y"] / timed["deer"]["y"]}
                    | {"low": np.nan, "high": np.nan}
                )
            if (ended := float(point["diverged_at"])) >= 0:
                key |= {"panel": "A", "series": f"M = {latent_dim}", "y_name": "update"}
                rows.append(key | {"statistic": "diverged", "y": ended})
    return rows


def _iteration_rows(iterations: xr.Dataset) -> list[dict[str, object]]:
    rows = []
    for model, latent_dim in _sizes(iterations).items():
        for guess in map(str, iterations["guess"].values):
            for strength in sorted(map(float, iterations["forcing_strength"].values)):
                point = iterations.sel(model=model, guess=guess, forcing_strength=strength)
                counts = point["iterations"].to_numpy().astype(float)
                there = np.isfinite(counts)
                # The step test can pass at a wrong point; only the residual tells. Such a pass needs more, not fewer.
                converged = point["converged"].to_numpy() == 1
                counts = np.where(converged, counts, float(iterations.attrs["max_iterations"]))
                if there.any():
                    rows.append(
                        median_row(
                            counts[there],
                            diverged=int((~converged[there]).sum()),
                            panel="B",
                            series=_guess_series(latent_dim, guess),
                            x_name="forcing_strength",
                            x=strength,
                            y_name="newton_iterations",
                        )
                    )
    return rows


def _draw_times(axes: Axes, table: pd.DataFrame, runtime: xr.Dataset, colours: dict) -> None:
    solvers = [str(solver) for solver in runtime["solver"].values]
    axes.set_yscale("log")
    part = table[(table["panel"] == "A") & (table["statistic"] == "median")]
    for latent_dim in _sizes(runtime).values():
        for solver in solvers:
            line, marker = SOLVER_STYLES[solver]
            here = part[part["series"] == _time_series(latent_dim, solver)]
            _draw_points(axes, here, colours[latent_dim], line, marker, 2.6)
    lengths = lengths_of(runtime)
    scales.length_axis(axes, lengths, every=1 if len(lengths) < 10 else 2)
    ended = table.loc[(table["panel"] == "A") & (table["statistic"] == "diverged"), "x"].tolist()
    marks.diverged_row(axes, lengths, [ended.count(length) for length in lengths])
    scales.log_ticks(axes)
    axes.set_ylabel("forward + backward pass (s)")
    handles = []
    for solver in solvers:
        line, marker = SOLVER_STYLES[solver]
        here = part[part["series"].str.endswith(f", {SOLVERS[solver]}")]
        text = f"{SOLVERS[solver]} (n = {_span(here['runs'])})" if len(here) else SOLVERS[solver]
        handles.append(Line2D([], [], color=style.BLACK, linestyle=line, marker=marker, markersize=2.6, label=text))
    top = 1 - scales.BAND if ended else 1
    axes.legend(handles=[*handles, *_unconverged_handles(part)], loc="upper left", bbox_to_anchor=(0, top))


def _draw_speedup(axes: Axes, table: pd.DataFrame, runtime: xr.Dataset, colours: dict) -> None:
    axes.set_yscale("log")
    handles = []
    for latent_dim in _sizes(runtime).values():
        part = table[(table["panel"] == "A speed-up") & (table["series"] == f"M = {latent_dim}")]
        _draw_points(axes, part, colours[latent_dim], "-", "o", 2.6)
        handles.append(Line2D([], [], color=colours[latent_dim], linewidth=2.0, label=f"$M = {latent_dim}$"))
    axes.axhline(1, color=style.GREY, linewidth=0.6, zorder=1)
    scales.length_axis(axes, lengths_of(runtime), every=1 if len(lengths_of(runtime)) < 7 else 2)
    scales.log_ticks(axes, unit="×")
    axes.set_ylabel("speed-up over sequential")
    axes.legend(handles=handles, loc="best")


def _draw_points(axes: Axes, part: pd.DataFrame, colour: Any, line: Any, marker: str, size: float) -> None:
    """A line through medians with their quartiles; open where some of a point did not converge, a cross where most."""
    x, y = part["x"].to_numpy(float), part["y"].to_numpy(float)
    share = part["diverged"].to_numpy(float) / part["runs"].to_numpy(float)
    axes.plot(x, y, color=colour, linestyle=line, zorder=2)
    axes.vlines(x, part["low"], part["high"], color=colour, linewidth=0.8, zorder=2)
    for chosen, symbol, face in (
        (share == 0, marker, colour),
        ((share > 0) & (share < 0.5), marker, "white"),
        (share >= 0.5, "x", colour),
    ):
        look = {"marker": symbol, "markersize": size, "markerfacecolor": face, "markeredgewidth": 0.8}
        if chosen.any():
            axes.plot(x[chosen], y[chosen], color=colour, linestyle="none", zorder=3, clip_on=False, **look)


def _draw_iterations(axes: Axes, table: pd.DataFrame, latent_dim: int, guesses: list[str], cap: int) -> None:
    axes.set_xscale("function", functions=(_signed_root, _signed_square))
    axes.set_yscale("log")
    for guess in guesses:
        colour, line, marker = GUESS_STYLES[guess]
        part = table[(table["panel"] == "B") & (table["series"] == _guess_series(latent_dim, guess))]
        _draw_points(axes, part, colour, line, marker, 3.2)
    axes.axhline(cap, color=style.GREY, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
    axes.set_xlim(-0.0004, 1.02)
    axes.xaxis.set_major_locator(FixedLocator([0, 0.05, 0.2, 0.5, 1]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(1.6, cap * 1.35)
    axes.yaxis.set_major_locator(FixedLocator([t for t in (2, 5, 10, 20, 50, 100, 200, 500, 1000) if t <= cap]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _guess_handles(guesses: list[str]) -> list[Line2D]:
    handles = []
    for guess in guesses:
        colour, line, marker = GUESS_STYLES[guess]
        handles.append(
            Line2D([], [], color=colour, linestyle=line, marker=marker, markersize=3.2, label=GUESSES[guess])
        )
    cap = Line2D([], [], color=style.GREY, linewidth=0.8, linestyle=(0, (4, 2)), label="cap")
    return [*handles, *_unconverged_handles(), cap]


def _unconverged_handles(part: pd.DataFrame | None = None) -> list[Line2D]:
    """Legend entries of points that did not converge; of those kinds alone that `part` holds, if it is given."""
    grey = {"color": style.GREY, "linestyle": "none", "markersize": 3.2, "markeredgewidth": 0.8}
    some = Line2D([], [], marker="o", markerfacecolor="white", label="some not converged", **grey)
    most = Line2D([], [], marker="x", label="most not converged", **grey)
    if part is None:
        return [some, most]
    share = part["diverged"].to_numpy(float) / part["runs"].to_numpy(float)
    return [handle for handle, shown in ((some, (share > 0) & (share < 0.5)), (most, share >= 0.5)) if shown.any()]


def _signed_root(values: np.ndarray) -> np.ndarray:
    return np.sign(values) * np.sqrt(np.abs(values))


def _signed_square(values: np.ndarray) -> np.ndarray:
    return np.sign(values) * np.square(values)


def _span(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low} to {high}"
