"""Panel A of Figure 1: run times against sequence length, and their ratio."""

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from workflow_src.figures import marks, scales, style
from workflow_src.figures.runs import lengths_of, median_row, sizes_of
from workflow_src.figures.solves import draw_points, unconverged_handles

SOLVERS = {"sequential": "sequential", "deer": "GTF-DEER", "quasi_deer": "quasi"}
SOLVER_STYLES = {"sequential": ((0, (3, 1.5)), "s"), "deer": ("-", "o"), "quasi_deer": ((0, (1, 1)), "^")}


def runtime_rows(runtime: xr.Dataset) -> list[dict[str, object]]:
    """Medians of the times per latent dimension, length and solver, and the ratio of sequential to GTF-DEER."""
    rows = []
    for model, latent_dim in sizes_of(runtime).items():
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


def draw_times(axes: Axes, table: pd.DataFrame, runtime: xr.Dataset, colours: dict) -> None:
    """Times against T, one colour per latent dimension, one line style per solver."""
    solvers = [str(solver) for solver in runtime["solver"].values]
    axes.set_yscale("log")
    part = table[(table["panel"] == "A") & (table["statistic"] == "median")]
    for latent_dim in sizes_of(runtime).values():
        for solver in solvers:
            line, marker = SOLVER_STYLES[solver]
            here = part[part["series"] == _time_series(latent_dim, solver)]
            draw_points(axes, here, colours[latent_dim], line, marker, 2.6)
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
    axes.legend(handles=[*handles, *unconverged_handles(part)], loc="upper left", bbox_to_anchor=(0, top))


def draw_speedup(axes: Axes, table: pd.DataFrame, runtime: xr.Dataset, colours: dict) -> None:
    """How many times longer the sequential evaluation takes."""
    axes.set_yscale("log")
    handles = []
    for latent_dim in sizes_of(runtime).values():
        part = table[(table["panel"] == "A speed-up") & (table["series"] == f"M = {latent_dim}")]
        draw_points(axes, part, colours[latent_dim], "-", "o", 2.6)
        handles.append(Line2D([], [], color=colours[latent_dim], linewidth=2.0, label=f"$M = {latent_dim}$"))
    axes.axhline(1, color=style.GREY, linewidth=0.6, zorder=1)
    scales.length_axis(axes, lengths_of(runtime), every=1 if len(lengths_of(runtime)) < 7 else 2)
    scales.log_ticks(axes, unit="×")
    axes.set_ylabel("speed-up over sequential")
    axes.legend(handles=handles, loc="best")


def _time_series(latent_dim: int, solver: str) -> str:
    return f"M = {latent_dim}, {SOLVERS[solver]}"


def _span(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low} to {high}"
