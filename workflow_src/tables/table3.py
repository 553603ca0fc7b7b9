"""State space divergence of the model classes on the forced Lorenz-96 system, with their sizes (Sec. 5.4)."""

import pandas as pd
import xarray as xr

from workflow_src.effort import updates_of
from workflow_src.tables.divergences import divergence_rows


def build(models: xr.Dataset) -> pd.DataFrame:
    """One row per model, sequence length and embedding, in the order of the dataset's models.

    `updates` are those of a model's training.
    """
    rows = list(divergence_rows(models))
    updates = updates_of(models)
    for row in rows:
        row["updates"] = updates.get(str(row["model"]))
        row["parameter_count"] = int(models["parameter_count"].sel(model=row["model"]))
    return pd.DataFrame(rows).astype({"updates": "Int64"})
