"""Lorenz-63, fully and partially observed, with full and diagonal Jacobians: training and reconstruction (Sec. 5.2)."""

import numpy as np
import pandas as pd
import xarray as xr

from workflow_src.figures.runs import EXPONENTS, quartiles, runs_of
from workflow_src.tables.divergences import divergence_rows


def build(full: xr.Dataset, partial: xr.Dataset) -> pd.DataFrame:
    """One row per setting (FO, PO), model, sequence length and embedding.

    In medians diverged runs count as the worst: infinite where half or more did. Loss and Newton iterations are medians
    of the last tenth of the training; `unconverged_share` is the share of all updates, of all runs, with a solve that
    did not converge. `divergence_median_error` is the Monte-Carlo error of the median run, `divergence_worst` the
    largest of the finite runs. Exponents are per step, of the free-running map and of the forced one, medians of the
    finite runs, for they have no bad end; Prop. 1 bounds the latter where M <= N.

    Args:
        full: aggregated runs on all components.
        partial: aggregated runs on one component.
    """
    rows = []
    for setting, dataset in (("FO", full), ("PO", partial)):
        for row in divergence_rows(dataset):
            model, length, embedding = str(row["model"]), int(str(row["sequence_length"])), str(row["embedding"])
            exponents = {name: runs_of(dataset, name, model=model, sequence_length=length).median for name in EXPONENTS}
            found = {"setting": setting} | row | _training(dataset, model, length) | exponents
            rows.append(found | _spread(dataset, model, length, embedding))
    columns = (
        *("setting", "model", "label", "sequence_length", "loss_final", "newton_iterations_final"),
        *("unconverged_share", "embedding", "divergence_mean", "divergence_sem", "divergence_median"),
        *("divergence_median_error", "divergence_worst", "divergence_floor", "divergence_floor_error"),
        *(*EXPONENTS, "runs", "diverged"),
    )
    return pd.DataFrame(rows, columns=list(columns))


def _training(dataset: xr.Dataset, model: str, length: int) -> dict[str, float]:
    """Loss and Newton iterations at the end of the training, and the share of unconverged updates."""
    point = dataset.sel(model=model, sequence_length=length)
    end = point.isel(update=slice(-max(1, point.sizes["update"] // 10), None))
    # The mean keeps the NaN of a run that diverged; runs outside the experiment have no status.
    there = np.isfinite(point["status"])
    finals = {
        name: end[name].mean("update", skipna=False)[there].fillna(np.inf) for name in ("loss", "newton_iterations")
    }
    unconverged, finished = (float(point[f"{name}_updates"].sum()) for name in ("unconverged", "finished"))
    medians = {f"{name}_final": quartiles(values.to_numpy())[1] for name, values in finals.items()}
    return medians | {"unconverged_share": unconverged / finished if finished else np.nan}


def _spread(dataset: xr.Dataset, model: str, length: int, embedding: str) -> dict[str, float]:
    """The worst divergence, and the Monte-Carlo errors of the median run and of the floor."""
    runs, errors = (
        runs_of(dataset, name, model=model, sequence_length=length, embedding=embedding)
        for name in ("state_space_divergence", "state_space_divergence_error")
    )
    of_median = errors.values[errors.seeds == runs.median_seed]
    return {
        "divergence_median_error": float(of_median[0]) if np.isfinite(runs.median) else np.nan,
        "divergence_worst": float(runs.finite.max()) if runs.finite.size else np.nan,
        "divergence_floor_error": float(dataset["state_space_divergence_floor_error"].sel(embedding=embedding)),
    }
