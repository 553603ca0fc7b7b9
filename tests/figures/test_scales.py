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


def test_the_row_of_diverged_runs_gets_no_tick_on_a_linear_axis():
    axes = style.figure(80, 60).subplots()
    axes.plot([0, 1], [-0.5, 1.0])
    scales.linear_ticks(axes)
    assert {0.0, 1.0} <= {round(float(tick), 6) for tick in axes.get_yticks()}
    scales.headroom(axes)
    scales.linear_ticks(axes)
    low, high = axes.get_ylim()
    assert len(axes.get_yticks()) >= 3
    assert max(axes.get_yticks()) < low + (high - low) * (1 - scales.BAND)
