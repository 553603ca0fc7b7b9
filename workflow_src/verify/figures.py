"""Figures, drawn again from what they were drawn from: numbers are compared and not pixels."""

import io
import json
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from workflow_src import logs
from workflow_src.config import Preset
from workflow_src.config.jobs import Job, jobs
from workflow_src.errors import UserError
from workflow_src.steps import figure
from workflow_src.verify.verdict import Check, Tier, refused

# Largest relative difference of two numbers that only rounding sets apart.
TOLERANCE = 1e-6


def verify_figures(preset: Preset, base: Path) -> Iterator[Check]:
    """Every figure of a preset whose numbers are there.

    Args:
        base: the preset's folder of results.
    Raises:
        UserError: none is there.
    """
    wanted = [job for job in jobs(preset) if job.step == "figure" and (base / _numbers(job)).exists()]
    if not wanted:
        raise UserError(
            f"{base / 'figures'}: has no numbers of a figure of {preset.preset}; make or unpack its results"
        )
    for job in wanted:
        about = str(base / _numbers(job))
        missing = [base / path for path in job.reads if not (base / path).exists()]
        if missing:
            yield Check(about, [Tier("numbers", "INCONCLUSIVE", f"{missing[0]} is not here, so it cannot be drawn")])
            continue
        logs.say(f"drawing {job.spec['figure']}")
        try:
            with tempfile.TemporaryDirectory(prefix="verify-") as folder:
                yield compare(about, (base / _numbers(job)).read_bytes(), _draw(job, base, Path(folder)).read_bytes())
        except UserError as error:
            yield refused(about, f"cannot be drawn again: {error}")


def _numbers(job: Job) -> str:
    return next(path for path in job.outputs if path.endswith(".csv"))


def _draw(job: Job, base: Path, folder: Path) -> Path:
    """Draw by the step's own door; the path of the numbers."""
    made = {suffix: folder / f"{job.spec['figure']}.{suffix}" for suffix in ("pdf", "png", "csv")}
    figure.main(
        [
            *("--figure", job.spec["figure"], "--models", job.spec["models"]),
            *("--inputs", *(f"{role}={base / path}" for role, path in job.inputs.items())),
            *(("--settings", json.dumps(job.spec["settings"])) if "settings" in job.spec else ()),
            *(text for suffix, path in made.items() for text in (f"--{suffix}", str(path))),
        ]
    )
    return made["csv"]


def compare(about: str, stored: bytes, again: bytes) -> Check:
    """The numbers of a figure against those drawn anew, as CSV files."""
    rows, same = _rows(again), stored == again
    panels = ", ".join(dict.fromkeys(rows["panel"])) if "panel" in rows else "all"
    text = f"panels {panels}: {len(rows)} rows"
    if same:
        return Check(about, [Tier("bits", "PASS", "same bytes"), Tier("numbers", "PASS", text)])
    # The same arrays and formulas may still be summed in another order elsewhere: bytes alone prove no fault.
    bits = Tier("bits", "INCONCLUSIVE", "other bytes")
    try:
        differs = _difference(_rows(stored), rows)
    except (ValueError, UnicodeDecodeError):
        differs = "it is no CSV file"
    if differs:
        return Check(about, [bits, Tier("numbers", "FAIL", differs)])
    return Check(about, [bits, Tier("numbers", "PASS", f"{text} within {TOLERANCE:g}")])


def _rows(content: bytes) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(content.decode()), dtype=str, keep_default_na=False)


def _difference(stored: pd.DataFrame, again: pd.DataFrame) -> str | None:
    """Where two tables of numbers differ first, in words."""
    if list(stored.columns) != list(again.columns):
        return f"columns {', '.join(stored.columns)} instead of {', '.join(again.columns)}"
    if len(stored) != len(again):
        return f"{len(stored)} rows instead of {len(again)}"
    for column in again.columns:
        pairs = zip(stored[column], again[column], strict=True)
        for number, (old, new) in enumerate(pairs):
            if not _agree(old, new):
                panel = f"panel {again['panel'].iloc[number]}, " if "panel" in again else ""
                return f"{panel}line {number + 2}, {column}: {old or 'nothing'} instead of {new or 'nothing'}"
    return None


def _agree(old: str, new: str) -> bool:
    if old == new:
        return True
    try:
        one, other = float(old), float(new)
    except ValueError:
        return False
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=1e-12)
