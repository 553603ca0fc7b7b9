"""Train one pack of runs, Algorithms 1 to 3.

A training that is killed and started again continues from its last checkpoint, which lies beside the outputs until
they are written.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from workflow_src import logs, provenance, store
from workflow_src.errors import UserError
from workflow_src.models import checkpoint
from workflow_src.models.base import AbstractModel
from workflow_src.specs.model import AbstractForcedModelSpec
from workflow_src.specs.run import RunSpec
from workflow_src.steps.arguments import arguments, run
from workflow_src.steps.device import numerics, prepare
from workflow_src.training import loop
from workflow_src.training.forward import solver_of

# Seconds between two checkpoints of an unfinished training.
KEEP_EVERY = 30.0


def train(
    spec: RunSpec, dataset: xr.Dataset, resume_at: Path, identity: dict[str, Any]
) -> tuple[AbstractModel, xr.Dataset]:
    """Fit the job's models, one per seed; return them stacked, with their history.

    Args:
        resume_at: where checkpoints of the unfinished training lie.
        identity: what a checkpoint must agree with to be continued: specification, code and data.
    """
    trajectory = dataset["train"].transpose("train_step", "component").values
    finished = loop.train(
        spec,
        trajectory,
        resume=_resume(spec, resume_at, identity),
        keep=lambda progressed: _keep(resume_at, identity, progressed),
        keep_every=KEEP_EVERY,
    )
    return finished.state.model, _history(spec, finished)


def _keep(path: Path, identity: dict[str, Any], progressed: loop.Progressed) -> None:
    checkpoint.write(path, {**identity, "updates": progressed.updates}, progressed)


def _resume(spec: RunSpec, path: Path, identity: dict[str, Any]) -> loop.Progressed | None:
    """The checkpoint of an earlier attempt at this very training, if there is a sound one."""
    if not path.exists():
        return None
    try:
        header = checkpoint.read_header(path)
        if any(header.get(key) != value for key, value in identity.items()):
            logs.say(f"{path}: is of another specification, code or dataset; starting afresh")
            return None
        progressed = checkpoint.read_tree(path, loop.blank(spec, header["updates"]))
    except UserError as error:
        logs.say(f"{error} (starting afresh)")
        return None
    logs.say(f"continuing after update {progressed.updates}")
    return progressed


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
    prepare(args.spec.compute, args.spec.precision)
    with provenance.record("train", args, outputs=["model", "history"]) as record:
        record.update(numerics())
        data = store.load(args.dataset)
        identity = {
            "spec": args.spec.model_dump(mode="json"),
            "code": record["code_fingerprint"],
            "data": data.attrs["content_sha256"],
        }
        resume_at = args.model.with_name("unfinished.eqx")
        models, history = train(args.spec, data, resume_at, identity)
        record["pack"] = list(args.spec.seeds)
        record.diverged(history["seed"].values[history["diverged_at"].values >= 0].tolist())
        checkpoint.save(args.model, args.spec, models, record.document())
        store.save(args.history, history, record.document())
        store.remove(resume_at)


if __name__ == "__main__":
    run(main)
