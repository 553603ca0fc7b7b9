"""Datasets, simulated again: the same bits, the same first Lyapunov times, the same attractor."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from workflow_src import logs, store
from workflow_src.audit.today import differences
from workflow_src.config import Preset
from workflow_src.errors import UserError
from workflow_src.provenance import fingerprint
from workflow_src.specs.dataset import DatasetSpec, Trajectory
from workflow_src.steps.simulate import simulate
from workflow_src.verify import origin
from workflow_src.verify.orbits import Judged, growth_rates, horizon, same_attractor, same_beginning
from workflow_src.verify.verdict import Check, Outcome, Tier, refused

# What a dataset is besides its orbits, which are compared in their own way.
ORBITS = ("train", "train_clean", "test", "mean", "std")
SPLITS = {"train": "train_clean", "test": "test"}
OCTANTS = "_octant_exponent"
# Functions of time and settings alone, and sums of rounded numbers.
EXACT = 1e-9
# Per time unit, for means over an eighth of twenty periods.
EXPONENT = 0.25


def verify_data(preset: Preset, base: Path) -> Iterator[Check]:
    """Every dataset of a preset that is there.

    Args:
        base: the preset's folder of results.
    Raises:
        UserError: none is there.
    """
    there = [name for name in preset.datasets if (base / f"simulate/{name}.nc").exists()]
    if not there:
        raise UserError(f"{base / 'simulate'}: has no dataset of preset {preset.preset}; make or unpack its results")
    for name in there:
        logs.say(f"simulating {name}")
        path = base / f"simulate/{name}.nc"
        try:
            stored = store.load(path)
        except UserError as error:
            yield refused(str(path), str(error).removeprefix(f"{path}: "))
            continue
        yield check(str(path), stored, preset.datasets[name], name)


def check(about: str, stored: xr.Dataset, spec: DatasetSpec, name: str) -> Check:
    """One dataset against what its settings give.

    Args:
        about: its name in the report.
        spec: its settings as the preset has them.
    """
    record = _record(stored)
    wanted = json.loads(spec.model_dump_json())
    if record and (changed := list(differences(record.get("spec", {}).get("spec"), wanted))):
        return refused(about, f"it was made with other settings than the preset's: {', '.join(changed[:3])}")
    again = store.describe(simulate(spec, name))
    # What the file states of itself proves nothing.
    if (content := store.content_hash(stored)) == store.content_hash(again):
        bits = Tier("bits", "PASS", f"content {content[:12]} as made anew")
        return Check(about, [bits, *(Tier(name, "PASS", "same bits") for name in ("beginning", "invariants"))])
    if (odd := _shape(stored, again)) is not None:
        return refused(about, odd)
    here = origin.here(code_fingerprint=fingerprint("workflow_src.steps.simulate"))
    reasons = origin.differences(record, here)
    outcome: Outcome = "INCONCLUSIVE" if reasons else "FAIL"
    bits = f"other content than made anew; {reasons[0] if reasons else 'same machine, versions and sources'}"
    return Check(
        about,
        [
            Tier("bits", outcome, bits),
            _tier("beginning", [_rest(stored, again), *_each(stored, again, spec)]),
            _tier("invariants", [_standardised(stored), _exponents(stored, again), *_attractors(stored, again)]),
        ],
    )


def _record(stored: xr.Dataset) -> Any:
    try:
        record = json.loads(stored.attrs["provenance"])
    except (KeyError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _tier(name: str, judged: list[Judged]) -> Tier:
    """The tier of several comparisons: the worst of them speaks."""
    for one in judged:
        if one.holds is False:
            return Tier(name, "FAIL", one.text)
    for one in judged:
        if one.holds is None:
            return Tier(name, "INCONCLUSIVE", one.text)
    return Tier(name, "PASS", "; ".join(one.text for one in judged if one.text))


def _shape(stored: xr.Dataset, again: xr.Dataset) -> str | None:
    """What of a dataset's variables is missing, too much or of another size."""
    for name in sorted({*map(str, stored.variables), *map(str, again.variables)}):
        if name not in stored.variables or name not in again.variables:
            return f"variable {name} is {'missing' if name not in stored.variables else 'one too many'}"
        if dict(stored[name].sizes) != dict(again[name].sizes):
            return f"variable {name} has sizes {dict(stored[name].sizes)} instead of {dict(again[name].sizes)}"
        if stored[name].dtype.kind != again[name].dtype.kind and again[name].dtype.kind in "fi":
            return f"variable {name} is of type {stored[name].dtype} instead of {again[name].dtype}"
    return None


def _rest(stored: xr.Dataset, again: xr.Dataset) -> Judged:
    """Everything besides the orbits, and the noise on the training orbit: functions of settings alone."""
    for name in map(str, again.variables):
        if name in ORBITS or name.endswith(OCTANTS):
            continue
        if not _equal(stored[name].values, again[name].values):
            return Judged(False, f"{name} is another")
    noises = [(one["train"] - one["train_clean"]).values for one in (stored, again)]
    return Judged(True, "") if _equal(*noises) else Judged(False, "the noise on train is another")


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    if other.dtype.kind not in "fi":
        return [str(value) for value in one.ravel()] == [str(value) for value in other.ravel()]
    return bool(np.allclose(one, other, rtol=EXACT, atol=EXACT))


def _each(stored: xr.Dataset, again: xr.Dataset, spec: DatasetSpec) -> Iterator[Judged]:
    for split, name in SPLITS.items():
        trajectory: Trajectory = getattr(spec, split)
        rates = growth_rates(spec, trajectory)
        steps = horizon(rates, spec.time_step, trajectory.transient_steps)
        judged = same_beginning(_physical(stored, name), _physical(again, name), steps)
        times = max(0.0, float(rates[trajectory.transient_steps :].mean())) * steps * spec.time_step
        reach = f" ({times:.1f} Lyapunov times)" if judged.holds else ""
        yield judged._replace(text=f"{name}: {judged.text}{reach}")


def _standardised(stored: xr.Dataset) -> Judged:
    """The clean training orbit has mean zero and standard deviation one, whatever happened to rounding."""
    orbit = _orbit(stored, "train_clean")
    off = max(float(np.abs(orbit.mean(axis=0)).max()), float(np.abs(orbit.std(axis=0) - 1).max()))
    return Judged(True, "") if off <= EXACT else Judged(False, f"train_clean is not standardised (off by {off:.1e})")


def _exponents(stored: xr.Dataset, again: xr.Dataset) -> Judged:
    for name in (str(name) for name in again.variables if str(name).endswith(OCTANTS)):
        if not (np.abs(stored[name] - again[name]) <= EXPONENT).all():
            return Judged(False, f"{name} is off by more than {EXPONENT} per time unit")
    return Judged(True, "")


def _attractors(stored: xr.Dataset, again: xr.Dataset) -> Iterator[Judged]:
    for name, other in (("train_clean", "test"), ("test", "train_clean")):
        judged = same_attractor(_physical(stored, name), _physical(again, name), _physical(again, other))
        yield judged._replace(text=f"{name}: {judged.text}")


def _orbit(dataset: xr.Dataset, name: str) -> Float[np.ndarray, "T N"]:
    return dataset[name].transpose(f"{name.removesuffix('_clean')}_step", "component").values


def _physical(dataset: xr.Dataset, name: str) -> Float[np.ndarray, "T N"]:
    """An orbit in its own units: mean and spread are those of a whole orbit, in which rounding has grown."""
    return _orbit(dataset, name) * dataset["std"].values + dataset["mean"].values
