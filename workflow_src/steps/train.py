"""Train one pack of runs, Algorithms 1 to 3.

A training that is killed and started again continues from its last checkpoint. One that is asked to stop finishes the
updates that are being computed, writes a checkpoint and ends with a status that says that it is not done.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from workflow_src import lock, logs, provenance, stop, store
from workflow_src.models import checkpoint
from workflow_src.models.base import AbstractModel
from workflow_src.specs.run import RunSpec
from workflow_src.steps.arguments import arguments, run
from workflow_src.steps.device import numerics, prepare
from workflow_src.steps.unfinished import Unfinished
from workflow_src.training import loop
from workflow_src.training.forward import solver_of

# Seconds and updates between two checkpoints of an unfinished training; whichever is over first.
KEEP_EVERY = 30.0
KEEP_EVERY_UPDATES = 5000


def train(
    spec: RunSpec, dataset: xr.Dataset, unfinished: Unfinished, asked: Callable[[], Any] = lambda: None
) -> tuple[AbstractModel, xr.Dataset]:
    """Fit the job's models, one per seed; return them stacked, with their history.

    Args:
        unfinished: the checkpoints of earlier attempts and of this one.
        asked: the signal that asks to stop, None while there is none.
    Raises:
        Stopped: the training was asked to stop and can be continued.
    """
    trajectory = dataset["train"].transpose("train_step", "component").values
    finished = loop.train(
        spec,
        trajectory,
        resume=unfinished.resume(spec),
        keep=unfinished.keep,
        keep_every=KEEP_EVERY,
        keep_every_updates=KEEP_EVERY_UPDATES,
        asked=lambda: asked() is not None,
    )
    if finished.updates < spec.training.updates:
        logs.say(
            f"stopped after update {finished.updates} of {spec.training.updates}; "
            "the checkpoint is written, and the same command continues from there"
        )
        raise stop.Stopped(asked())
    return finished.state.model, _history(spec, finished)


def _history(spec: RunSpec, finished: loop.Progressed) -> xr.Dataset:
    """The training history, one entry per seed and update."""
    updates = np.arange(finished.updates)
    traces = {name: (("seed", "update"), np.asarray(values)) for name, values in finished.trace._asdict().items()}
    schedule = jax.vmap(loop.schedule_of(spec.training))(updates)
    choice = solver_of(spec)
    return xr.Dataset(
        traces
        | {
            "learning_rate": ("update", np.asarray(schedule)),
            "wall_time": ("update", finished.wall_time),
            "diverged_at": ("seed", np.asarray(finished.state.diverged_at)),
        },
        coords={"seed": list(spec.seeds), "update": updates},
        attrs={
            "title": f"Training history of {spec.model} in {spec.experiment}",
            "solver": choice.solver,
            "solver_reason": choice.reason,
        },
    )


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(__doc__, spec=RunSpec, dataset=Path, model=Path, history=Path).parse(argv)
    # Before the device: a second copy of a job takes no memory there while it waits for the first.
    with lock.held(args.model):
        prepare(args.spec.compute, args.spec.precision)
        with stop.postponed() as asked:
            with provenance.record("train", args, outputs=["model", "history"]) as record:
                record.update(numerics())
                data = store.load(args.dataset)
                identity = {
                    "spec": args.spec.model_dump(mode="json"),
                    "code": record["code_fingerprint"],
                    "data": data.attrs["content_sha256"],
                }
                unfinished = Unfinished(args.model.with_name("unfinished.eqx"), identity)
                models, history = train(args.spec, data, unfinished, asked)
                record["pack"] = list(args.spec.seeds)
                record.diverged(history["seed"].values[history["diverged_at"].values >= 0].tolist())
                checkpoint.save(args.model, args.spec, models, record.document())
                store.save(args.history, history, record.document())
            # Not before all is written: Snakemake may have deleted an output of a job that outlived it.
            unfinished.remove()


if __name__ == "__main__":
    run(main)
