"""The cases are those that the rows, the paper's preset and the slices ask for."""

import pytest
import yaml

from benchmarks import cases
from benchmarks.slices import estimate, remaining, slices
from tests.benchmarks.synthetic import record, solver

SOLVERS = ("block", "deer")


def test_figure_1a_is_the_runtime_benchmark_of_the_paper_preset():
    with open("config/paper.yaml") as file:
        preset = yaml.safe_load(file)
    runtime = preset["benchmarks"]["runtime"]
    models = [preset["models"][name] for name in runtime["models"]]
    points = cases.figure_1a()
    assert {case.recipe.latent_dim for case in points} == {model["latent_dim"] for model in models}
    assert {case.recipe.hidden_dim for case in points} == {model["hidden_dim"] for model in models}
    assert {case.sequence_length for case in points} == set(runtime["sequence_lengths"])
    assert {case.recipe.forcing_strength for case in points} == {runtime["training"]["forcing_strength"]}
    assert {case.batch_size for case in points} == {runtime["training"]["batch_size"]}
    assert len(set(points)) == len(models) * len(runtime["sequence_lengths"])


def test_one_name_is_one_case():
    everything = set(cases.every())
    assert len({case.name for case in everything}) == len(everything)


def test_every_grid_point_differs_from_the_base_along_its_axis_only():
    grid = cases.grid()
    (base,) = grid["base"]
    for case in grid["T"] + grid["B"]:
        assert case.recipe == base.recipe
    for case in grid["alpha"]:
        assert {case.recipe.latent_dim, case.recipe.obs_dim} == {base.recipe.latent_dim}
        assert (case.sequence_length, case.batch_size) == (base.sequence_length, base.batch_size)


def test_slices_keep_the_order_and_the_time():
    everything = cases.gpu()
    parts = slices(everything, 480)
    assert [case for part in parts for case in part] == everything
    for part in parts:
        assert len(part) == 1 or sum(estimate(case, new_model=False) for case in part) <= 480
    assert parts[0][0].sequence_length == 2**20


def test_every_case_for_gpus_fits_into_one_slice():
    assert max(estimate(case, new_model=True) for case in cases.gpu()) < 480


@pytest.mark.parametrize(
    ("there", "left"),
    [
        ({"device": "This GPU", "solvers": ("block", "deer", "sequential")}, 1),
        ({"device": "Another GPU", "solvers": ("block", "deer")}, 2),
        ({"device": "This GPU", "solvers": ("deer",)}, 2),
    ],
    ids=["it is skipped", "another device's is not", "one without a wanted solver is not"],
)
def test_resuming_skips_what_has_a_record(there, left):
    first, second = cases.gpu()[:2]
    known = record(first, {name: solver(1.0) for name in there["solvers"]}, device=there["device"])
    found = list(remaining([first, second], [known], "This GPU", SOLVERS))
    assert found == [first, second][2 - left :]
