"""What counts as a run, as diverged, and how runs are summed up."""

import numpy as np
import pytest

from tests.figures import synthetic
from workflow_src.figures.runs import (
    COLUMNS,
    Runs,
    floor_row,
    lengths_of,
    long_form,
    median_curve,
    point_rows,
    pooled,
    runs_of,
    shown_embedding,
)


def sample(values, diverged=None) -> Runs:
    values = np.array(values, dtype=float)
    lost = np.zeros(values.size, dtype=bool) if diverged is None else np.array(diverged)
    return Runs(np.arange(values.size), values, lost)


def test_mean_and_sem_are_those_of_the_finite_runs_and_diverged_ones_are_the_worst_in_the_median():
    runs = sample([1.0, 2.0, 6.0, np.nan], [False, False, False, True])
    assert runs.mean == pytest.approx(3.0)
    assert runs.sem == pytest.approx(np.sqrt(7.0) / np.sqrt(3.0))  # variance ((-2)^2 + (-1)^2 + 3^2) / 2 = 7
    assert runs.median == pytest.approx(4.0)
    assert runs.median_seed == 1


def test_the_median_is_infinite_where_half_of_the_runs_diverged():
    runs = sample([1.0, 2.0, np.nan, np.nan], [False, False, True, True])
    assert runs.median == np.inf
    assert runs.median_seed == 1


def test_the_median_run_is_the_worst_finite_one_where_that_in_the_middle_diverged():
    assert sample([2.0, 1.0, np.nan, np.nan, np.inf], [False, False, True, True, True]).median_seed == 0


def test_where_neither_end_is_the_bad_one_the_median_is_that_of_the_finite_runs():
    dataset = synthetic.experiment(lengths=(128,), seeds=3)
    dataset["lyapunov_exponent"].loc[{"seed": 2}] = np.nan
    runs = runs_of(dataset, "lyapunov_exponent", model="shplrnn", sequence_length=128)
    assert runs.median == pytest.approx(0.00905)
    assert runs.median_seed == 0


def test_a_median_curve_ends_where_training_ends_and_is_infinite_where_half_diverged():
    curves = np.array([[1.0, 1.0, 1.0, np.nan], [2.0, np.nan, np.nan, np.nan], [3.0, 3.0, np.nan, np.nan]])
    median = median_curve(curves, np.array([False, True, True]))
    np.testing.assert_array_equal(median, [2.0, 3.0, np.inf, np.nan])


def test_one_run_has_a_mean_but_no_standard_error():
    runs = sample([4.0])
    assert runs.mean == 4.0
    assert np.isnan(runs.sem)
    assert runs.median_seed == 0


def test_no_finite_run_has_no_statistics_and_no_median_run():
    runs = sample([np.inf, np.nan], [True, True])
    assert np.isnan([runs.mean, runs.sem]).all()
    assert runs.median == np.inf
    assert runs.median_seed is None


def test_the_median_run_of_an_even_number_is_the_lower_one():
    assert sample([5.0, 1.0, 3.0, 2.0]).median_seed == 3


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_run_without_a_finite_measure_is_diverged(value):
    dataset = synthetic.experiment(lengths=(128,), seeds=3)
    dataset["forecast_rmse"].loc[{"seed": 1}] = value
    runs = runs_of(dataset, "forecast_rmse", model="shplrnn", sequence_length=128)
    assert runs.diverged.tolist() == [False, True, False]


def test_a_run_that_diverged_in_training_is_diverged_whatever_its_measure_says():
    dataset = synthetic.experiment(lengths=(128,), seeds=3)
    dataset["status"].loc[{"seed": 2}] = 1
    runs = runs_of(dataset, "forecast_rmse", model="shplrnn", sequence_length=128)
    assert runs.diverged.tolist() == [False, False, True]


def test_an_escaped_long_orbit_does_not_void_a_finite_forecast():
    dataset = synthetic.experiment(lengths=(128,), seeds=3)
    dataset["status"].loc[{"seed": 2}] = 2
    dataset["state_space_divergence"].loc[{"seed": 2}] = np.inf
    choice = {"model": "shplrnn", "sequence_length": 128}
    assert runs_of(dataset, "forecast_rmse", **choice).diverged.sum() == 0
    assert runs_of(dataset, "state_space_divergence", embedding="m2_tau500", **choice).diverged.sum() == 1


def test_runs_outside_the_experiment_do_not_count():
    dataset = synthetic.experiment(lengths=(128,), seeds=4)
    dataset["status"] = dataset["status"].astype(float)
    dataset["status"].loc[{"seed": 3}] = np.nan
    runs = runs_of(dataset, "forecast_rmse", model="shplrnn", sequence_length=128)
    assert runs.seeds.tolist() == [0, 1, 2]


def test_pooled_runs_are_all_runs():
    one, two = sample([1.0, 2.0]), sample([3.0, np.nan], [False, True])
    assert pooled([one, two]).mean == pytest.approx(2.0)
    assert pooled([one, two]).values.size == 4


def test_lengths_ascend_and_the_first_embedding_is_shown():
    dataset = synthetic.experiment(lengths=(512, 128), embeddings=("m3_tau20", "m1_tau1"))
    assert lengths_of(dataset) == [128, 512]
    assert shown_embedding(dataset) == "m3_tau20"


def test_long_form_has_a_row_per_run_then_mean_and_median():
    runs = sample([1.0, 3.0, np.inf], [False, False, True])
    key = {"panel": "A", "series": "s", "x_name": "T", "x": 128, "y_name": "d"}
    table = long_form([*point_rows(runs, **key), floor_row(0.5, panel="A", series="floor", y_name="d")])
    assert tuple(table.columns) == COLUMNS
    assert table["statistic"].tolist() == ["run", "run", "run", "mean", "median", "floor"]
    assert table.loc[2, "diverged"] == 1
    assert np.isnan(table.loc[2, "y"])
    mean = table.iloc[3]
    assert (mean["y"], mean["low"], mean["high"]) == pytest.approx((2.0, 1.0, 3.0))
    assert (mean["runs"], mean["diverged"]) == (3, 1)
    median = table.iloc[4]
    assert (median["y"], median["low"], median["high"]) == (3.0, 1.0, np.inf)
