"""One trained run against the same run trained anew: parameters, losses and measures."""

import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy import stats

from workflow_src import store
from workflow_src.audit.today import differences
from workflow_src.config import Preset
from workflow_src.config.jobs import place
from workflow_src.errors import UserError
from workflow_src.provenance import carriers
from workflow_src.specs.run import RunSpec
from workflow_src.verify import origin
from workflow_src.verify.verdict import Check, Outcome, Tier, refused

MEASURES = ("state_space_divergence", "forecast_rmse", "lyapunov_exponent", "spectrum_distance")
# Relative differences that rounding may have grown to within a few updates.
TOLERANCE = {"float32": 1e-3, "float64": 1e-6}
# Relative difference of parameters that cannot have had the same losses all along.
APART = 0.1
# Updates whose losses must agree: same start, same batches, and rounding has had no time to grow.
FIRST_UPDATES = 5
# Of two draws from the same distribution, how many may differ by more than is accepted.
CHANCE = 0.01
FEWEST_SEEDS = 3


class Trained(NamedTuple):
    """A trained pack.

    Attributes:
        arrays: of its checkpoint, each with the seeds along its first axis; None if the checkpoint is not here.
        losses: per seed and update, or median of `width` updates.
        measures: of its evaluation; None if there is none.
        record: of the training.
        content: hash of the arrays.
        width: updates that one of the losses stands for.
    """

    arrays: Sequence[np.ndarray] | None
    losses: np.ndarray
    measures: xr.Dataset | None
    record: Mapping[str, Any] | None
    content: str | None = None
    width: int = 1

    @classmethod
    def read(cls, model: Path, history: Path, measures: Path | None, seeds: Sequence[int]) -> "Trained":
        """Read the files of a pack.

        Raises:
            UserError: one of them is missing or damaged.
        """
        try:
            record, stated = carriers.read(model)
            if stated is None or stated != carriers.content_of(model):
                raise carriers.Damaged("its arrays were changed after they were written")
        except (OSError, carriers.Damaged) as error:
            raise UserError(f"{model}: {error}; train it again") from None
        try:
            arrays = _arrays(model)
        except (ValueError, EOFError):
            raise UserError(f"{model}: does not hold arrays; train it again") from None
        losses = _of(history, ["loss"], seeds)["loss"].transpose("seed", "update").values
        return cls(arrays, losses, _of(measures, MEASURES, seeds) if measures else None, record, stated)


class Stored(NamedTuple):
    """A pack among the results, with the measures of all seeds of its cell."""

    trained: Trained
    spread: Sequence[xr.Dataset]

    @property
    def measures(self) -> xr.Dataset | None:
        return self.trained.measures


def stored_run(preset: Preset, base: Path, run: RunSpec) -> Stored:
    """Read a pack of the results.

    Raises:
        UserError: it is not what the preset asks for, or cannot be read.
    """
    model, history = (base / f"train/{place(run)}/{name}" for name in ("model.eqx", "history.nc"))
    packs = [place(run.model_copy(update={"seeds": pack})) for pack in preset.packs(run.experiment)]
    evaluated = [path for pack in packs if (path := base / f"evaluate/{pack}.nc").exists()]
    own = base / f"evaluate/{place(run)}.nc"
    trained = Trained.read(model, history, None, run.seeds)
    require(model, run, trained.record, store.load(base / f"simulate/{run.dataset}.nc"))
    if own in evaluated:
        trained = trained._replace(measures=_of(own, MEASURES, run.seeds))
    return Stored(trained, [_of(path, MEASURES, ()) for path in evaluated])


def compare(about: str, run: RunSpec, seed: int, stored: Stored, again: Trained) -> Check:
    """One run of a pack, in three tiers.

    Args:
        about: its name in the report.
        seed: which run of the pack.
        again: the pack trained anew.
    """
    off = None
    if stored.trained.arrays is None or again.arrays is None:
        equal = stored.trained.content is not None and stored.trained.content == again.content
    else:
        lane = run.seeds.index(seed)
        shapes = [[(array.shape, array.dtype) for array in arrays] for arrays in (stored.trained.arrays, again.arrays)]
        if shapes[0] != shapes[1]:
            return refused(about, "its arrays have other shapes than those trained anew")
        pairs = [(one[lane], other[lane]) for one, other in zip(stored.trained.arrays, again.arrays, strict=True)]
        equal = all(one.tobytes() == other.tobytes() for one, other in pairs)
        off = max((_distance(one, other) for one, other in pairs), default=0.0)
    return Check(
        about,
        [
            _bits(run, stored.trained.record, again.record, equal=equal),
            _numeric(run, seed, stored.trained, again, off, equal=equal),
            _statistical(seed, stored, again),
        ],
    )


def _arrays(path: Path) -> list[np.ndarray]:
    """The arrays of a checkpoint: one after the other in NumPy's format. Reading them needs no model."""
    payload = io.BytesIO(path.read_bytes().partition(b"\n")[2])
    found = []
    while payload.tell() < len(payload.getbuffer()):
        found.append(np.load(payload, allow_pickle=False))
    return found


def _of(path: Path, names: Sequence[str], seeds: Sequence[int]) -> xr.Dataset:
    """Some variables of a file, of these seeds; no seeds means all.

    Raises:
        UserError: they are not in it.
    """
    try:
        dataset = store.load(path)[list(names)]
        return dataset.sel(seed=list(seeds)) if seeds else dataset
    except KeyError:
        raise UserError(f"{path}: has not {', '.join(names)} of all its seeds; make it again") from None


def require(model: Path, run: RunSpec, record: Mapping[str, Any] | None, dataset: xr.Dataset) -> None:
    """Refuse a pack that was trained by other settings than the preset's, or on other data than the results have."""
    if record is None:
        raise UserError(f"{model}: has no record; train it again")
    if changed := list(differences(record["spec"].get("spec"), json.loads(run.dump()))):
        raise UserError(f"{model}: was trained with other settings than the preset's: {', '.join(changed[:3])}")
    read = {one["content_sha256"] for one in record["inputs"] if one["role"] == "dataset"}
    if read != {store.content_hash(dataset)}:
        raise UserError(f"{model}: was trained on another {run.dataset} than the one here")


def _bits(run: RunSpec, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, *, equal: bool) -> Tier:
    if equal:
        return Tier("bitwise", "PASS", "same parameters")
    reasons = origin.differences(old, new or {})
    flags = (old or {}).get("execution", {}).get("environment", {}).get("XLA_FLAGS", "")
    if run.compute == "cuda" and "deterministic_ops=true" not in flags:
        reasons.append("a GPU without --xla_gpu_deterministic_ops sums in any order")
    outcome: Outcome = "INCONCLUSIVE" if reasons else "FAIL"
    return Tier(
        "bitwise", outcome, f"other parameters; {reasons[0] if reasons else 'same machine, versions and sources'}"
    )


def _numeric(
    run: RunSpec,
    seed: int,
    stored: Trained,
    again: Trained,
    off: float | None,
    *,
    equal: bool,
) -> Tier:
    """Losses update by update, parameters at the end; measures where the parameters are the same bits.

    Args:
        off: relative distance of the parameters; None if they are not here.
    """
    lane, tolerance = run.seeds.index(seed), max(TOLERANCE[run.precision], 10 * run.training.tolerance)
    again_losses = binned(again.losses, stored.width)
    agreed = _agreeing(stored.losses[lane], again_losses[lane], tolerance)
    updates = again_losses.shape[1]
    what = "updates" if stored.width == 1 else f"medians of {stored.width} updates"
    fewest = min(max(1, FIRST_UPDATES // stored.width), updates)
    if stored.losses.shape != again_losses.shape or agreed < fewest:
        return Tier("numeric", "FAIL", f"losses agree to {tolerance:g} for {agreed} of {updates} {what}")
    if equal and (name := _other_measure(seed, stored.measures, again.measures)):
        return Tier("numeric", "FAIL", f"same parameters, but another {name}")
    parameters = "are not here" if off is None else f"to {off:.1e}"
    text = f"losses agree to {tolerance:g} for {agreed} of {updates} {what}, parameters {parameters}"
    if equal and agreed < updates:
        return Tier("numeric", "FAIL", f"same parameters, but other losses from update {agreed} on")
    if agreed < updates:
        return Tier("numeric", "INCONCLUSIVE", f"{text}; rounding may have grown")
    if off is None:
        return Tier("numeric", "PASS", text)
    outcome: Outcome = "PASS" if off <= tolerance else "FAIL" if off > APART else "INCONCLUSIVE"
    return Tier("numeric", outcome, text)


def binned(losses: np.ndarray, width: int) -> np.ndarray:
    """Medians of `width` updates, as combined arrays have them; the last of what is left."""
    if width == 1:
        return losses
    starts = range(0, losses.shape[1], width)
    return np.stack([np.median(losses[:, first : first + width], axis=1) for first in starts], axis=1)


def _agreeing(old: np.ndarray, new: np.ndarray, tolerance: float) -> int:
    """How many updates from the first on have the same loss; a diverged run has none at the same updates."""
    most = min(len(old), len(new))
    same = np.isclose(old[:most], new[:most], rtol=tolerance, atol=0, equal_nan=True)
    return most if same.all() else int(np.argmin(same))


def _distance(old: np.ndarray, new: np.ndarray) -> float:
    """Of two arrays, relative to the size of the second."""
    if old.dtype.kind not in "fc":
        return 0.0 if np.array_equal(old, new) else math.inf
    size = float(np.linalg.norm(new.astype(float)))
    gap = float(np.linalg.norm(old.astype(float) - new.astype(float)))
    return 0.0 if gap == 0 else gap / size if size else math.inf


def _statistical(seed: int, stored: Stored, again: Trained) -> Tier:
    """Each measure against how much it differs from seed to seed."""
    if stored.measures is None or again.measures is None:
        return Tier("statistical", "INCONCLUSIVE", "its evaluation is not here")
    told, open_ = [], []
    for name in MEASURES:
        old, new = _measure(stored.measures, name, seed), _measure(again.measures, name, seed)
        others = [value for one in stored.spread for value in _others(one, name, seed)]
        text = f"{name} {old:.3g}, anew {new:.3g}"
        if old == new or (math.isnan(old) and math.isnan(new)) or math.isclose(old, new, rel_tol=1e-6):
            told.append(text)
            continue
        # The stored value itself is in question: it must not widen the spread that it is judged by.
        sample = [value for value in (*others, new) if math.isfinite(value)]
        if not (math.isfinite(old) and math.isfinite(new)):
            if len(sample) == len(others) + 1:
                return Tier("statistical", "FAIL", f"{text}: no other seed diverged")
            open_.append(f"{text}: other seeds diverged too")
        elif len(sample) < FEWEST_SEEDS:
            open_.append(f"{text}: {len(sample)} seeds have no spread to speak of")
        else:
            most = float(stats.t.isf(CHANCE / 2, len(sample) - 1) * math.sqrt(2) * np.std(sample, ddof=1))
            if abs(old - new) > most:
                return Tier("statistical", "FAIL", f"{text}: further apart than two seeds are ({most:.2g})")
            told.append(f"{text} (seeds: up to {most:.2g} apart)")
    if open_:
        return Tier("statistical", "INCONCLUSIVE", open_[0])
    return Tier("statistical", "PASS", "; ".join(told))


def _measure(measures: xr.Dataset, name: str, seed: int) -> float:
    """A measure of one seed; in the first embedding, which the figures show."""
    value = measures[name].sel(seed=seed)
    return float(value.isel(embedding=0) if "embedding" in value.dims else value)


def _others(measures: xr.Dataset, name: str, seed: int) -> Iterator[float]:
    return (_measure(measures, name, other) for other in measures["seed"].values.tolist() if other != seed)


def _other_measure(seed: int, stored: xr.Dataset | None, again: xr.Dataset | None) -> str | None:
    """The first measure that is not the same though the model is."""
    if stored is None or again is None:
        return None
    for name in MEASURES:
        if not np.isclose(
            _measure(stored, name, seed), _measure(again, name, seed), rtol=1e-3, atol=1e-6, equal_nan=True
        ):
            return name
    return None
