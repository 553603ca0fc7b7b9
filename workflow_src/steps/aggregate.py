"""Combine the measures and histories of an experiment's runs into arrays over (model, sequence length, seed)."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from workflow_src import provenance, store
from workflow_src.errors import UserError
from workflow_src.specs.aggregate import AggregateSpec
from workflow_src.steps.arguments import arguments, run

MOST_HISTORY_POINTS = 200
SHARED = (
    *("state_space_divergence_floor", "state_space_divergence_floor_error", "forecast_rmse_floor", "truth_example"),
    *("forecast_rmse_by_lead_floor", "spectrum_distance_floor", "truth_spectrum", "lyapunov_exponent_truth"),
)


def aggregate(spec: AggregateSpec, measures: Sequence[xr.Dataset], histories: Sequence[xr.Dataset]) -> xr.Dataset:
    """Arrays over (model, sequence_length, seed) of all runs, diverged ones included.

    Args:
        measures: evaluated packs, ordered by model, then sequence length, then pack.
        histories: their training histories, in the same order.
    """
    cells = list(itertools.product(spec.models, spec.sequence_lengths, spec.packs))
    if not len(cells) == len(measures) == len(histories):
        raise UserError(f"--measures: {len(measures)} files for {len(cells)} jobs of {spec.experiment}; pass one each")
    # One width for all, so that the bins of models with fewer updates are the first ones of the others.
    width = bin_width(histories)
    thinned = [thin(history, width) for history in histories]
    updates = np.unique(np.concatenate([history["update"].values for history in thinned]))
    parts = []
    for (model, length, _), measure, history in zip(cells, measures, thinned, strict=True):
        part = xr.merge([measure.drop_vars(SHARED), history], combine_attrs="drop", join="exact", compat="equals")
        parts.append(part.reindex(update=updates).expand_dims(model=[model], sequence_length=[length]))
    combined = xr.combine_by_coords(
        parts, combine_attrs="drop", join="outer", compat="no_conflicts", data_vars="minimal"
    )
    assert isinstance(combined, xr.Dataset)
    combined = combined.reindex(model=list(spec.models), sequence_length=list(spec.sequence_lengths))
    combined["parameter_count"] = combined["parameter_count"].isel(sequence_length=0)
    shared = {name: measures[0][name] for name in SHARED}
    return (
        combined.assign(shared)
        .assign(
            batch_size=("sequence_length", list(spec.batch_size)),
            warmup=("sequence_length", list(spec.warmup)),
            mar_strength=("model", list(spec.mar_strength)),
        )
        .assign_attrs(
            title=f"Runs of experiment {spec.experiment}",
            experiment=spec.experiment,
            dataset=spec.dataset,
            time_step=spec.time_step,
            obs_dim=spec.obs_dim,
            forecast_steps=int(measures[0].attrs["forecast_steps"]),
        )
    )


def bin_width(histories: Sequence[xr.Dataset]) -> int:
    """Updates per bin, so that the longest history has at most MOST_HISTORY_POINTS bins."""
    return -(-max(history.sizes["update"] for history in histories) // MOST_HISTORY_POINTS)


def thin(history: xr.Dataset, width: int) -> xr.Dataset:
    """A history in bins of `width` updates: medians of the loss, means of the rest, and counts of what failed.

    A bin of a diverged run is NaN from where it diverged. The last bin is shorter where the bins do not fit.
    """
    converged = history["converged_fraction"]
    seeds = {"seed": history["seed"]}
    return xr.Dataset(
        {
            "loss": _binned(history["loss"], width, np.median),
            "newton_iterations": _binned(history["newton_iterations"], width, np.mean),
            "forcing_strength": _binned(history["forcing_strength"], width, np.mean),
            "converged_fraction": _binned(converged, width, np.mean),
            "diverged_at": history["diverged_at"],
            "finished_updates": converged.notnull().sum("update"),
            "unconverged_updates": (converged < 1).sum("update"),
            "wall_time": history["wall_time"].isel(update=-1, drop=True).expand_dims(seeds),
            "elapsed_time": _binned(history["wall_time"], width, np.mean).expand_dims(seeds),
            "compilation_time": history["compilation_time"].expand_dims(seeds),
        },
        coords={"update": _binned(history["update"], width, np.mean)},
    )


def _binned(values: xr.DataArray, width: int, reduce: Callable[..., np.ndarray]) -> xr.DataArray:
    """Bins of `width` updates; the last holds what is left."""
    array = values.transpose(..., "update").to_numpy()
    bins = [reduce(array[..., first : first + width], axis=-1) for first in range(0, array.shape[-1], width)]
    dims = (*(dim for dim in values.dims if dim != "update"), "update")
    return xr.DataArray(np.stack(bins, axis=-1), dims=dims)


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(__doc__, spec=AggregateSpec, measures=list, histories=list, output=Path).parse(argv)
    with provenance.record("aggregate", args, outputs=["output"]) as record:
        measures, histories = ([store.load(path) for path in paths] for paths in (args.measures, args.histories))
        store.save(args.output, aggregate(args.spec, measures, histories), record.document())


if __name__ == "__main__":
    run(main)
