"""n-step forecast RMSE, Eq. (71), and its growth with the lead."""

import numpy as np
import pytest

from workflow_src.metrics.forecast_rmse import forecast_rmse, forecast_rmse_by_lead


def test_a_perfect_forecast_gives_zero():
    truth = np.random.default_rng(0).normal(size=(4, 20, 3))
    assert forecast_rmse(truth, truth.copy()) == 0.0


def test_a_constant_offset_gives_its_size():
    truth = np.random.default_rng(0).normal(size=(4, 20, 3))
    assert forecast_rmse(truth, truth - 0.25) == pytest.approx(0.25)


def test_components_and_steps_are_pooled_under_the_root():
    truth = np.zeros((1, 2, 2))
    assert forecast_rmse(truth, np.array([[[3.0, 0.0], [0.0, 4.0]]])) == pytest.approx(np.sqrt((9 + 16) / 4))


def test_windows_are_averaged_after_the_root():
    generated = np.concatenate([np.full((1, 5, 2), 1.0), np.full((1, 5, 2), -3.0)])
    assert forecast_rmse(np.zeros((2, 5, 2)), generated) == pytest.approx(2.0)


def test_matches_the_equation_written_as_loops():
    rng = np.random.default_rng(0)
    truth, generated = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 4, 2))
    per_window = []
    for x, x_hat in zip(truth, generated, strict=True):
        total = sum(np.linalg.norm(x[k] - x_hat[k]) ** 2 for k in range(4))
        per_window.append(np.sqrt(total / (4 * 2)))
    assert forecast_rmse(truth, generated) == pytest.approx(np.mean(per_window))


def test_unrelated_standard_noise_gives_root_two():
    rng = np.random.default_rng(0)
    value = forecast_rmse(rng.normal(size=(500, 50, 2)), rng.normal(size=(500, 50, 2)))
    assert value == pytest.approx(np.sqrt(2), rel=0.01)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
def test_a_diverged_window_gives_inf(bad: float):
    generated = np.zeros((3, 4, 2))
    generated[1, 2, 0] = bad
    assert forecast_rmse(np.zeros((3, 4, 2)), generated) == np.inf


@pytest.mark.parametrize("shape", [(3, 4, 1), (3, 5, 2)])
def test_forecasts_that_do_not_match_are_refused(shape: tuple[int, int, int]):
    with pytest.raises((ValueError, TypeError)):
        forecast_rmse(np.zeros((3, 4, 2)), np.zeros(shape))


def test_no_window_is_refused():
    with pytest.raises(ValueError, match="do not match"):
        forecast_rmse(np.zeros((0, 4, 2)), np.zeros((0, 4, 2)))


def test_each_lead_has_the_mean_over_windows_of_the_rmse_over_components():
    truth = np.zeros((2, 3, 2))
    generated = np.array([[[3.0, 4.0], [0.0, 2.0], [1.0, 1.0]], [[0.0, 0.0], [2.0, 0.0], [5.0, 5.0]]])
    expected = [(np.sqrt(25 / 2) + 0) / 2, (np.sqrt(2) + np.sqrt(2)) / 2, (1 + 5) / 2]
    assert forecast_rmse_by_lead(truth, generated) == pytest.approx(expected)


def test_a_forecast_of_one_step_has_the_same_error_by_lead():
    rng = np.random.default_rng(0)
    truth, generated = rng.normal(size=(5, 1, 3)), rng.normal(size=(5, 1, 3))
    assert forecast_rmse_by_lead(truth, generated) == pytest.approx([forecast_rmse(truth, generated)])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_error_is_infinite_from_the_lead_on_at_which_a_forecast_diverged(bad: float):
    generated = np.ones((3, 5, 2))
    generated[1, 2, 0] = bad
    np.testing.assert_array_equal(
        forecast_rmse_by_lead(np.zeros((3, 5, 2)), generated), [1.0, 1.0, np.inf, np.inf, np.inf]
    )


def test_leads_without_a_window_are_refused():
    with pytest.raises(ValueError, match="do not match"):
        forecast_rmse_by_lead(np.zeros((0, 4, 2)), np.zeros((0, 4, 2)))
