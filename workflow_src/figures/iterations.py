"""Panel B of Figure 1: Newton iterations against forcing strength."""

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from workflow_src.figures import style
from workflow_src.figures.runs import median_row, sizes_of
from workflow_src.figures.solves import draw_points, unconverged_handles

GUESSES = {"zero": "zeros", "normal": "normal", "pseudo_inverse": "pseudo-inverse"}
GUESS_STYLES = {
    "zero": (style.ORANGE, (0, (3, 1.5)), "s"),
    "normal": (style.GREEN, (0, (1, 1)), "^"),
    "pseudo_inverse": (style.BLUE, "-", "o"),
}


def iteration_rows(iterations: xr.Dataset) -> list[dict[str, object]]:
    """Medians of the iterations per latent dimension, guess and forcing strength."""
    rows = []
    for model, latent_dim in sizes_of(iterations).items():
        for guess in map(str, iterations["guess"].values):
            for strength in sorted(map(float, iterations["forcing_strength"].values)):
                point = iterations.sel(model=model, guess=guess, forcing_strength=strength)
                counts = point["iterations"].to_numpy().astype(float)
                there = np.isfinite(counts) & (point["diverged_at"].to_numpy() < 0)
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


def draw_iterations(axes: Axes, table: pd.DataFrame, latent_dim: int, guesses: list[str], cap: int) -> None:
    """The tile of one latent dimension: iterations against alpha, one line per guess."""
    axes.set_xscale("function", functions=(_signed_root, _signed_square))
    axes.set_yscale("log")
    for guess in guesses:
        colour, line, marker = GUESS_STYLES[guess]
        part = table[(table["panel"] == "B") & (table["series"] == _guess_series(latent_dim, guess))]
        draw_points(axes, part, colour, line, marker, 3.2)
    axes.axhline(cap, color=style.GREY, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
    axes.set_xlim(-0.0004, 1.02)
    axes.xaxis.set_major_locator(FixedLocator([0, 0.05, 0.2, 0.5, 1]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(1.6, cap * 1.35)
    axes.yaxis.set_major_locator(FixedLocator([t for t in (2, 5, 10, 20, 50, 100, 200, 500, 1000) if t <= cap]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def guess_handles(guesses: list[str]) -> list[Line2D]:
    """Legend entries of the guesses, of points that did not converge, and of the cap."""
    handles = []
    for guess in guesses:
        colour, line, marker = GUESS_STYLES[guess]
        handles.append(
            Line2D([], [], color=colour, linestyle=line, marker=marker, markersize=3.2, label=GUESSES[guess])
        )
    cap = Line2D([], [], color=style.GREY, linewidth=0.8, linestyle=(0, (4, 2)), label="cap")
    return [*handles, *unconverged_handles(), cap]


def _guess_series(latent_dim: int, guess: str) -> str:
    return f"M = {latent_dim}, {GUESSES[guess]}"


def _signed_root(values: np.ndarray) -> np.ndarray:
    return np.sign(values) * np.sqrt(np.abs(values))


def _signed_square(values: np.ndarray) -> np.ndarray:
    return np.sign(values) * np.square(values)
