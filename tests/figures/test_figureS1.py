"""The figure of the sensitivity sweep, from synthetic arrays."""

import math

import numpy as np
import pytest

from tests.figures import synthetic
from workflow_src.figures import figureS1, strips, style
from workflow_src.figures.runs import COLUMNS, quartiles

RANKS = {"N": "shplrnn_rank5", "N + 2": "shplrnn_rank7", "full": "shplrnn_full"}
MODELS = (*RANKS.values(), "lssm")
LEVEL = {"shplrnn_rank5": 5.0, "shplrnn_rank7": 0.6, "shplrnn_full": 0.3, "lssm": 3.0}


def ranks():
    values = [{"label": label, "model": model, "contrast": "shplrnn_rank5"} for label, model in RANKS.items()]
    del values[0]["contrast"]
    return {"name": "rank", "reference": "N + 2", "contrast_is": "worse", "values": values}


def embeddings():
    values = [{"label": label, "model": "lssm", "embedding": label, "contrast": "shplrnn_full"} for label in LABELS]
    return {"name": "embedding", "reference": LABELS[0], "contrast_is": "better", "values": values}


LABELS = ("m2_tau500", "m1_tau1")


def settings(*factors):
    return {"experiment": "sweep", "factors": list(factors)}


def sweep(lost=(), seeds=4, **changes):
    diverged = {(model, 256): runs for model, runs in dict(lost).items()}
    return synthetic.experiment(MODELS, (64, 256), seeds, level=LEVEL, diverged=diverged, **changes)


def drawn(shown, **arrays):
    with style.context():
        figure = figureS1.draw(shown, **arrays)
        figure.draw_without_rendering()
    return figure


def marked(figure, kind):
    return [text.get_text() for axes in figure.axes for text in axes.texts if text.get_gid() == kind]


CASES = {
    "two factors": (settings(ranks(), embeddings()), lambda: sweep({"shplrnn_rank5": (0, 1), "lssm": (2,)})),
    "one run": (settings(ranks()), lambda: sweep(seeds=1)),
    "everything diverged": (settings(ranks(), embeddings()), lambda: sweep(dict.fromkeys(MODELS, range(4)))),
    "no contrasts": (settings(ranks() | {"values": ranks()["values"][:1], "reference": "N"}), sweep),
    "the first factor without contrasts": (
        settings(ranks() | {"values": ranks()["values"][:1], "reference": "N"}, embeddings()),
        sweep,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_draws_without_a_warning_and_its_numbers_are_in_long_form(case):
    shown, arrays = CASES[case]
    runs = arrays()
    drawn(shown, sweep=runs)
    numbers = figureS1.numbers(shown, sweep=runs)
    assert tuple(numbers.columns) == COLUMNS
    assert not np.isinf(numbers.loc[numbers["statistic"] != "median", "y"]).any()
    assert set(numbers["panel"]) == {factor["name"] for factor in shown["factors"]}


def test_every_run_is_drawn_or_counted_as_diverged():
    runs = sweep({"shplrnn_rank5": (0, 1, 2), "shplrnn_full": (1,)})
    figure = drawn(settings(ranks()), sweep=runs)
    left, right = figure.axes
    assert [sum(len(line.get_xdata()) for line in one.lines if line.get_gid() == "runs") for one in (left, right)] == [
        3 * 4 - 4,  # of three models
        1 + 1,  # pairs of finite runs, of the two values with a contrast
    ]
    assert marked(figure, "diverged count") == ["3/4", "1/4", "3/4", "3/4", "1/4"]


def test_the_ratio_is_of_runs_of_the_same_seed_and_above_1_where_the_finding_holds():
    runs = sweep()
    numbers = figureS1.numbers(settings(ranks(), embeddings()), sweep=runs)
    at = {"sequence_length": 256, "embedding": "m2_tau500"}
    values = {m: runs["state_space_divergence"].sel(model=m, **at).to_numpy() for m in MODELS}
    ratios = numbers[numbers["y_name"] == "ratio state_space_divergence m2_tau500"]
    for panel, label, worse, better in (
        ("rank", "full", "shplrnn_rank5", "shplrnn_full"),
        ("embedding", "m2_tau500", "lssm", "shplrnn_full"),
    ):
        here = ratios[(ratios["panel"] == panel) & (ratios["x"] == label)]
        wanted = values[worse] / values[better]
        np.testing.assert_allclose(here.loc[here["statistic"] == "run", "y"], wanted)
        row = here[here["statistic"] == "median"].iloc[0]
        assert row["y"] == pytest.approx(math.exp(np.median(np.log(wanted))))
        assert row["low"] < row["y"] < row["high"]
        assert wanted.min() > 1


def test_a_divergence_below_the_resolution_makes_no_better_ratio():
    runs = sweep()
    runs["state_space_divergence"].loc[{"model": "shplrnn_full"}] = -0.01
    numbers = figureS1.numbers(settings(ranks()), sweep=runs)
    full = numbers[(numbers["x"] == "full") & (numbers["statistic"] == "run")]
    worse = runs["state_space_divergence"].sel(model="shplrnn_rank5", sequence_length=256, embedding="m2_tau500")
    resolution = 0.16 * 1.1  # floor and twice its error
    np.testing.assert_allclose(full["y"][4:], worse.to_numpy() / resolution)
    assert (full["y"][:4] == -0.01).all()


def test_diverged_runs_are_the_worst_in_medians_of_either_side():
    runs = sweep({"shplrnn_rank5": (0, 1, 2), "shplrnn_full": (1, 2, 3)})
    numbers = figureS1.numbers(settings(ranks()), sweep=runs)
    medians = numbers[numbers["statistic"] == "median"].set_index(["x", "y_name"])
    measure, ratio = "state_space_divergence m2_tau500", "ratio state_space_divergence m2_tau500"
    assert medians.loc[("N", measure), ["runs", "diverged"]].tolist() == [4, 3]
    assert medians.loc[("N", measure), ["y", "high"]].tolist() == [math.inf, math.inf]
    # Seed 0: the worse side diverged; 3: the better one; 1 and 2: both.
    assert medians.loc[("full", ratio), ["runs", "diverged"]].tolist() == [4, 4]
    assert math.isnan(medians.loc[("full", ratio), "y"])
    # Seeds 0 to 2: the worse side diverged.
    assert medians.loc[("N + 2", ratio), "high"] == math.inf


def test_the_reference_is_marked():
    figure = drawn(settings(ranks(), embeddings()), sweep=sweep())
    bold = [t.get_text() for a in figure.axes for t in a.get_yticklabels() if t.get_fontweight() == "bold"]
    assert list(dict.fromkeys(bold)) == ["N + 2", "m2_tau500"]


def test_each_value_has_the_floor_of_its_own_embedding():
    runs = sweep()
    runs["state_space_divergence_floor"][:] = [0.2, 0.05]
    figure = drawn(settings(embeddings()), sweep=runs)
    floors = [
        (line.get_xdata()[0], list(line.get_ydata())) for line in figure.axes[0].lines if line.get_gid() == "floor"
    ]
    assert floors == [(0.2, [-0.5, 0.5]), (0.05, [0.5, 1.5])]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8], (2.5, 4.5, 6.5)),
        ([3, 1, 2], (1, 2, 3)),
        ([7], (7, 7, 7)),
        ([1, 2, math.inf, math.inf], (1.5, math.inf, math.inf)),
        ([1, 2, 3, math.inf, math.inf], (2, 3, math.inf)),
        ([], (math.nan,) * 3),
    ],
)
def test_quartiles_take_infinities_for_values(values, wanted):
    np.testing.assert_equal(quartiles(np.array(values, float)), wanted)


def test_a_scale_has_room_at_the_end_for_what_it_cannot_hold():
    scale = strips.scale_of([0.1, 10.0], left=True, right=True, around=1.0)
    low, high = scale.limits
    assert low < scale.held(0.0) == scale.low < scale.held(0.1) == 0.1
    assert scale.held(10.0) == 10 < scale.high == scale.held(math.inf) < high
    assert math.log10(high) == pytest.approx(-math.log10(low))


def test_no_title_runs_into_the_next_panel():
    long = {"label": "a factor of which much must be said and does not fit " * 2, "finding": "so much here too " * 5}
    figure = drawn(settings(ranks() | long, embeddings() | long), sweep=sweep({"lssm": (1,)}))
    titles = [axes._left_title.get_window_extent() for axes in figure.axes]
    edges = [axes.get_window_extent() for axes in figure.axes]
    for row in (0, 2):
        assert titles[row].x1 < edges[row + 1].x0
        assert titles[row + 1].x1 <= figure.bbox.x1
    assert titles[2].y1 < edges[0].y0
