"""What a test finds, before the correction for the number of tests."""

from collections.abc import Iterable
from typing import NamedTuple

from workflow_src.claims.cells import Cell
from workflow_src.claims.claim import Selection
from workflow_src.specs.claims import ROLES


class Outcome(NamedTuple):
    """The result of one test.

    Attributes:
        comparison: what was compared, with the names of the preset.
        effect: its size in `unit`.
        low: lower end of its interval, as high.
        p: of the claimed direction, not corrected.
        least_p: the smallest p that so few units can give.
        units: the fewest values of one point.
        used: values compared.
        failed: how many of these are of diverged runs or unconverged solves.
        reaches: whether the effect is as large as claimed.
        excluded: whether the interval lies wholly where the claim is wrong.
    """

    comparison: str
    effect: float
    unit: str
    low: float
    high: float
    p: float
    least_p: float
    units: int
    used: int
    failed: int
    reaches: bool
    excluded: bool


def counts(cells: Iterable[Cell]) -> dict[str, int]:
    """Units, used and failed values of these cells."""
    listed = list(cells)
    return {
        "units": min(cell.values.size for cell in listed),
        "used": sum(cell.values.size for cell in listed),
        "failed": sum(int(cell.failed.sum()) for cell in listed),
    }


def named(selection: Selection, cells: Iterable[Cell]) -> str:
    """What was selected, by the names of the preset, as `shplrnn at T = 64 to 1024`."""
    listed = list(cells)
    x_name = "alpha" if ROLES[selection.role] == "iterations" else "T"
    points = sorted({cell.x for cell in listed})
    ends = f"{points[0]:g}" if len(points) == 1 else f"{points[0]:g} to {points[-1]:g}"
    models = ", ".join(dict.fromkeys(cell.model for cell in listed))
    ways = {
        "by": selection.solver,
        "from": selection.guess,
        "in the": None if selection.updates == "all" else selection.updates.replace("_", " "),
    }
    return " ".join([f"{models} at {x_name} = {ends}", *(f"{word} {way}" for word, way in ways.items() if way)])
