"""What a figure shows, in words, for readers who do not see it: from the numbers of its CSV file."""

import re
from collections.abc import Iterator

import pandas as pd

from workflow_src.figures.labels import label_of

# Too many to read aloud; what they say the medians and their counts say too.
LEFT_OUT = ("run", "mean", "diverged")
# Curves of more points are told by their ends, and by where they leave these by a larger share.
MOST_POINTS = 5
FAR = 0.2


def seen(table: pd.DataFrame) -> str:
    """One sentence per panel and measure: medians at every place or at the telling ones, floors, ranges of traces.

    Args:
        table: long-form rows of a figure, with the columns of `figures.runs`.
    """
    told = table[~table["statistic"].isin(LEFT_OUT)]
    sentences = []
    for (panel, measure), part in told.groupby(["panel", "y_name"], sort=False):
        axis = part.loc[part["x"].notna() & (part["x_name"] != "model") & (part["statistic"] != "trace"), "x_name"]
        over = f" over {_words(str(axis.iloc[0]))}" if len(axis) else ""
        sentences.append(f"{panel}, {_words(str(measure))}{over}: {'; '.join(_series(part))}.")
    return " ".join(sentences)


def _series(part: pd.DataFrame) -> Iterator[str]:
    for (series, statistic), rows in part.groupby(["series", "statistic"], sort=False):
        name = " ".join(map(label_of, str(series).split(" ")))
        if statistic == "trace":
            yield f"{name} between {rows['y'].min():.3g} and {rows['y'].max():.3g}"
        else:
            points = ", ".join(_point(row) for _, row in _telling(rows).iterrows())
            # What a trivial forecast reaches has a name of its own, and is no floor.
            kind = "" if series == "persistence" else str(statistic)
            yield " ".join(dict.fromkeys(filter(None, (name, kind, points))))


def _telling(rows: pd.DataFrame) -> pd.DataFrame:
    """All of a few points or of models; of many the ends, and what lies far above or below both."""
    if len(rows) <= MOST_POINTS or (rows["x_name"] == "model").any():
        return rows
    y = rows["y"].dropna()
    if y.empty:
        return rows.iloc[[0, -1]]
    first, last = y.index[0], y.index[-1]
    ends = y[[first, last]]
    far = {at for at in (y.idxmin(), y.idxmax()) if all(abs(y[at] - ends) > FAR * abs(ends))}
    return rows.loc[sorted({first, last} | far)]


def _point(row: pd.Series) -> str:
    value = "none" if pd.isna(row["y"]) else "diverged" if row["y"] == float("inf") else f"{row['y']:.3g}"
    if row["x_name"] == "model":
        value += f" for {label_of(str(row['x']))}"
    elif pd.notna(row["x"]):
        place = pd.to_numeric(row["x"], errors="coerce")
        value += f" at {row['x'] if pd.isna(place) else f'{place:g}'}"
    return value + (f" ({row['diverged']:.0f} of {row['runs']:.0f} failed)" if row["diverged"] > 0 else "")


def _words(name: str) -> str:
    """A measure or an axis; `m2_tau200` is an embedding."""
    return re.sub(r" m(\d+)_tau(\d+)", r" (m = \1, τ = \2)", name).replace("_", " ")
