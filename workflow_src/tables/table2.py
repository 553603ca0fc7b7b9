"""Short-term forecasts over all sequence lengths, and time per update at the longest (Sec. 5.3)."""

import numpy as np
import pandas as pd
import xarray as xr

from workflow_src.figures.labels import label_of
from workflow_src.figures.runs import lengths_of, models_of, pooled, runs_of


def build(
    lorenz96: xr.Dataset, bursting: xr.Dataset, lorenz96_runtime: xr.Dataset, bursting_runtime: xr.Dataset
) -> pd.DataFrame:
    """One row per system and model.

    The RMSE is the mean over all lengths and runs. Times are medians per update (one loss and gradient evaluation) at
    the longest length that was timed; `ratio` says how many times longer the sequential evaluation takes.

    Args:
        lorenz96: aggregated runs over sequence length, as bursting.
        lorenz96_runtime: combined run times of the models of `lorenz96`, as bursting_runtime.
    """
    rows = []
    for system, dataset, runtime in (
        ("forced Lorenz-96", lorenz96, lorenz96_runtime),
        ("bursting neuron", bursting, bursting_runtime),
    ):
        for model in models_of(dataset):
            lengths = lengths_of(dataset)
            runs = pooled(runs_of(dataset, "forecast_rmse", model=model, sequence_length=length) for length in lengths)
            rows.append(
                {
                    "system": system,
                    "model": model,
                    "label": label_of(model),
                    "forecast_steps": int(dataset.attrs["forecast_steps"]),
                    "rmse_mean": runs.mean,
                    "rmse_sem": runs.sem,
                    "rmse_floor": float(dataset["forecast_rmse_floor"]),
                    "runs": runs.values.size,
                    "diverged": int(runs.diverged.sum()),
                }
                | _times(runtime, model)
            )
    return pd.DataFrame(rows)


def _times(runtime: xr.Dataset, model: str) -> dict[str, float | int | None]:
    """Median seconds per update at the longest timed length; of the only timed model, if this one has another name."""
    timed = models_of(runtime)
    if model not in timed and len(timed) > 1:
        return {"timed_length": None, "deer_seconds": np.nan, "sequential_seconds": np.nan, "ratio": np.nan}
    times = runtime["update_time"].sel(model=model if model in timed else timed[0])
    length = max(n for n in lengths_of(runtime) if times.sel(sequence_length=n).notnull().any())
    medians = times.sel(sequence_length=length).median("sample")
    deer, sequential = (float(medians.sel(solver=solver)) for solver in ("deer", "sequential"))
    return {"timed_length": length, "deer_seconds": deer, "sequential_seconds": sequential, "ratio": sequential / deer}
