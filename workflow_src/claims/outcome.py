"""What a test finds, before the correction for the number of tests."""

from collections.abc import Iterable
from typing import NamedTuple

from workflow_src.claims.cells import Cell


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


def named(cells: Iterable[Cell], x_name: str) -> str:
    """Models and range of these cells, as `shplrnn at T = 64 to 1024`."""
    listed = list(cells)
    points = sorted({cell.x for cell in listed})
    ends = f"{points[0]:g}" if len(points) == 1 else f"{points[0]:g} to {points[-1]:g}"
    return f"{', '.join(dict.fromkeys(cell.model for cell in listed))} at {x_name} = {ends}"
