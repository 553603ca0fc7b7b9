"""Data of the cases: orbits integrated here, embedded by delays, standardised, and cut into windows."""

import math
from pathlib import Path

import numpy as np
from jaxtyping import Float

from benchmarks.cases import Case, Recipe
from workflow_src.metrics.delay_embedding import embed
from workflow_src.systems import SYSTEMS
from workflow_src.systems.integrate import integrate

TRANSIENT = 1000
SHORTEST, LONGEST_OF_BATCHES = 2**15, 2**18
DELAY = 5
CACHE = Path(__file__).parent / ".cache"

LORENZ_63 = {"sigma": 10.0, "rho": 28.0, "beta": 8 / 3}
LORENZ_96 = {"forcing_offset": 5.0, "forcing_amplitude": 4.0, "forcing_period": 20.0}


def trajectory(recipe: Recipe, steps: int, cache: Path = CACHE) -> Float[np.ndarray, "steps N"]:
    """Standardised observations of one orbit, of at least that many steps."""
    rounded = 2 ** max(math.ceil(math.log2(max(steps, 1))), 8)
    copies = -(-recipe.obs_dim // 3) if recipe.system == "lorenz63" else 1
    orbit = _orbit(recipe, rounded + (copies - 1) * DELAY, cache)
    x = embed(orbit, copies, DELAY)[:, : recipe.obs_dim]
    return ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)


def windows(case: Case, cache: Path = CACHE) -> Float[np.ndarray, "B T N"]:
    """The case's windows, evenly spread over the orbit; they overlap where B of them do not fit in."""
    T, B = case.sequence_length, case.batch_size
    x = trajectory(case.recipe, max(T, min(B * T, LONGEST_OF_BATCHES), SHORTEST), cache)
    return np.stack([x[start : start + T] for start in np.linspace(0, len(x) - T, B).astype(int)])


def _orbit(recipe: Recipe, steps: int, cache: Path) -> Float[np.ndarray, "steps dim"]:
    """An orbit after its transient; a long one takes a while, so it is kept."""
    dim = 3 if recipe.system == "lorenz63" else recipe.obs_dim
    path = cache / f"{recipe.system}_{dim}_{steps}.npy"
    if path.exists():
        return np.load(path)
    if recipe.system == "lorenz63":
        parameters, state, time_step = LORENZ_63, (1.0, 1.0, 20.0), 0.01
    else:
        parameters, state, time_step = {"dimension": float(dim), **LORENZ_96}, (5.1, *[5.0] * (dim - 1)), 0.05
    derivative = SYSTEMS[recipe.system].derivative(parameters)
    orbit = integrate(derivative, state, time_step, 1, TRANSIENT + steps)[TRANSIENT:]
    save(path, orbit)
    return orbit


def save(path: Path, array: np.ndarray) -> None:
    """Write an array; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    with beside.open("wb") as file:
        np.save(file, array)
    beside.rename(path)
