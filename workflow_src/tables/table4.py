"""State space divergence of the LSSM over the strength of the manifold attractor regularisation (App. H.4.2)."""

import pandas as pd
import xarray as xr

from workflow_src.effort import updates_of
from workflow_src.tables.divergences import divergence_rows


def build(models: xr.Dataset) -> pd.DataFrame:
    """One row per model, sequence length and embedding, by ascending strength lambda.

    `updates` are those of a model's training.
    """
    updates = updates_of(models)
    rows = [
        {"mar_strength": float(models["mar_strength"].sel(model=row["model"]))}
        | row
        | {"updates": updates.get(str(row["model"]))}
        for row in divergence_rows(models)
    ]
    table = pd.DataFrame(rows).astype({"updates": "Int64"})
    return table.sort_values("mar_strength", kind="stable", ignore_index=True)
