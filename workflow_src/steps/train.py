"""Train one pack of runs, Algorithms 1 to 3.

A training that is killed and started again continues from its last checkpoint. One that is asked to stop finishes the
updates that are being computed, writes a checkpoint and ends with a status that says that it is not done. A pack for
which the device has too little memory is trained in parts, one after the other.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from workflow_src import lock, logs, provenance, stop, store
from workflow_src.errors import UserError
from workflow_src.models import checkpoint
from workflow_src.models.base import AbstractModel
from workflow_src.specs.model import AbstractForcedModelSpec
from workflow_src.specs.run import RunSpec
from workflow_src.steps.arguments import arguments, run
from workflow_src.steps.device import numerics, prepare
from workflow_src.steps.unfinished import STEM, Unfinished
from workflow_src.training import loop, parts
from workflow_src.training.forward import solver_of

# Seconds and updates between two checkpoints of an unfinished training; whichever is over first.
KEEP_EVERY = 30.0
KEEP_EVERY_UPDATES = 5000


def train(
    spec: RunSpec, dataset: xr.Dataset, unfinished: Unfinished, asked: Callable[[], Any] = lambda: None
) -> tuple[AbstractModel, xr.Dataset, list[tuple[int, ...]]]:
    """Fit the job's models, one per seed; return them stacked, their history, and which seeds were trained together.

    Args:
        unfinished: the checkpoints of earlier attempts and of this one.
        asked: the signal that asks to stop, None while there is none.
    Raises:
        Stopped: the training was asked to stop and can be continued.
    """
    trajectory = dataset["train"].transpose("train_step", "component").values
    finished, together = _fit(spec, trajectory, unfinished, asked)
    return finished.state.model, _history(spec, finished), together


def _fit(
    spec: RunSpec, trajectory: np.ndarray, unfinished: Unfinished, asked: Callable[[], Any]
) -> tuple[loop.Progressed, list[tuple[int, ...]]]:
    """Train a pack together or, where that takes too much memory, its halves one after the other.

    What was begun in halves goes on in halves.
    """
    halves = parts.halves(spec)
    if not any(unfinished.of(half).is_begun() for half in halves):
        # The error is gone before the halves are tried: it holds on to the memory of the call that failed.
        if (finished := _together(spec, trajectory, unfinished, asked)) is not None:
            return finished, [spec.seeds]
        if not halves:
            raise UserError(
                f"seed {spec.seeds[0]}: one run at batch size {spec.batch_size} and T = {spec.sequence_length} takes "
                "more memory than the device has; lower packs_per_gpu or batch_size, or use a larger device"
            )
        logs.say(f"too little memory for {len(spec.seeds)} runs at once; training them in two parts")
    whole = unfinished.resume(spec) if unfinished.exists() else None
    for half in halves:
        if whole is not None and not unfinished.of(half).is_begun():
            unfinished.of(half).keep(parts.cut(spec, whole, half))
    fitted = [_fit(half, trajectory, unfinished.of(half), asked) for half in halves]
    return parts.joined([one for one, _ in fitted]), [seeds for _, together in fitted for seeds in together]


def _together(
    spec: RunSpec, trajectory: np.ndarray, unfinished: Unfinished, asked: Callable[[], Any]
) -> loop.Progressed | None:
    """Train a pack to its last update; None where the device has too little memory."""
    try:
        finished = loop.train(
            spec,
            trajectory,
            resume=unfinished.resume(spec),
            keep=unfinished.keep,
            keep_every=KEEP_EVERY,
            keep_every_updates=KEEP_EVERY_UPDATES,
            asked=lambda: asked() is not None,
        )
    except RuntimeError as error:
        if parts.is_out_of_memory(error):
            return None
        raise
    if finished.updates < spec.training.updates:
        logs.say(
            f"stopped after update {finished.updates} of {spec.training.updates}; "
            "the checkpoint is written, and the same command continues from there"
        )
        raise stop.Stopped(asked())
    if unfinished.path.stem != STEM:
        # A part: it waits for the others.
        unfinished.keep(finished)
    return finished


def _history(spec: RunSpec, finished: loop.Progressed) -> xr.Dataset:
    """The training history, one entry per seed and update."""
    updates = np.arange(finished.updates)
    trace = finished.trace._replace(forcing_strength=_forcing_strength(spec, finished.trace))
    traces = {name: (("seed", "update"), np.asarray(values)) for name, values in trace._asdict().items()}
    schedule = jax.vmap(loop.schedule_of(spec.training))(updates)
    choice = solver_of(spec)
    return xr.Dataset(
        traces
        | {
            "learning_rate": ("update", np.asarray(schedule)),
            "wall_time": ("update", finished.wall_time),
            "compilation_time": ((), finished.compilation_time),
            "diverged_at": ("seed", np.asarray(finished.state.diverged_at)),
        },
        coords={"seed": list(spec.seeds), "update": updates},
        attrs={
            "title": f"Training history of {spec.model} in {spec.experiment}",
            "solver": choice.solver,
            "solver_reason": choice.reason,
        },
    )


def _forcing_strength(spec: RunSpec, trace: loop.Trace) -> np.ndarray:
    """The forcing strength of each update; NaN where there was none, as in driven models."""
    if trace.forcing_strength is not None:
        return np.asarray(trace.forcing_strength)
    constant = spec.training.forcing_strength if isinstance(spec.architecture, AbstractForcedModelSpec) else np.nan
    return np.where(np.isnan(trace.converged_fraction), np.nan, constant)


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(__doc__, spec=RunSpec, dataset=Path, model=Path, history=Path).parse(argv)
    # Before the device: a second copy of a job takes no memory there while it waits for the first.
    with lock.held(args.model):
        prepare(args.spec.compute, args.spec.precision, deterministic=args.spec.deterministic)
        with stop.postponed() as asked, provenance.record("train", args, outputs=["model", "history"]) as record:
            record.update(numerics())
            data = store.load(args.dataset)
            identity = {
                "spec": args.spec.model_dump(mode="json"),
                "code": record["code_fingerprint"],
                "data": data.attrs["content_sha256"],
            }
            unfinished = Unfinished(args.model.with_name(f"{STEM}.eqx"), identity)
            # Not before all is written: Snakemake may have deleted an output of a job that outlived it.
            record.afterwards.append(unfinished.remove)
            models, history, together = train(args.spec, data, unfinished, asked)
            record["pack"] = list(args.spec.seeds) if len(together) == 1 else [list(one) for one in together]
            record.diverged(history["seed"].values[history["diverged_at"].values >= 0].tolist())
            checkpoint.save(args.model, args.spec, models, record.document())
            store.save(args.history, history, record.document())


if __name__ == "__main__":
    run(main)
