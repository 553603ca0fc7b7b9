"""What is measured: a trained model, a batch of windows, and how fast the solvers must be there.

A case is value and gradient of the training loss over B windows of length T. The rows are what the solvers are held to;
the grid changes one thing at a time from a base; Figure 1A's grid is the paper's, for GPUs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

# Figure 1A as in config/paper.yaml, which cannot be read where only JAX is installed; a test compares the two.
FIGURE_1A_LATENT_DIMS = (3, 8, 16, 32, 64)
FIGURE_1A_LENGTHS = tuple(2**power for power in range(7, 21))


@dataclass(frozen=True)
class Recipe:
    """How a model and its data come about.

    Attributes:
        system: "lorenz63", its first `obs_dim` components and then their delays, or "lorenz96", with that many sites.
        slow_units: how many of the last latent units are regularised towards a manifold attractor in training.
        slow_diagonal: what their diagonal of A is set to after training.
        updates: of the training; the speed depends on what the model has learned, not on how well.
    """

    system: Literal["lorenz63", "lorenz96"]
    obs_dim: int
    latent_dim: int
    hidden_dim: int
    forcing_strength: float
    slow_units: int = 0
    slow_diagonal: float = 0.0
    updates: int = 1500


@dataclass(frozen=True)
class Case:
    """B windows of length T for a model. Equal cases are one measurement, whatever their names."""

    name: str
    recipe: Recipe
    sequence_length: int
    batch_size: int = 1


@dataclass(frozen=True)
class Requirement:
    """Least ratios of medians, over the published algorithm and over `lax.scan` with autodiff.

    Attributes:
        deer_at_most: how many times the time of `lax.scan` the published algorithm may take, to be a fair baseline.
    """

    over_deer: float
    over_sequential: float
    deer_at_most: float | None = None


_M3 = Recipe("lorenz63", 3, 3, 50, 0.1)
_M10 = Recipe("lorenz63", 10, 10, 50, 0.3)
_PARTIAL = Recipe("lorenz63", 1, 10, 50, 0.2)
_M30 = Recipe("lorenz63", 30, 30, 100, 0.3)
_SLOW = Recipe("lorenz96", 5, 25, 128, 0.1, slow_units=10, slow_diagonal=0.999)

_SINGLE = {
    Case("lorenz63_m3", _M3, 10_000): Requirement(2, 2.5),
    Case("embedded_m10", _M10, 20_000): Requirement(10, 3, deer_at_most=3.5),
    Case("partial_m10", _PARTIAL, 20_000): Requirement(5, 2),
    Case("embedded_m30", _M30, 8192): Requirement(30, 3, deer_at_most=12),
    Case("lorenz96_slow", _SLOW, 4096, batch_size=2): Requirement(10, 1),
}
ROWS: dict[Case, Requirement] = _SINGLE | {
    replace(case, name=f"{case.name}_b16", batch_size=16): Requirement(5, 1.2) for case in _SINGLE
}
MEMORY = Case("memory_m30", _M30, 100_000)
MOST_MEMORY_OVER_DEER = 0.05
MOST_FIRST_CALL = 3.0
MOST_GRADIENT_ERROR = 1e-4

_BASE = Case("grid_base", _M10, 10_000)


def grid() -> dict[str, list[Case]]:
    """Axis to cases: each changes one thing from the base, which comes first."""

    def model(name: str, **changes: float) -> Case:
        return replace(_BASE, name=f"grid_{name}", recipe=replace(_BASE.recipe, **changes))

    slow = {"obs_dim": 5, "slow_units": 3}
    return {
        "base": [_BASE],
        "M": [model(f"m{M}", obs_dim=M, latent_dim=M) for M in (3, 5, 20, 30)],
        "L": [model(f"l{L}", hidden_dim=L) for L in (20, 100, 200)],
        "T": [replace(_BASE, name=f"grid_t{T}", sequence_length=T) for T in (100, 1000, 100_000)],
        "B": [replace(_BASE, name=f"grid_b{B}", batch_size=B) for B in (4, 16, 64)],
        "alpha": [model(f"alpha{a:.2f}".replace(".", "p"), forcing_strength=a) for a in (0.05, 0.1, 0.2, 0.5)],
        "N": [model(f"n{N}", obs_dim=N) for N in (1, 3, 6)],
        "MAR": [model(f"slow{d:.3f}".replace(".", "p"), **slow, slow_diagonal=d) for d in (0.9, 0.99, 0.999)],
    }


def figure_1a() -> list[Case]:
    """The grid of Figure 1A, most informative first: long sequences of two models, of the others, then the rest."""
    wanted = [(T, M) for T in FIGURE_1A_LENGTHS for M in FIGURE_1A_LATENT_DIMS]

    def rank(point: tuple[int, int]) -> tuple[int, bool, int]:
        T, M = point
        power = T.bit_length() - 1
        return {20: 0, 17: 0, 14: 0, 7: 1, 10: 1, 12: 1, 19: 1}.get(power, 2), M not in (8, 32), -power

    return [
        Case(f"figure1a_m{M}_t{T}", Recipe("lorenz63", 3, M, 50, 0.2, updates=500), T)
        for T, M in sorted(wanted, key=rank)
    ]


def gpu() -> list[Case]:
    """All cases for a GPU, most informative first."""
    figure = figure_1a()
    large = [
        replace(MEMORY, name=f"large_m30_t{T}_b{B}", sequence_length=T, batch_size=B)
        for T, B in ((100_000, 16), (1_000_000, 1), (10_000, 1))
    ]
    return [*figure[:6], MEMORY, *large, *ROWS, *figure[6:]]


def named(name: str) -> Case:
    """The case of that name.

    Raises:
        KeyError: with the names that there are.
    """
    cases = {case.name: case for case in every()}
    if name not in cases:
        raise KeyError(f"no case '{name}'; there are {', '.join(cases)}")
    return cases[name]


def every() -> Iterator[Case]:
    yield from ROWS
    yield MEMORY
    for cases in grid().values():
        yield from cases
    yield from gpu()


def tiny(case: Case) -> Case:
    """The same case, so small that it shows nothing but that the commands work."""
    recipe = replace(case.recipe, hidden_dim=8, updates=4)
    return Case(case.name, recipe, min(case.sequence_length, 64), min(case.batch_size, 2))
