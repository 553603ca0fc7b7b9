"""Labels, ticks and marks that all figures share."""

import doctest

import matplotlib as mpl
import numpy as np
import pytest

from workflow_src.figures import style
from workflow_src.figures.runs import Runs, floor_row, long_form, point_rows


@pytest.mark.parametrize(
    ("model", "label"),
    [
        ("shplrnn", "shPLRNN"),
        ("shplrnn_full", "shPLRNN"),
        ("shplrnn_quasi", "quasi"),
        ("shplrnn_rank5", "shPLRNN r = 5"),
        ("shplrnn_rank12", "shPLRNN r = 12"),
        ("shplrnn_m20", "shPLRNN, M = 20"),
        ("shplrnn_m20_quasi", "shPLRNN, M = 20, quasi"),
        ("shplrnn_m3_l50", "shPLRNN, M = 3, L = 50"),
        ("lssm", "LSSM"),
        ("lssm_mar", "LSSM + MAR"),
        ("lssm_mar_1em3", "LSSM, λ = 1e-3"),
        ("lssm_mar1em3", "LSSM, λ = 1e-3"),
        ("lssm_mar_0", "LSSM, λ = 0"),
        ("mamba2_7k", "Mamba-2-7k"),
        ("mamba2_17k", "Mamba-2-17k"),
        ("mamba2_130k", "Mamba-2-130k"),
        ("something_new", "something, new"),
    ],
)
def test_model_names_become_words(model, label):
    assert style.label_of(model) == label


def test_examples_in_the_docstrings_hold():
    assert doctest.testmod(style).failed == 0


@pytest.mark.parametrize(
    ("embedding", "label"),
    [
        ("m1_tau1", r"$D_\mathrm{stsp}$"),
        ("m2_tau200", r"$D_\mathrm{stsp}^\mathrm{DE}$  ($m = 2$, $\tau = 200$)"),
    ],
)
def test_delays_stand_on_the_axis(embedding, label):
    assert style.divergence_label(embedding) == label


def test_the_style_leaves_no_trace():
    before = dict(mpl.rcParams)
    with style.context():
        assert mpl.rcParams["pdf.fonttype"] == 42
    assert dict(mpl.rcParams) == before


def test_variants_of_an_architecture_share_its_colour_whatever_their_order():
    one = style.model_colours(["lssm", "shplrnn_rank5", "shplrnn"])
    assert one["shplrnn_rank5"] == one["shplrnn"] != one["lssm"]
    assert style.model_colours(["shplrnn", "lssm"])["lssm"] == one["lssm"]


def panel(values, diverged, *, yscale="log", floor=0.1):
    runs = Runs(np.arange(len(values)), np.array(values, dtype=float), np.array(diverged))
    key = {"panel": "A", "series": "s", "x_name": "model", "x": "shplrnn", "y_name": "d"}
    table = long_form([*point_rows(runs, **key), floor_row(floor, panel="A", series="floor", y_name="d")])
    figure = style.figure(60, 50)
    axes = figure.subplots()
    axes.set_yscale(yscale)
    style.runs_panel(axes, table, {"shplrnn": 0}, {"shplrnn": style.BLUE}, median=True)
    return figure, axes


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_diverged_runs_have_a_cross_a_number_and_a_label():
    with style.context():
        _, axes = panel([1.0, 2.0, np.nan, np.inf], [False, False, True, True])
    crosses = [line for line in axes.lines if line.get_gid() == "diverged"]
    assert sum(len(line.get_xdata()) for line in crosses) == 1
    assert {"2", "diverged", "n = 4"} <= set(texts(axes))


def test_no_point_lies_in_the_row_of_diverged_runs():
    with style.context():
        figure, axes = panel([1.0, 1e3, np.nan], [False, False, True])
        figure.draw_without_rendering()
    dots = next(line for line in axes.lines if line.get_gid() == "runs")
    heights = axes.transAxes.inverted().transform(axes.transData.transform(dots.get_xydata()))[:, 1]
    assert heights.max() < 1 - style.BAND


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
    style.run_counts(axes, [0, 1], [[10], [5]])
    assert texts(axes) == ["10", "5", "n"]


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
    style.length_axis(axes, lengths)
    assert axes.get_xticks().tolist() == list(lengths)
    assert [axes.xaxis.get_major_formatter()(tick, 0) for tick in lengths] == labels
