"""State space divergence with full and diagonal Jacobians on Lorenz-63, fully and partially observed (Sec. 5.2)."""

import pandas as pd
import xarray as xr

from workflow_src.tables.divergences import divergence_rows


def build(full: xr.Dataset, partial: xr.Dataset) -> pd.DataFrame:
    """One row per setting (FO, PO), model, sequence length and embedding.

    Args:
        full: aggregated runs on all components.
        partial: aggregated runs on one component.
    """
    settings = (("FO", full), ("PO", partial))
    return pd.DataFrame([{"setting": name} | row for name, dataset in settings for row in divergence_rows(dataset)])
