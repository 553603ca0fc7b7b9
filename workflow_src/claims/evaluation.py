"""All claims, tested on the arrays of a preset."""

import zlib
from collections.abc import Mapping

import pandas as pd
import xarray as xr

from workflow_src.claims.cells import Cell, gather
from workflow_src.claims.claim import Claim, Claims, Difference, Equivalence, Scaling, Selection, Share, Test, Trend
from workflow_src.claims.difference import difference
from workflow_src.claims.equivalence import equivalence
from workflow_src.claims.missing import Missing
from workflow_src.claims.models import choose
from workflow_src.claims.outcome import Outcome
from workflow_src.claims.resampling import Resampling
from workflow_src.claims.scaling import scaling
from workflow_src.claims.share import share
from workflow_src.claims.trend import trend
from workflow_src.claims.verdict import Verdict, verdicts
from workflow_src.effort import unequal
from workflow_src.specs.claims import ROLES, ClaimsSpec, Kind

COLUMNS = (
    "claim",
    "where",
    "finding",
    "comparison",
    "test",
    "effect",
    "effect_unit",
    "low",
    "high",
    "p",
    "p_holm",
    "values_used",
    "values_failed",
    "unit",
    "verdict",
    "reason",
)
# What the values are of.
UNITS: dict[Kind, str] = {"experiment": "runs", "runtime": "timed updates", "iterations": "forward passes"}


def evaluate(claims: Claims, spec: ClaimsSpec, arrays: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """One row per claim, in their order.

    Args:
        arrays: aggregated arrays by role.
    """
    outcomes = {claim.id: outcome(claim, claims, spec, arrays) for claim in claims.claims}
    found = verdicts(claims, outcomes)
    rows = [
        _row(claim, outcomes[claim.id], found[claim.id], handicap(claim.test, spec, arrays)) for claim in claims.claims
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"values_used": "Int64", "values_failed": "Int64"})


def outcome(claim: Claim, claims: Claims, spec: ClaimsSpec, arrays: Mapping[str, xr.Dataset]) -> Outcome | str:
    """What the test of a claim finds, or why there is none."""
    if claim.needs == "cuda" and spec.compute != "cuda":
        return "needs a GPU, and the preset computes on the processor"
    # Of its own seed each: a claim that is added changes no other.
    draw = Resampling(claims.resamples, claims.significance, zlib.crc32(claim.id.encode()))

    def cells(selection: Selection) -> list[Cell]:
        return gather(selection, arrays, spec.roles)

    try:
        match claim.test:
            case Difference() as test:
                return difference(test, cells(test.higher), cells(test.lower), draw)
            case Equivalence() as test:
                return equivalence(test, cells(test.one), cells(test.other), draw)
            case Trend() as test:
                return trend(test, cells(test.of), draw)
            case Scaling() as test:
                return scaling(test, cells(test.of), draw)
            case Share() as test:
                return share(test, cells(test.of), draw)
    except Missing as missing:
        return str(missing)


def _sides(test: Test) -> tuple[Selection, ...]:
    """What a test compares; all of one kind."""
    match test:
        case Difference():
            return test.higher, test.lower
        case Equivalence():
            return test.one, test.other
        case _:
            return (test.of,)


def handicap(test: Test, spec: ClaimsSpec, arrays: Mapping[str, xr.Dataset]) -> str:
    """What two sides did not have alike in their training; empty where it was the same, or is not known."""
    sides = _sides(test)
    if len(sides) < 2 or any(ROLES[side.role] != "experiment" or side.role not in arrays for side in sides):
        return ""
    try:
        chosen = [(arrays[side.role], choose(side.models, spec.roles[side.role], arrays[side.role])) for side in sides]
    except Missing:
        return ""
    return unequal(*chosen)


def _row(claim: Claim, found: Outcome | str, verdict: Verdict, unlike: str) -> dict[str, object]:
    row: dict[str, object] = {
        "claim": claim.id,
        "where": claim.where,
        "finding": claim.finding,
        "test": claim.test.kind,
        "p_holm": verdict.p_holm,
        "verdict": verdict.word,
        "reason": verdict.reason,
    }
    if isinstance(found, str):
        return row
    return row | {
        "reason": "; ".join(text for text in (verdict.reason, unlike) if text),
        "comparison": found.comparison,
        "effect": found.effect,
        "effect_unit": found.unit,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "values_used": found.used,
        "values_failed": found.failed,
        "unit": UNITS[ROLES[_sides(claim.test)[0].role]],
    }
