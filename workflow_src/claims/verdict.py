"""What the outcomes of all tests say of the claims."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from workflow_src.claims.claim import Claims
from workflow_src.claims.holm import holm
from workflow_src.claims.outcome import Outcome

Word = Literal["supported", "not supported", "inconclusive", "untestable here"]


class Verdict(NamedTuple):
    """Of one claim: the word, a short reason where the numbers do not tell it, and p after the correction."""

    word: Word
    reason: str
    p_holm: float


def verdicts(claims: Claims, outcomes: Mapping[str, Outcome | str]) -> dict[str, Verdict]:
    """One verdict per claim.

    Args:
        outcomes: by the id of the claim; a text says why it could not be tested.
    """
    # Whether a claim has enough units does not depend on their values, so leaving it out is no selection.
    tested = {
        name: one
        for name, one in outcomes.items()
        if isinstance(one, Outcome) and one.units >= claims.fewest_units and not np.isnan(one.effect)
    }
    corrected = dict(zip(tested, holm([one.p for one in tested.values()]), strict=True))
    found = {}
    for claim in claims.claims:
        outcome = outcomes[claim.id]
        if isinstance(outcome, str):
            found[claim.id] = Verdict("untestable here", outcome, np.nan)
        else:
            found[claim.id] = _verdict(claims, outcome, corrected.get(claim.id), list(corrected.values()))
    return found


def _verdict(claims: Claims, one: Outcome, p_holm: float | None, all_p: Sequence[float]) -> Verdict:
    if one.units < claims.fewest_units:
        return Verdict("inconclusive", f"{one.units} values per point, fewer than {claims.fewest_units}", np.nan)
    if np.isnan(one.effect):
        return Verdict("inconclusive", "most runs of both sides failed", np.nan)
    assert p_holm is not None
    significant = p_holm < claims.significance
    if significant and one.reaches:
        return Verdict("supported", "", p_holm)
    if one.excluded:
        return Verdict("not supported", "the interval excludes the claimed effect", p_holm)
    if one.least_p * len(all_p) >= claims.significance and one.reaches:
        return Verdict("inconclusive", f"{one.units} values per point can hardly pass {len(all_p)} tests", p_holm)
    if one.reaches:
        return Verdict("inconclusive", "not significant after the correction", p_holm)
    short = "the effect is smaller than claimed, its interval is not"
    return Verdict("inconclusive", short if significant else f"{short}, and it is not significant", p_holm)
