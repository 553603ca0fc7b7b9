"""Differences and equivalences on values whose order is known."""

import numpy as np
import pytest
from scipy import stats

from tests.claims.synthetic import judged, properties, specification, two_models
from tests.figures import synthetic
from workflow_src.claims.difference import dominance, ratio

ROLE = "claims.solvers"
SPEC = specification(
    claims__solvers={"a": properties(solver="deer"), "b": properties(solver="sequential")},
    figures__figure1__runtime={f"shplrnn_m{m}": properties(latent_dim=m) for m in (3, 64)},
)
BASE = np.linspace(0.9, 1.1, 8)


def side(solver, measure="state_space_divergence"):
    return {"role": ROLE, "measure": measure, "models": {"solver": solver}}


def higher(**changed):
    return {"kind": "difference", "higher": side("deer"), "lower": side("sequential"), "smallest": 2.0, **changed}


def equal(**changed):
    return {"kind": "equivalence", "one": side("deer"), "other": side("sequential"), "margin": 1.5, **changed}


def verdict(test, dataset):
    return judged([test], SPEC, {ROLE: dataset})[0]


@pytest.mark.parametrize(
    ("first", "word"),
    [
        (4 * BASE, "supported"),
        (1.02 * BASE, "not supported"),
        (BASE / 4, "not supported"),
        (np.array([0.5, 5, 0.6, 4, 0.7, 3, 2, 1]), "inconclusive"),
    ],
)
def test_difference_is_judged_by_its_size_and_its_certainty(first, word):
    assert verdict(higher(), two_models(first, BASE))["verdict"] == word


def test_a_significant_difference_that_is_too_small_is_not_supported():
    row = verdict(higher(), two_models(1.4 * BASE, BASE))
    assert row["p_holm"] < 0.05
    assert row["verdict"] == "not supported"


def test_effect_and_p_are_those_of_the_mann_whitney_test():
    rng = np.random.default_rng(0)
    one, other = rng.random(8) + 0.4, rng.random(8) + 0.3
    row = verdict(higher(smallest=1.01), two_models(one, other))
    assert row["p"] == pytest.approx(stats.mannwhitneyu(one, other, alternative="greater").pvalue)
    assert row["effect"] == pytest.approx(np.median(one) / np.median(other))
    assert row["low"] <= row["effect"] <= row["high"]


def test_diverged_runs_are_the_worst_and_not_dropped():
    # The finite runs alone would say the opposite.
    first = np.array([0.2, 0.2, *[np.nan] * 6])
    row = verdict(higher(), two_models(first, BASE))
    assert row["verdict"] == "supported"
    assert (row["values_used"], row["values_failed"]) == (16, 6)
    assert row["effect"] == np.inf


def test_where_most_of_both_sides_diverged_nothing_is_decided():
    lost = np.full(8, np.nan)
    row = verdict(equal(), two_models(lost, lost))
    assert row["verdict"] == "inconclusive"
    assert row["reason"] == "most runs of both sides failed"


def test_diverged_runs_stand_against_a_claim_of_exponents():
    free, forced = side("deer", "lyapunov_exponent"), side("deer", "lyapunov_exponent_forced")
    test = higher(higher=free, lower=forced, scale="dominance", smallest=0.8)
    dataset = two_models(BASE, BASE)
    assert verdict(test, dataset)["verdict"] == "supported"
    dataset["lyapunov_exponent_forced"][:] = np.nan
    assert verdict(test, dataset)["verdict"] == "not supported"


def test_too_few_seeds_are_named():
    row = verdict(higher(), two_models(4 * BASE[:3], BASE[:3]))
    assert (row["verdict"], row["reason"]) == ("inconclusive", "3 values per point, fewer than 5")
    assert np.isnan(row["p_holm"])


def test_differences_below_the_floor_do_not_count():
    row = verdict(higher(), two_models(0.02 * BASE, 0.001 * BASE, floor=1.0))
    assert row["effect"] == 1.0
    assert row["verdict"] == "not supported"


@pytest.mark.parametrize(
    ("first", "word"),
    [
        (1.02 * BASE, "supported"),
        (4 * BASE, "not supported"),
        (BASE / 4, "not supported"),
        (np.array([0.5, 2, 0.6, 1.8, 0.7, 1.5, 1.2, 1]), "inconclusive"),
    ],
)
def test_equivalence_needs_all_of_the_interval(first, word):
    assert verdict(equal(), two_models(first, BASE))["verdict"] == word


@pytest.mark.parametrize(("first", "word"), [(BASE / 4, "supported"), (4 * BASE, "not supported")])
def test_to_be_no_worse_a_model_may_be_better(first, word):
    assert verdict(equal(sides="not_worse"), two_models(first, BASE))["verdict"] == word


def test_the_spread_is_compared_whatever_the_level():
    wide, narrow = 5 * np.geomspace(0.3, 3, 9), np.geomspace(0.98, 1.03, 9)
    assert verdict(higher(spread=True), two_models(wide, narrow))["verdict"] == "supported"
    assert verdict(higher(spread=True), two_models(narrow * 5, wide))["verdict"] == "not supported"


def test_every_cell_must_show_it_where_one_is_enough_for_the_best():
    role = "figures.figure1.runtime"
    dataset = synthetic.runtime((3, 64), (128, 8192))
    timed = {"role": role, "measure": "update_time", "sequence_length": "all"}
    test = higher(higher=timed | {"solver": "sequential"}, lower=timed | {"solver": "deer"}, smallest=1.05)
    every, best = judged([test | {"cells": "every"}, test | {"cells": "best"}], SPEC, {role: dataset})
    medians = dataset["update_time"].median("sample")
    ratios = (medians.sel(solver="sequential") / medians.sel(solver="deer")).to_numpy()
    assert ratios.min() < 1.05 < ratios.max()
    assert every["effect"] == pytest.approx(ratios.min())
    assert best["effect"] == pytest.approx(ratios.max())
    assert (every["verdict"], best["verdict"]) == ("not supported", "supported")


def test_effects_of_single_numbers():
    assert dominance(np.array([3.0, 3.0]), np.array([1.0, 4.0])) == 0.0
    assert dominance(np.array([np.inf, 3.0]), np.array([1.0, 2.0])) == 1.0
    assert ratio(np.array([np.inf, np.inf, 1.0]), np.array([2.0])) == np.inf
