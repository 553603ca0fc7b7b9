"""Points of repeated solves: their median and quartiles, and how many of them did not converge."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from workflow_src.figures import style


def draw_points(axes: Axes, part: pd.DataFrame, colour: Any, line: Any, marker: str, size: float) -> None:
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


def unconverged_handles(part: pd.DataFrame | None = None) -> list[Line2D]:
    """Legend entries of points that did not converge; of those kinds alone that `part` holds, if it is given."""
    grey = {"color": style.GREY, "linestyle": "none", "markersize": 3.2, "markeredgewidth": 0.8}
    some = Line2D([], [], marker="o", markerfacecolor="white", label="some not converged", **grey)
    most = Line2D([], [], marker="x", label="most not converged", **grey)
    if part is None:
        return [some, most]
    share = part["diverged"].to_numpy(float) / part["runs"].to_numpy(float)
    return [handle for handle, shown in ((some, (share > 0) & (share < 0.5)), (most, share >= 0.5)) if shown.any()]
