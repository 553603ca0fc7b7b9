"""Plots of the records, into docs/: the rows, the grid, and Figure 1A's grid of each GPU.

python -m benchmarks.plot
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from benchmarks import cases, records
from benchmarks.table import ratio
from workflow_src.figures import scales, style

DOCS = Path(__file__).resolve().parents[1] / "docs"
COLOURS = {
    "sequential": style.BLACK,
    "sequential_adjoint": style.GREY,
    "deer": style.ORANGE,
    "newton": style.PURPLE,
    "block": style.BLUE,
    "auto": style.GREEN,
}
MARKERS = {"sequential": "s", "sequential_adjoint": "s", "deer": "o", "newton": "^", "block": "D", "auto": "*"}
FLOOR = Line2D([], [], color=style.GREY, linestyle=":", label="physical floor")
LABELS = {
    "M": "latent dimension $M = N$",
    "L": "hidden units $L$",
    "T": "sequence length $T$",
    "B": "batch size $B$",
    "alpha": r"forcing strength $\alpha$",
    "N": "observed dimension $N$ of $M = 10$",
    "MAR": "1 - diagonal of slow units",
}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=Path, default=records.RECORDS, help="folder of the records")
    parser.add_argument("--output", type=Path, default=DOCS, help="folder of the plots")
    args = parser.parse_args(argv)
    drawn = plots(records.read(args.records))
    if not drawn:
        parser.exit(1, f"{args.records}: no record to plot; python -m benchmarks.compare --rows makes some\n")
    args.output.mkdir(parents=True, exist_ok=True)
    for name, figure in drawn.items():
        with style.context():
            figure.savefig(args.output / f"{name}.png", dpi=200)
        print(args.output / f"{name}.png")


def plots(found: Sequence[dict[str, Any]]) -> dict[str, Figure]:
    """The plots that there are records for, by their file names."""
    drawn = {}
    with style.context():
        for device in dict.fromkeys(record["machine"]["device"] for record in found):
            mine = [record for record in found if record["machine"]["device"] == device]
            on = "" if mine[0]["machine"]["platform"] == "cpu" else f"_{records.slug(device)}"
            for kind, draw in (("rows", draw_rows), ("grid", draw_grid), ("lengths", draw_lengths)):
                if (figure := draw(mine)) is not None:
                    drawn[f"speed_{kind}{on}"] = figure
    return drawn


def draw_rows(mine: Sequence[dict[str, Any]]) -> Figure | None:
    """Speed-ups of the rows over `deer` and over `lax.scan`; short bars mark what had to be reached."""
    there = [(case, record) for case in cases.ROWS if (record := records.latest(mine, case)) is not None]
    if not there:
        return None
    figure = style.figure(style.TWO_COLUMNS, 30 + 6 * len(there))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, baseline in zip(panels, ("deer", "sequential"), strict=True):
        for place, (case, record) in enumerate(there):
            least = cases.ROWS[case].over_deer if baseline == "deer" else cases.ROWS[case].over_sequential
            axes.plot([least] * 2, [place - 0.35, place + 0.35], color=style.GREY, linewidth=1.5)
            for solver in record["solvers"]:
                value = ratio(record["solvers"], baseline, solver)
                if solver != baseline and value is not None:
                    converged = record["solvers"][solver]["converged"]
                    axes.plot(value, place, **_mark(solver, converged))
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.axvline(1, color=style.GREY, linewidth=0.6, zorder=0)
        axes.set_xlabel(f"times faster than {'GTF-DEER' if baseline == 'deer' else 'lax.scan with autodiff'}")
    panels[0].set_yticks(range(len(there)), [case.name for case, _ in there])
    panels[0].invert_yaxis()
    _legend(figure, [record for _, record in there], [Line2D([], [], color=style.GREY, label="required")])
    return figure


def draw_grid(mine: Sequence[dict[str, Any]]) -> Figure | None:
    """Times along each axis of the grid; all other sizes are those of the base."""
    axes_of_grid = cases.grid()
    base = axes_of_grid.pop("base")
    found: dict[str, list[tuple[float, dict[str, Any]]]] = {}
    for axis, there in axes_of_grid.items():
        # Slow units come with fewer observed components, so that the base is no point of their line.
        line = there if axis == "MAR" else base + there
        known = [(_place(axis, case), record) for case in line if (record := records.latest(mine, case)) is not None]
        if len(known) > 1:
            found[axis] = sorted(known, key=lambda point: point[0])
    if not found:
        return None
    columns = 4
    figure = style.figure(style.TWO_COLUMNS, 10 + 45 * -(-len(found) // columns))
    panels = figure.subplots(-(-len(found) // columns), columns, squeeze=False, sharey=False).ravel()
    for axes, (axis, points) in zip(panels, found.items(), strict=False):
        _lines(axes, points)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks([place for place, _ in points], [f"{place:.3g}" for place, _ in points])
        axes.xaxis.set_minor_locator(NullLocator())
        scales.log_ticks(axes)
        axes.set_xlabel(LABELS[axis])
    for axes in panels[::columns]:
        axes.set_ylabel("forward + backward pass (s)")
    for axes in panels[len(found) :]:
        axes.set_axis_off()
    _legend(figure, [record for points in found.values() for _, record in points], [FLOOR])
    return figure


def draw_lengths(mine: Sequence[dict[str, Any]]) -> Figure | None:
    """Figure 1A: times against T, one panel per M; crosses at the top are solves that did not fit into memory."""
    newest = {}
    for case in cases.figure_1a():
        if (record := records.latest(mine, case)) is not None:
            newest.setdefault(case.recipe.latent_dim, []).append((float(case.sequence_length), record))
    if not newest:
        return None
    figure = style.figure(style.TWO_COLUMNS, 60)
    panels = figure.subplots(1, len(newest), sharey=True, squeeze=False)[0]
    for axes, (latent_dim, points) in zip(panels, sorted(newest.items()), strict=True):
        ordered = sorted(points, key=lambda point: point[0])
        _lines(axes, ordered)
        axes.set_yscale("log")
        for place, record in ordered:
            for solver, result in record["solvers"].items():
                if result["out_of_memory"]:
                    axes.plot(
                        place, 0.97, "x", color=COLOURS.get(solver, style.SKY), transform=axes.get_xaxis_transform()
                    )
        scales.length_axis(axes, [place for place, _ in ordered], every=3)
        axes.set_title(f"$M = {latent_dim}$")
    scales.log_ticks(panels[0])
    panels[0].set_ylabel("forward + backward pass (s)")
    records_of = [record for points in newest.values() for _, record in points]
    lost = any(result["out_of_memory"] for record in records_of for result in record["solvers"].values())
    cross = [Line2D([], [], color=style.BLACK, linestyle="none", marker="x", label="out of memory")]
    _legend(figure, records_of, [FLOOR, *(cross if lost else [])])
    return figure


def _lines(axes: Axes, points: Sequence[tuple[float, dict[str, Any]]]) -> None:
    """Medians with quartiles, one line per solver, and the physical floor."""
    for solver in _solvers([record for _, record in points]):
        timed = [(x, r["solvers"][solver]) for x, r in points if r["solvers"].get(solver, {}).get("median") is not None]
        axes.plot([x for x, _ in timed], [s["median"] for _, s in timed], color=COLOURS.get(solver, style.SKY))
        for x, result in timed:
            axes.plot(
                [x, x], [result["lower_quartile"], result["upper_quartile"]], color=COLOURS.get(solver, style.SKY)
            )
            axes.plot(x, result["median"], **_mark(solver, result["converged"]))
    floors = [(x, r["floor"]["seconds_datasheet"] or r["floor"]["seconds"]) for x, r in points]
    axes.plot(*zip(*floors, strict=True), color=FLOOR.get_color(), linestyle=FLOOR.get_linestyle())


def _mark(solver: str, converged: bool) -> dict[str, Any]:
    colour = COLOURS.get(solver, style.SKY)
    marker = {"marker": MARKERS.get(solver, "v"), "linestyle": "none", "markersize": 3.5, "color": colour}
    return marker | {"markerfacecolor": colour if converged else "white"}


def _legend(figure: Figure, found: Sequence[dict[str, Any]], more: Sequence[Line2D] = ()) -> None:
    handles = [Line2D([], [], label=name, **_mark(name, True)) for name in _solvers(found)]
    open_marks = any(not s.get("converged", True) for r in found for s in r["solvers"].values())
    open_mark = Line2D([], [], color=style.BLACK, marker="o", linestyle="none", markerfacecolor="white", markersize=3.5)
    open_mark.set_label("not converged")
    handles += [*more, *([open_mark] if open_marks else [])]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))


def _solvers(found: Sequence[dict[str, Any]]) -> list[str]:
    names = dict.fromkeys(name for record in found for name in record["solvers"])
    return [name for name in COLOURS if name in names] + [name for name in names if name not in COLOURS]


def _place(axis: str, case: cases.Case) -> float:
    recipe = case.recipe
    places = {"M": recipe.latent_dim, "L": recipe.hidden_dim, "T": case.sequence_length, "B": case.batch_size}
    return float(
        places.get(axis) or {"alpha": recipe.forcing_strength, "N": recipe.obs_dim}.get(axis, 1 - recipe.slow_diagonal)
    )


if __name__ == "__main__":
    main()
