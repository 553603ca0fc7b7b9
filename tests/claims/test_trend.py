"""Trends over sequence length, and exponents and shares of benchmarks."""

import numpy as np
import pytest
from scipy import stats

from tests.claims.synthetic import judged, properties, specification
from tests.figures import synthetic

LENGTHS, RUNTIME, PASSES = "figures.figure3.lorenz96", "figures.figure1.runtime", "figures.figure1.iterations"
SPEC = specification(
    figures__figure3__lorenz96={"shplrnn": properties()},
    figures__figure1__runtime={f"shplrnn_m{m}": properties(latent_dim=m) for m in (3, 8)},
)
OF_PASSES = specification(
    obs_dim=3, figures__figure1__iterations={f"shplrnn_m{m}": properties(latent_dim=m) for m in (3, 10)}
)


def falls(**changed):
    of = {"role": LENGTHS, "measure": "state_space_divergence", "sequence_length": "all"}
    return {"kind": "trend", "of": of, "over": "sequence_length", "direction": "falls", "smallest": 0.5, **changed}


def runs(slope, seeds=8, **more):
    return synthetic.experiment(("shplrnn",), (64, 256, 1024, 4096), seeds, slope=slope, floor=0.01, **more)


@pytest.mark.parametrize(("slope", "word"), [(0.5, "supported"), (-0.5, "not supported"), (0.0, "not supported")])
def test_divergence_falls_with_the_length_or_not(slope, word):
    row = judged([falls()], SPEC, {LENGTHS: runs(slope)})[0]
    assert row["verdict"] == word
    assert np.sign(row["effect"]) == -np.sign(slope) or slope == 0
    assert row["low"] <= row["effect"] <= row["high"]


def test_a_weak_trend_is_inconclusive():
    row = judged([falls()], SPEC, {LENGTHS: runs(0.07, seeds=6)})[0]
    assert row["verdict"] == "inconclusive"


def test_the_effect_is_spearmans_rho():
    dataset = runs(0.1)
    row = judged([falls()], SPEC, {LENGTHS: dataset})[0]
    values = dataset["state_space_divergence"].isel(model=0, embedding=0).to_numpy()
    assert row["effect"] == pytest.approx(stats.spearmanr(np.repeat(dataset["sequence_length"], 8), values.ravel())[0])


def test_runs_that_diverge_at_long_sequences_are_no_improvement():
    lost = {("shplrnn", 4096): range(7), ("shplrnn", 1024): range(7)}
    row = judged([falls()], SPEC, {LENGTHS: runs(0.5, diverged=lost)})[0]
    assert row["verdict"] == "not supported"
    assert row["values_failed"] == 14


def exponent(solver, least, most, **changed):
    of = {"role": RUNTIME, "measure": "update_time", "solver": solver, "sequence_length": "all", **changed}
    return {"kind": "scaling", "of": of, "least": least, "most": most}


def test_exponents_of_run_times():
    dataset = synthetic.runtime((3, 8), (128, 256, 512, 1024))
    rows = judged(
        [
            exponent("sequential", 0.85, 1.15),
            exponent("deer", -0.5, 0.7),
            exponent("deer", 0.85, 1.15),
            exponent("sequential", 0.5, 1.0),
        ],
        SPEC,
        {RUNTIME: dataset},
    )
    assert [row["verdict"] for row in rows[:3]] == ["supported", "supported", "not supported"]
    assert rows[0]["effect"] == pytest.approx(1, abs=0.02)
    # The true exponent lies on the bound.
    assert rows[3]["verdict"] == "inconclusive"


def test_an_exponent_of_too_few_lengths_cannot_be_tested():
    row = judged([exponent("deer", 0.5, 0.9)], SPEC, {RUNTIME: synthetic.runtime((3, 8), (128, 256))})[0]
    assert row["verdict"] == "untestable here"
    assert row["reason"] == "an exponent needs 3 lengths, and shplrnn_m3 has 2"


def few(event="at_most", bound=2.0, **changed):
    of = {"role": PASSES, "measure": "iterations", "guess": "pseudo_inverse", "forcing_strength": "largest", **changed}
    test = {"kind": "share", "of": of, "event": event, "smallest": 0.9}
    return test | ({"bound": bound} if event == "at_most" else {})


def test_shares_of_forward_passes():
    dataset = synthetic.iterations((3, 10), passes=40)
    of_small = {"models": {"latent_dim": "at_most_obs_dim"}}
    at_large = dataset["forcing_strength"] == 1.0
    dataset["iterations"] = dataset["iterations"].where(~at_large | (dataset["latent_dim"] > 3), 2)
    rows = judged(
        [few(**of_small), few(), few("failed", forcing_strength="smallest"), few("failed", **of_small)],
        OF_PASSES,
        {PASSES: dataset},
    )
    assert [row["verdict"] for row in rows] == ["supported", "not supported", "supported", "not supported"]
    assert rows[1]["effect"] == 0.0
    interval = stats.binomtest(40, 40).proportion_ci(method="exact")
    assert (rows[0]["low"], rows[0]["high"]) == pytest.approx((interval.low, interval.high))


def test_passes_of_diverged_models_count_for_nothing():
    dataset = synthetic.iterations((3, 10), passes=40)
    dataset["iterations"][:], dataset["converged"][:] = 2.0, 1
    dataset["iterations"].loc[{"forward_pass": slice(30, None)}] = 90.0
    assert judged([few()], OF_PASSES, {PASSES: dataset})[0]["effect"] == 0.75
    dataset["diverged_at"].loc[{"forward_pass": slice(30, None)}] = 5
    row = judged([few()], OF_PASSES, {PASSES: dataset})[0]
    assert (row["verdict"], row["effect"]) == ("supported", 1.0)


def test_a_share_of_few_passes_is_inconclusive():
    dataset = synthetic.iterations((3, 10), passes=6)
    row = judged([few(bound=1e3), *[few(bound=0.0)] * 5], OF_PASSES, {PASSES: dataset})[0]
    assert (row["verdict"], row["effect"]) == ("inconclusive", 1.0)
    assert row["reason"] == "6 values per point can hardly pass 6 tests"
    assert row["p_holm"] == pytest.approx(6 * 0.5**6)


def test_every_model_must_follow_the_trend():
    of = {"role": PASSES, "measure": "iterations", "guess": "zero", "forcing_strength": "all"}
    test = falls(of=of, over="forcing_strength")
    dataset = synthetic.iterations((3, 10), passes=20)
    assert judged([test], OF_PASSES, {PASSES: dataset})[0]["verdict"] == "supported"
    dataset["iterations"].loc[{"model": "shplrnn_m10"}] = 5
    dataset["converged"].loc[{"model": "shplrnn_m10"}] = 1
    row = judged([test], OF_PASSES, {PASSES: dataset})[0]
    assert (row["verdict"], row["effect"]) == ("not supported", 0.0)
