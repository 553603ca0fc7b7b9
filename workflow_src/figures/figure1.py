"""Speed and convergence of GTF-DEER (Lorenz-63).

(A) Left: time of a forward and a backward pass during training against sequence length T, for the sequential
evaluation (dashed, squares) and GTF-DEER (solid, dots), one colour per latent dimension M. Points are medians over the
timed updates, bars their quartiles; the number of timed updates stands in the legend. Right: speed-up, the ratio of the
two medians. Open symbols: some timed solves did not converge within the cap; crosses: most did not. A cross in the top
row, with their number, marks trainings that ended there because a gradient or parameter was not finite.
(B) Newton iterations of the forward pass of trained models against forcing strength alpha, for three initial guesses
of the latent trajectory: zeros, standard normal numbers, and the pseudo-inverse of the observations. Points are medians
over forward passes on different test windows, bars their quartiles; where models were trained from several seeds,
these take turns, and those that diverged are left out. Open symbols: some passes did not converge within the cap;
crosses: the median pass did not. Passes that did not converge count as the cap.
"""

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from workflow_src.figures import style
from workflow_src.figures.iterations import draw_iterations, guess_handles, iteration_rows
from workflow_src.figures.runs import long_form, sizes_of
from workflow_src.figures.timings import draw_speedup, draw_times, runtime_rows


def numbers(runtime: xr.Dataset, iterations: xr.Dataset) -> pd.DataFrame:
    """Everything the figure shows: run times and speed-ups (panel A), iterations (panel B).

    The column `diverged` counts the timed or counted solves that did not converge. Rows "diverged" hold the update at
    which the timed training became non-finite.

    Args:
        runtime: update_time and converged_fraction (model, sequence_length, solver, sample), NaN where fewer updates
            were timed; diverged_at (model, sequence_length).
        iterations: iterations and converged (model, forcing_strength, guess, forward_pass); pass_seed and
            diverged_at (model, forward_pass), the seed of the trained model of each pass and where it diverged, or -1.
    """
    return long_form([*runtime_rows(runtime), *iteration_rows(iterations)])


def draw(runtime: xr.Dataset, iterations: xr.Dataset) -> Figure:
    """Draw the figure from the combined arrays of the two benchmarks."""
    table = numbers(runtime, iterations)
    sizes = sizes_of(iterations)
    colours = style.ordinal_colours([*sizes_of(runtime).values(), *sizes.values()])
    figure = style.figure(style.TWO_COLUMNS, 122)
    upper, lower = style.parts(figure, heights=(1.25, 1))

    times, speedup = upper.subplots(1, 2, width_ratios=(1.35, 1))
    draw_times(times, table, runtime, colours)
    draw_speedup(speedup, table, runtime, colours)
    style.letter(times, "A", left=34, up=2)

    tiles = np.atleast_1d(lower.subplots(1, len(sizes), sharey=True))
    obs_dim, cap = int(iterations.attrs["obs_dim"]), int(iterations.attrs["max_iterations"])
    for axes, latent_dim in zip(tiles, sizes.values(), strict=True):
        draw_iterations(axes, table, latent_dim, [str(g) for g in iterations["guess"].values], cap)
        relation = "=" if latent_dim == obs_dim else ">" if latent_dim > obs_dim else "<"
        axes.set_title(f"$M = {latent_dim} {relation} N$")
        if latent_dim > obs_dim:
            axes.set_facecolor("#F6F6F6")
    tiles[0].set_ylabel("Newton iterations")
    lower.supxlabel(r"forcing strength $\alpha$ (square-root axis)", fontsize=7)
    style.letter(tiles[0], "B", left=34)
    passes = f"{iterations.sizes['forward_pass']} forward passes"
    if (seeds := len(np.unique(iterations["pass_seed"]))) > 1:
        passes += f" of {seeds} trained models per $M$"
    if lost := int((iterations["diverged_at"] >= 0).sum()):
        passes += f", {lost} left out as their models diverged"
    lower.legend(
        handles=guess_handles([str(g) for g in iterations["guess"].values]),
        loc="outside upper center",
        ncols=7,
        title=f"initial guess; medians and quartiles of {passes}",
    )
    return figure
