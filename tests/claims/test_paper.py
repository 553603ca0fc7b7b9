"""Each finding of the paper has its claims, which hold where the finding does and fail where its opposite does."""

from pathlib import Path

import pytest

from tests.claims import paper
from workflow_src.claims.evaluation import evaluate
from workflow_src.claims.load import load_claims

# p of a permutation or bootstrap is no less than 1 / 1000; Holm multiplies the few of these by their number.
CLAIMS = load_claims(Path(__file__).parents[2] / "config/claims.yaml").model_copy(update={"resamples": 999})
IDS = {
    1: {
        "1A-sequential-linear",
        "1A-deer-sublinear",
        "1A-deer-saturates",
        "1A-faster-everywhere",
        "1A-hundredfold",
    },
    2: {
        "1B-falls-with-forcing",
        "1B-never-converges",
        "1B-two-iterations",
        "1B-more-above-obs-dim",
        "1B-guess-beats-zero",
        "1B-guess-beats-normal",
        "1B-guess-gain-vanishes",
        "1B-guess-gain-vanishes-normal",
    },
    3: {
        "2-full-few-iterations-FO",
        "2-full-few-iterations-PO",
        "2-full-good-FO",
        "2-full-good-PO",
        "2-quasi-more-iterations-FO",
        "2-quasi-more-iterations-PO",
        "2-quasi-worse-FO",
        "2-quasi-worse-PO",
        "2-quasi-erratic-loss-PO",
    },
    4: {
        "3A-lorenz96-divergence-falls",
        "3A-bursting-divergence-falls",
        "A3-lorenz96-rmse-saturates",
        "A3-bursting-rmse-saturates",
    },
    5: {
        "3B-lssm-misses-forcing",
        "3B-lssm-mar-misses-forcing",
        "3B-rank-N-misses-forcing",
        "3B-rank-above-N-better",
        "3B-rank-above-N-suffices",
        "3B-rank-N-plus-one-suffices",
        "3B-small-mamba-much-worse",
        "3B-large-mamba-better",
        "3B-large-mamba-varies",
        "3B-largest-mar-degrades",
    },
    6: {"6-same-quality", "6-steady-iterations-FO", "6-steady-iterations-PO"},
    7: {"7-singular-values-reconstruction", "7-singular-values-training"},
    8: {"8-damps-PO", "8-damps-lorenz96", "8-damps-bursting"},
    9: {"9-minutes-for-hours-lorenz96", "9-minutes-for-hours-bursting"},
}


def test_every_finding_of_the_paper_has_these_claims_and_no_others():
    stated = {item: {claim.id for claim in CLAIMS.claims if claim.item == item} for item in IDS}
    assert stated == IDS
    assert len(CLAIMS.claims) == sum(map(len, IDS.values()))


@pytest.mark.parametrize(("holds", "word"), [(True, "supported"), (False, "not supported")])
def test_claims_are_supported_where_the_paper_is_right_and_not_where_the_opposite_is(holds, word):
    rows = evaluate(CLAIMS, paper.SPEC, paper.world(holds=holds))
    others = rows[rows["verdict"] != word]
    assert others[["claim", "verdict", "reason", "effect"]].to_dict("records") == []
