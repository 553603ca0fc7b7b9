"""Short-term forecasts over all sequence lengths, and time per update at the longest (Sec. 5.3)."""

import pandas as pd
import xarray as xr

from workflow_src.errors import UserError
from workflow_src.figures.labels import label_of
from workflow_src.figures.runs import lengths_of, models_of, pooled, runs_of


def build(
    lorenz96: xr.Dataset, bursting: xr.Dataset, lorenz96_runtime: xr.Dataset, bursting_runtime: xr.Dataset
) -> pd.DataFrame:
    """One row per system and model.

    The RMSE is that of the runs of all lengths: the mean is over the finite ones, in the median diverged ones count as
    the worst. `rmse_persistence` is the error of holding the last observation. Times are medians per update (one loss
    and gradient evaluation) at the longest length; `ratio` says how many times longer the sequential evaluation takes.

    Args:
        lorenz96: aggregated runs over sequence length, as bursting.
        lorenz96_runtime: combined run times of the models of `lorenz96`, as bursting_runtime.
    """
    rows = []
    for system, dataset, runtime in (
        ("forced Lorenz-96", lorenz96, lorenz96_runtime),
        ("bursting neuron", bursting, bursting_runtime),
    ):
        lengths = lengths_of(dataset)
        for model in models_of(dataset):
            runs = pooled(runs_of(dataset, "forecast_rmse", model=model, sequence_length=length) for length in lengths)
            rows.append(
                {
                    "system": system,
                    "model": model,
                    "label": label_of(model),
                    "forecast_steps": int(dataset.attrs["forecast_steps"]),
                    "rmse_mean": runs.mean,
                    "rmse_sem": runs.sem,
                    "rmse_median": runs.median,
                    "rmse_persistence": float(dataset["forecast_rmse_floor"]),
                    "runs": runs.values.size,
                    "diverged": int(runs.diverged.sum()),
                }
                | _times(runtime, model, max(lengths))
            )
    return pd.DataFrame(rows)


def _times(runtime: xr.Dataset, model: str, length: int) -> dict[str, float | int]:
    """Median seconds per update of this model at this length."""
    if model not in models_of(runtime) or length not in lengths_of(runtime):
        raise UserError(f"tables.table2: no times of {model} at T = {length}; add both to the runtime benchmark")
    medians = runtime["update_time"].sel(model=model, sequence_length=length).median("sample")
    deer, sequential = (float(medians.sel(solver=solver)) for solver in ("deer", "sequential"))
    return {"timed_length": length, "deer_seconds": deer, "sequential_seconds": sequential, "ratio": sequential / deer}
