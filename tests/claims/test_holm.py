"""Holm's correction against numbers computed by hand."""

import pytest

from workflow_src.claims.holm import holm


def test_holm_as_computed_by_hand():
    # Sorted: 0.005 * 4, 0.01 * 3, 0.03 * 2, 0.04 * 1, which is below the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_nothing_exceeds_one():
    assert holm([0.6, 0.9]) == [1.0, 1.0]


def test_no_test_needs_no_correction():
    assert holm([]) == []
