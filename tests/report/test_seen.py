"""What a figure shows, in words: the numbers that matter of medians, floors and traces, whatever the figure."""

import math

import pandas as pd
import pytest

from tests.figures import test_beyond, test_figures, test_figureS1
from workflow_src.figures.runs import COLUMNS
from workflow_src.report.seen import seen


def table(*rows, **shared):
    common = {"panel": "A", "series": "lssm", "statistic": "median", "x_name": "update", "y_name": "loss"} | shared
    return pd.DataFrame([common | row for row in rows], columns=list(COLUMNS))


def test_few_points_are_all_told_with_how_many_failed():
    rows = [{"x": 32, "y": 9.461}, {"x": 64, "y": 2, "runs": 8, "diverged": 3}, {"x": 128, "y": math.nan}]
    assert seen(table(*rows)) == "A, loss over update: LSSM median 9.46 at 32, 2 at 64 (3 of 8 failed), none at 128."


def test_a_long_curve_is_told_by_its_ends_and_where_it_leaves_them():
    values = [5, 4, 1, 3, 3, 3.1]
    assert seen(table(*({"x": x, "y": y} for x, y in enumerate(values)))) == (
        "A, loss over update: LSSM median 5 at 0, 1 at 2, 3.1 at 5."
    )


def test_every_model_is_told():
    names = ("lssm", "shplrnn_rank5", "mamba2_7k", "a", "b", "c")
    told = seen(table(*({"x": name, "y": math.inf} for name in names), x_name="model", y_name="divergence m2_tau20"))
    assert told.startswith("A, divergence (m = 2, τ = 20): LSSM median diverged for LSSM, diverged for shPLRNN r = 5,")
    assert told.count("diverged for") == len(names)


def test_a_trace_is_told_by_its_range_and_a_floor_by_its_height():
    rows = [
        *({"statistic": "trace", "series": "truth", "x": k, "y": y} for k, y in enumerate((-1, 2, 0))),
        {"statistic": "floor", "series": "floor", "x_name": "", "y": 0.05},
        {"statistic": "floor", "series": "persistence", "x_name": "", "y": 1.2},
        {"statistic": "run", "x": 1, "y": 77},
    ]
    assert seen(table(*rows)) == "A, loss: truth between -1 and 2; floor 0.05; persistence 1.2."


SWEEP, ARRAYS = test_figureS1.CASES["everything diverged"]
DRAWN = test_figures.CASES | test_beyond.CASES
CASES = {name: DRAWN[name] for name in DRAWN if "," not in name or "everything" in name}


@pytest.mark.parametrize("case", CASES)
def test_every_figure_is_told_from_the_file_of_its_numbers(case, tmp_path):
    module, inputs = CASES[case]
    told_from_file(module.numbers(*inputs()), tmp_path)


def test_figureS1_is_told_from_the_file_of_its_numbers(tmp_path):
    told_from_file(test_figureS1.figureS1.numbers(SWEEP, sweep=ARRAYS()), tmp_path)


def told_from_file(numbers, folder):
    numbers.to_csv(folder / "figure.csv", index=False)
    told = seen(pd.read_csv(folder / "figure.csv"))
    assert 40 < len(told) < 6000
    assert all(panel in told for panel in numbers["panel"].unique())
