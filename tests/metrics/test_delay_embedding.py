"""Delay embedding, Eq. (69)."""

import numpy as np
import pytest

from workflow_src.metrics.delay_embedding import embed


def test_known_sequence():
    orbit = np.arange(7.0)[:, None]
    assert embed(orbit, 3, 2).tolist() == [[4, 2, 0], [5, 3, 1], [6, 4, 2]]


def test_all_components_are_stacked_the_present_first():
    orbit = np.column_stack([np.arange(5.0), 10 * np.arange(5.0)])
    assert embed(orbit, 2, 3).tolist() == [[3, 30, 0, 0], [4, 40, 1, 10]]


@pytest.mark.parametrize("delay", [1, 4, 100])
def test_one_dimension_is_no_embedding(delay: int):
    orbit = np.random.default_rng(0).normal(size=(20, 3))
    np.testing.assert_array_equal(embed(orbit, 1, delay), orbit)


@pytest.mark.parametrize(("dimension", "delay", "points"), [(2, 5, 5), (10, 1, 1), (2, 10, 0), (5, 600, 0)])
def test_number_of_points(dimension: int, delay: int, points: int):
    assert embed(np.zeros((10, 2)), dimension, delay).shape == (points, 2 * dimension)


def test_the_delays_turn_a_sine_into_a_circle():
    orbit = np.sin(2 * np.pi * np.arange(400) / 100)[:, None]
    np.testing.assert_allclose(np.linalg.norm(embed(orbit, 2, 25), axis=1), 1.0)


@pytest.mark.parametrize(("dimension", "delay"), [(0, 1), (2, 0), (2, -1)])
def test_nonsense_is_refused(dimension: int, delay: int):
    with pytest.raises(ValueError, match="start at 1"):
        embed(np.zeros((10, 2)), dimension, delay)
