"""What a panel shows of its runs."""

import numpy as np
import pytest

from workflow_src.figures import marks, scales, style
from workflow_src.figures.runs import Runs, floor_row, long_form, point_rows


def panel(values, diverged, *, yscale="log", floor=0.1):
    runs = Runs(np.arange(len(values)), np.array(values, dtype=float), np.array(diverged))
    key = {"panel": "A", "series": "s", "x_name": "model", "x": "shplrnn", "y_name": "d"}
    table = long_form([*point_rows(runs, **key), floor_row(floor, panel="A", series="floor", y_name="d")])
    figure = style.figure(60, 50)
    axes = figure.subplots()
    axes.set_yscale(yscale)
    marks.runs_panel(axes, table, {"shplrnn": 0}, {"shplrnn": style.BLUE}, median=True)
    return figure, axes


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("runs", [2, 3, 10])
def test_neither_median_nor_mean_hides_a_run(runs):
    with style.context():
        figure, axes = panel(np.geomspace(1, 2, runs), [False] * runs)
        figure.draw_without_rendering()
    dots = next(line for line in axes.lines if line.get_gid() == "runs")
    median = next(line for line in axes.lines if line.get_gid() == "median")
    assert dots.get_zorder() > median.get_zorder()
    assert dots.get_markerfacecolor() == "white", "one dot on another shows as two rings"
    assert len(np.unique(dots.get_xdata())) == runs
    assert 0 not in dots.get_xdata()


def test_diverged_runs_have_a_cross_a_number_and_a_label():
    with style.context():
        _, axes = panel([1.0, 2.0, np.nan, np.inf], [False, False, True, True])
    crosses = [line for line in axes.lines if line.get_gid() == "diverged"]
    assert sum(len(line.get_xdata()) for line in crosses) == 1
    assert {"2", "diverged", "n = 4"} <= set(texts(axes))


@pytest.mark.parametrize(("values", "height"), [([1.0, 2.0, np.inf], 2.0), ([1.0, np.nan, np.inf], None)])
def test_a_median_that_has_diverged_lies_in_the_row_of_diverged_runs(values, height):
    with style.context():
        figure, axes = panel(values, ~np.isfinite(values))
        figure.draw_without_rendering()
    median = next(line for line in axes.lines if line.get_gid() == "median")
    on_screen = median.get_transform().transform(median.get_xydata())
    inside = axes.transAxes.inverted().transform(on_screen)[:, 1]
    if height is None:
        assert (inside > 1 - scales.BAND).all()
        assert (inside < 1).all()
    else:
        assert list(median.get_ydata()) == [height, height]
        assert (inside < 1 - scales.BAND).all()


def test_no_point_lies_in_the_row_of_diverged_runs():
    with style.context():
        figure, axes = panel([1.0, 1e3, np.nan], [False, False, True])
        figure.draw_without_rendering()
    dots = next(line for line in axes.lines if line.get_gid() == "runs")
    heights = axes.transAxes.inverted().transform(axes.transData.transform(dots.get_xydata()))[:, 1]
    assert heights.max() < 1 - scales.BAND


def test_without_diverged_runs_there_is_no_row_for_them():
    with style.context():
        _, axes = panel([1.0, 2.0], [False, False])
    assert "diverged" not in texts(axes)
    assert not axes.patches


def test_values_that_a_log_axis_cannot_hold_are_shown_at_its_edge():
    with style.context():
        figure, axes = panel([1.0, 2.0, -0.01], [False, False, False], floor=-0.001)
        figure.draw_without_rendering()
    edge = [line for line in axes.lines if line.get_gid() == "runs" and line.get_marker() == "v"]
    assert [len(line.get_xdata()) for line in edge] == [1]
    assert "floor -0.001" in texts(axes)


def test_different_numbers_of_runs_are_written_at_each_point():
    figure = style.figure(60, 50)
    axes = figure.subplots()
    marks.run_counts(axes, [0, 1], [[10], [5]])
    assert texts(axes) == ["10", "5", "n"]
