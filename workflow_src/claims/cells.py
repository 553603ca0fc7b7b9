"""The values that a claim compares: one cell per model and sequence length (or forcing strength), one value per unit.

Units are the runs of an experiment (one per seed), the timed updates of a runtime benchmark, or the forward passes of
an iterations benchmark. A unit that failed (a diverged run, an unconverged solve) is kept as the worst value there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Shaped

from workflow_src import store
from workflow_src.claims.claim import EXPONENTS, Selection
from workflow_src.claims.missing import Missing
from workflow_src.claims.models import choose
from workflow_src.specs.claims import ROLES, RoleSpec

NEWTON = ("deer", "quasi_deer", "newton")
SHORTEST_SLOPE = 2


@dataclass(frozen=True)
class Cell:
    """The values of one model at one sequence length or forcing strength.

    Attributes:
        x: the sequence length or forcing strength.
        units: seed, timed update or forward pass of each value.
        values: inf where the unit failed; of exponents NaN there.
    """

    model: str
    x: float
    units: Shaped[np.ndarray, " units"]
    values: Float[np.ndarray, " units"]
    failed: Bool[np.ndarray, " units"]


def gather(selection: Selection, arrays: Mapping[str, xr.Dataset], roles: Mapping[str, RoleSpec]) -> list[Cell]:
    """The cells of a selection, by model and then by x.

    Raises:
        Missing: the preset does not fill the role, or its arrays lack what is selected.
    """
    if selection.role not in arrays:
        raise Missing(f"the preset has no {selection.role}")
    dataset, role = arrays[selection.role], roles[selection.role]
    models = choose(selection.models, role, dataset)
    if selection.measure == "newton_iterations" and (
        others := [model for model in models if role.models[model].solver not in NEWTON]
    ):
        raise Missing(f"{others[0]} is trained by {role.models[others[0]].solver}, without Newton iterations")
    match ROLES[selection.role]:
        case "experiment":
            cells = [_runs(dataset, selection, m, t) for m in models for t in _lengths(dataset, selection)]
        case "runtime":
            cells = [_timed(dataset, selection, m, t) for m in models for t in _lengths(dataset, selection)]
        case _:
            cells = [_passes(dataset, selection, m, a) for m in models for a in _strengths(dataset, selection)]
    if found := [cell for cell in cells if cell.values.size]:
        return found
    raise Missing(f"{selection.role} holds no value of {selection.measure}")


def _lengths(dataset: xr.Dataset, selection: Selection) -> list[int]:
    lengths = sorted(int(length) for length in dataset["sequence_length"].values)
    count = len(lengths)
    if selection.sequence_length == "middle" and count < 3:
        raise Missing("there is no length between the shortest and the longest")
    return {
        "all": lengths,
        "shortest": lengths[:1],
        "middle": lengths[(count - 1) // 2 : (count - 1) // 2 + 1],
        "longest": lengths[-1:],
        "lower_half": lengths[: -(-count // 2)],
        "upper_half": lengths[count // 2 :],
    }[selection.sequence_length]


def _strengths(dataset: xr.Dataset, selection: Selection) -> list[float]:
    strengths = sorted(float(strength) for strength in dataset["forcing_strength"].values)
    positive = [strength for strength in strengths if strength > 0] or strengths
    middle = (len(positive) - 1) // 2
    return {
        "all": strengths,
        "smallest": strengths[:1],
        "middle": positive[middle : middle + 1],
        "largest": strengths[-1:],
    }[selection.forcing_strength or "all"]


def _runs(dataset: xr.Dataset, selection: Selection, model: str, length: int) -> Cell:
    point = dataset.sel(model=model, sequence_length=length)
    values = _measure(point, selection)
    status = point["status"].to_numpy().astype(float)
    # Seeds that are not part of this experiment's point have no status.
    there = np.isfinite(status)
    failed = ~np.isfinite(values) | (status == store.STATUS["diverged_in_training"])
    worst = np.nan if selection.measure in EXPONENTS else np.inf
    values = np.where(failed, worst, values)
    return Cell(model, float(length), point["seed"].to_numpy()[there], values[there], failed[there])


def _measure(point: xr.Dataset, selection: Selection) -> Float[np.ndarray, " seeds"]:
    """The values of one measure, one per seed; not finite where a run has none."""
    if selection.measure == "state_space_divergence":
        first = str(point["embedding"].values[0])
        chosen = point.sel(embedding=first)
        values = chosen[selection.measure].to_numpy().astype(float)
        return np.where(np.isfinite(values), np.maximum(values, _resolution(chosen)), values)
    if selection.measure == "newton_iterations":
        curves = _window(point[selection.measure].transpose("seed", "update").to_numpy().astype(float), selection)
        return np.median(curves, axis=1)
    if selection.measure == "loss_roughness":
        loss = point["loss"].transpose("seed", "update").to_numpy().astype(float)
        later = loss[:, loss.shape[1] // 2 :]
        if later.shape[1] < SHORTEST_SLOPE:
            raise Missing("the training history is too short")
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.median(np.abs(np.diff(np.log10(later), axis=1)), axis=1)
    return point[selection.measure].to_numpy().astype(float)


def _resolution(chosen: xr.Dataset) -> float:
    """The divergence below which a model cannot be told from a second true orbit.

    That of the two true orbits with twice its Monte-Carlo error; it may come out negative, and ratios need positive
    numbers.
    """
    floor = float(chosen["state_space_divergence_floor"])
    error = float(chosen["state_space_divergence_floor_error"])
    return max(floor, 0.0) + max(2 * error, 1e-4)


def _window(curves: Float[np.ndarray, "seeds updates"], selection: Selection) -> Float[np.ndarray, "seeds window"]:
    tenth = max(curves.shape[1] // 10, 1)
    return {"all": curves, "first_tenth": curves[:, :tenth], "last_tenth": curves[:, -tenth:]}[selection.updates]


def _timed(dataset: xr.Dataset, selection: Selection, model: str, length: int) -> Cell:
    if selection.solver not in dataset["solver"].values:
        raise Missing(f"the benchmark does not time {selection.solver}")
    point = dataset.sel(model=model, sequence_length=length, solver=selection.solver)
    values = point["update_time"].to_numpy().astype(float)
    # Fewer updates are timed of some solvers than of others.
    there = np.isfinite(values)
    failed = point["converged_fraction"].to_numpy().astype(float) < 0.5
    values = np.where(failed, np.inf, values)
    return Cell(model, float(length), point["sample"].to_numpy()[there], values[there], failed[there])


def _passes(dataset: xr.Dataset, selection: Selection, model: str, strength: float) -> Cell:
    if selection.guess not in dataset["guess"].values:
        raise Missing(f"the benchmark has no guess {selection.guess}")
    point = dataset.sel(model=model, forcing_strength=strength, guess=selection.guess)
    # A model whose training diverged is none that was trained.
    point = point.isel(forward_pass=point["diverged_at"].to_numpy() < 0)
    failed = point["converged"].to_numpy() != 1
    values = np.where(failed, np.inf, point["iterations"].to_numpy().astype(float))
    return Cell(model, strength, point["forward_pass"].to_numpy(), values, failed)
