"""Hyper-parameters of every experiment, each with where its value comes from (App. H)."""

import pandas as pd

from workflow_src.errors import UserError

MISSING = ""


def build(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per key, one column per experiment; a cell is the value and, in brackets, its source.

    Args:
        rows: columns experiment, key, value, source; the order of first appearance is kept in both directions.
    """
    twice = rows.duplicated(["experiment", "key"])
    if twice.any():
        first = rows[twice].iloc[0]
        raise UserError(f"table5: experiment {first['experiment']} states {first['key']} twice; state it once")
    cells = {
        (str(row["experiment"]), str(row["key"])): f"{row['value']} ({row['source']})" for _, row in rows.iterrows()
    }
    experiments = list(dict.fromkeys(name for name, _ in cells))
    keys = list(dict.fromkeys(key for _, key in cells))
    return pd.DataFrame(
        [{"key": key} | {name: cells.get((name, key), MISSING) for name in experiments} for key in keys],
        columns=["key", *experiments],
    )
