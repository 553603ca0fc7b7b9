"""Arrays tell how much training each model had, and comparisons of unequal ones say so."""

import numpy as np
import pytest

from tests.claims.synthetic import judged, properties, specification, two_models
from tests.figures import synthetic
from workflow_src.effort import shares_of, unequal, updates_of
from workflow_src.figures import figure3, figureA2, style
from workflow_src.tables import table3, table4

MODELS = ("lssm", "shplrnn_full", "mamba2_7k")


@pytest.fixture
def models():
    """Of 10000 updates the last model had 2500, and the first model lost a run on the way."""
    dataset = synthetic.experiment(MODELS, (512,), 3, diverged={("lssm", 512): (0,)})
    dataset["finished_updates"].loc[{"model": "mamba2_7k"}] = 2500
    return dataset


def test_the_updates_of_a_model_are_those_of_a_run_that_did_not_diverge(models):
    assert updates_of(models) == {"lssm": 10_000, "shplrnn_full": 10_000, "mamba2_7k": 2500}
    assert shares_of(models) == {"mamba2_7k": "1/4 of the updates"}


def test_of_a_model_all_of_whose_runs_diverged_nothing_is_known():
    lost = synthetic.experiment(MODELS, (512,), 2, diverged={("lssm", 512): (0, 1)})
    lost["diverged_at"].loc[{"model": "lssm"}] = 17
    assert set(updates_of(lost)) == {"shplrnn_full", "mamba2_7k"}
    assert shares_of(lost) == {}
    assert unequal((lost, ["lssm"]), (lost, ["mamba2_7k"])) == ""


def test_shares_that_are_no_simple_fraction_are_percentages(models):
    models["finished_updates"].loc[{"model": "mamba2_7k"}] = 4000
    assert shares_of(models) == {"mamba2_7k": "40 % of the updates"}


@pytest.mark.parametrize(("updates", "told"), [(10_000, False), (2500, True)])
def test_a_claim_says_that_its_sides_were_not_trained_alike(updates, told):
    dataset = two_models(4 * np.linspace(0.9, 1.1, 8), np.linspace(0.9, 1.1, 8))
    dataset["finished_updates"].loc[{"model": "a"}] = updates
    role = "claims.solvers"
    spec = specification(claims__solvers={"a": properties(solver="deer"), "b": properties(solver="sequential")})
    sides = [
        {"role": role, "measure": "state_space_divergence", "models": {"solver": solver}}
        for solver in ("deer", "sequential")
    ]
    row = judged(
        [{"kind": "difference", "higher": sides[0], "lower": sides[1], "smallest": 2.0}], spec, {role: dataset}
    )[0]
    assert row["verdict"] == "supported"
    words = "trained with 2500 against 10000 updates and 4000 against 4100 parameters"
    assert row["reason"] == (words if told else "")


def test_figures_say_which_models_had_fewer_updates(models):
    lengths = synthetic.experiment(("shplrnn",), (128, 512), 3)
    with style.context():
        below = [text.get_text() for text in figure3.draw(lengths, lengths, models).axes[-1].get_xticklabels()]
        titles = [axes.get_title(loc="left") for axes in figureA2.draw(models).axes]
    assert [text.endswith("\n1/4 of the\nupdates") for text in below] == [False, False, True]
    assert [title.endswith("(1/4 of the updates)") for title in titles] == [False, False, False, True]


@pytest.mark.parametrize("table", [table3, table4])
def test_tables_of_models_state_the_updates_of_each(models, table):
    frame = table.build(models=models).set_index("model")
    assert frame.loc[["lssm", "mamba2_7k"], "updates"].unique().tolist() == [10_000, 2500]
