"""Hyper-parameters of every dataset, experiment and benchmark, each with where its value comes from (App. F to H)."""

import pandas as pd

from workflow_src.errors import UserError

COLUMNS = ["section", "name", "key", "value", "source"]


def build(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per quantity of a dataset, experiment or benchmark, in the order of the preset.

    Args:
        rows: columns section, name, key, value, source.
    """
    twice = rows.duplicated(["section", "name", "key"])
    if twice.any():
        first = rows[twice].iloc[0]
        raise UserError(f"table5: {first['section']} {first['name']} states {first['key']} twice; state it once")
    return rows[COLUMNS]
