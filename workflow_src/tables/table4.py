"""State space divergence of the LSSM over the strength of the manifold attractor regularisation (App. H.4.2)."""

import pandas as pd
import xarray as xr

from workflow_src.tables.divergences import divergence_rows


def build(models: xr.Dataset) -> pd.DataFrame:
    """One row per model, sequence length and embedding, by ascending strength lambda."""
    rows = [
        {"mar_strength": float(models["mar_strength"].sel(model=row["model"]))} | row for row in divergence_rows(models)
    ]
    return pd.DataFrame(rows).sort_values("mar_strength", kind="stable", ignore_index=True)
