"""Axes that figures share."""

import pytest

from workflow_src.figures import scales, style


@pytest.mark.parametrize(
    ("lengths", "labels"),
    [
        ((128, 1024), ["$2^{7}$", "$2^{10}$"]),
        ((64, 200), ["64", "200"]),
        ((64, 128), ["64", "128"]),
        ((50,), ["50"]),
    ],
)
def test_sequence_lengths_are_the_ticks(lengths, labels):
    axes = style.figure(60, 50).subplots()
    scales.length_axis(axes, lengths)
    assert axes.get_xticks().tolist() == list(lengths)
    assert [axes.xaxis.get_major_formatter()(tick, 0) for tick in lengths] == labels
