"""Every figure from synthetic aggregated arrays: it draws without a warning, and shows what the numbers say."""

import itertools

import numpy as np
import pandas as pd
import pytest

from tests.figures import synthetic
from workflow_src.errors import UserError
from workflow_src.figures import figure1, figure2, figure3, figureA1, figureA2, figureA3, style
from workflow_src.figures.runs import COLUMNS

LENGTHS = (128, 512, 2048)
MODELS = ("lssm", "lssm_mar_1em3", "shplrnn_rank5", "shplrnn_full", "mamba2_7k")
BURSTING = {"components": ("v", "n"), "bursts": True, "embeddings": ("m5_tau600",), "floor": 0.03}
LOST_LENGTHS = {("shplrnn", 128): (0, 3), ("shplrnn", 2048): (1,)}
LOST_MODELS = {("lssm", 512): (0, 1, 2, 3), ("mamba2_7k", 512): (2,)}


def lengths(**changes):
    return synthetic.experiment(("shplrnn",), LENGTHS, 4, slope=0.5, diverged=LOST_LENGTHS, **changes)


def models(names=MODELS, **changes):
    return synthetic.experiment(names, (512,), 4, **({"diverged": LOST_MODELS} | changes))


def ablation(seeds=4, lost=(0, 2), **changes):
    diverged = {("shplrnn_quasi", 1000): lost} if lost else {}
    return synthetic.experiment(("shplrnn", "shplrnn_quasi"), (1000,), seeds, diverged=diverged, **changes)


def everything_diverged(seeds=2):
    lost = {("shplrnn", length): range(seeds) for length in (64, 200)}
    return synthetic.experiment(("shplrnn",), (64, 200), seeds, diverged=lost)


CASES = {
    "figure1": (figure1, lambda: (synthetic.runtime((3, 64)), synthetic.iterations((3, 10), passes=7))),
    "figure1, one length and one pass": (
        figure1,
        lambda: (synthetic.runtime((3,), (64,)), synthetic.iterations((2,), (0.1,), 1)),
    ),
    "figure2": (figure2, lambda: (ablation(lost=()), ablation(components=("x",), embeddings=("m3_tau20",)))),
    "figure2, one seed": (figure2, lambda: (ablation(1, ()), ablation(1, (0,)))),
    "figure3": (figure3, lambda: (lengths(), lengths(**BURSTING), models())),
    "figure3, one seed, one length, one model": (
        figure3,
        lambda: (
            synthetic.experiment(("shplrnn",), (64,), 1),
            synthetic.experiment(("shplrnn",), (64,), 1, **BURSTING),
            synthetic.experiment(("lssm",), (64,), 1),
        ),
    ),
    "figure3, everything diverged": (
        figure3,
        lambda: (everything_diverged(), everything_diverged(), everything_diverged()),
    ),
    "figure3, two models over lengths": (
        figure3,
        lambda: (synthetic.experiment(("shplrnn", "lssm"), LENGTHS, 3), lengths(**BURSTING), models()),
    ),
    "figureA1": (figureA1, lambda: (synthetic.simulated_lorenz96(),)),
    "figureA2": (figureA2, lambda: (models(),)),
    "figureA2, everything diverged": (figureA2, lambda: (everything_diverged(1),)),
    "figureA3": (figureA3, lambda: (lengths(), lengths(**BURSTING))),
}


@pytest.mark.parametrize("case", CASES)
def test_it_draws_without_a_warning_and_fills_its_files(case, tmp_path):
    module, inputs = CASES[case]
    with style.context():
        figure = module.draw(*inputs())
        for suffix in ("pdf", "png"):
            figure.savefig(tmp_path / f"figure.{suffix}")
            assert (tmp_path / f"figure.{suffix}").stat().st_size > 5000


@pytest.mark.parametrize("case", CASES)
def test_its_numbers_are_in_long_form_and_its_docstring_is_a_caption(case):
    module, inputs = CASES[case]
    numbers = module.numbers(*inputs())
    assert tuple(numbers.columns) == COLUMNS
    assert len(numbers) > 0
    assert not np.isinf(numbers.loc[numbers["statistic"] != "median", "y"]).any()
    assert len(module.__doc__) > 200


def drawn(module, *inputs):
    with style.context():
        figure = module.draw(*inputs)
        figure.draw_without_rendering()
    return figure


def dots(axes) -> int:
    return sum(len(line.get_xdata()) for line in axes.lines if line.get_gid() == "runs")


def all_texts(figure) -> list[str]:
    found = [text.get_text() for axes in figure.axes for text in axes.texts]
    legends = [axes.get_legend() for axes in figure.axes if axes.get_legend()]
    return found + [text.get_text() for legend in legends for text in legend.get_texts()]


def titled(figure, text):
    return next(axes for axes in figure.axes if text in axes.get_title())


def test_figure3_shows_every_finite_run_and_counts_the_others():
    figure = drawn(figure3, lengths(), synthetic.experiment(("shplrnn",), LENGTHS, 4, **BURSTING), models())
    assert dots(titled(figure, "forced Lorenz-96, ")) == len(MODELS) * 4 - 5
    assert dots(next(a for a in figure.axes if a.get_title() == "forced Lorenz-96")) == len(LENGTHS) * 4 - 3
    assert dots(titled(figure, "bursting neuron")) == len(LENGTHS) * 4
    counts = [text.get_text() for axes in figure.axes for text in axes.texts if text.get_gid() == "diverged count"]
    assert sorted(counts) == ["1", "1", "2", "4"]


def test_figureA3_shows_every_finite_run_and_counts_the_others():
    figure = drawn(figureA3, lengths(), lengths(**BURSTING))
    for axes in figure.axes:
        assert dots(axes) == len(LENGTHS) * 4 - 3
        assert [t.get_text() for t in axes.texts if t.get_gid() == "diverged count"] == ["2", "1"]


def test_figure2_counts_diverged_runs_in_legend_and_strip():
    figure = drawn(figure2, ablation(lost=()), ablation(lost=(0, 2, 3)))
    texts = all_texts(figure)
    assert "quasi: 4 runs" in texts  # fully observed
    assert "quasi: 4 runs, 2 diverged" in texts  # the third one diverged after training, in generation
    assert "3" in [t.get_text() for axes in figure.axes for t in axes.texts if t.get_gid() == "diverged count"]
    strips = [axes for axes in figure.axes if axes.get_title() in ("FO", "PO")]
    assert [dots(axes) for axes in strips] == [8, 5]


def test_figure2_has_a_line_per_run_that_ends_where_the_run_diverged():
    dataset = ablation()
    numbers = figure2.numbers(dataset, dataset)
    part = numbers[(numbers["panel"] == "A") & (numbers["series"] == "PO shplrnn_quasi")]
    runs = part[part["statistic"] == "run"]
    assert runs.groupby("seed").size().tolist() == [synthetic.BINS] * 4
    at = part[part["statistic"] == "diverged"].set_index("seed")["x"]
    assert at.to_dict() == {0: float(dataset["diverged_at"].sel(model="shplrnn_quasi", seed=0).item())}
    curve = runs[runs["seed"] == 0].set_index("x")["y"]
    assert curve[curve.index >= at[0]].isna().all()
    assert curve[curve.index < at[0]].notna().all()


def test_figure2_medians_count_a_diverged_run_as_the_worst_from_then_on():
    dataset = ablation(5)
    numbers = figure2.numbers(dataset, dataset)
    part = numbers[(numbers["panel"] == "A") & (numbers["series"] == "FO shplrnn_quasi")]
    median = part[part["statistic"] == "median"]["y"].to_numpy()
    losses = dataset["loss"].sel(model="shplrnn_quasi", sequence_length=1000).to_numpy()
    assert np.isnan(losses[0, -1]), "one of five diverged in training"
    np.testing.assert_array_equal(median, np.median(np.where(np.isnan(losses), np.inf, losses), axis=0))
    assert median[-1] == np.sort(losses[1:, -1])[2]


def test_figure3_means_are_those_of_the_finite_runs():
    dataset = lengths()
    numbers = figure3.numbers(dataset, lengths(**BURSTING), models())
    values = (
        dataset["state_space_divergence"].sel(model="shplrnn", sequence_length=128, embedding="m2_tau500").to_numpy()
    )
    finite = values[[1, 2]]
    row = numbers[(numbers["panel"] == "A lorenz96") & (numbers["x"] == 128) & (numbers["statistic"] == "mean")].iloc[0]
    sem = abs(finite[0] - finite[1]) / 2
    assert (row["y"], row["low"], row["high"]) == pytest.approx(
        (finite.mean(), finite.mean() - sem, finite.mean() + sem)
    )
    assert (row["runs"], row["diverged"]) == (4, 2)


def test_figure3_example_is_the_median_run_at_the_longest_sequence():
    dataset = synthetic.experiment(("shplrnn",), LENGTHS, 3, **BURSTING)
    dataset["state_space_divergence"].loc[{"sequence_length": 2048}] = np.array([[[3.0], [1.0], [2.0]]])
    numbers = figure3.numbers(lengths(), dataset, models())
    shown = numbers[(numbers["panel"] == "A example") & (numbers["series"] == "generated")]
    assert set(shown["seed"]) == {2}
    orbit = dataset["generated_example"].sel(model="shplrnn", sequence_length=2048, seed=2, component="v")
    np.testing.assert_array_equal(shown["y"].to_numpy(), orbit.to_numpy())


def test_figureA2_says_which_runs_it_shows_and_which_diverged():
    figure = drawn(figureA2, models())
    right = [axes.get_title(loc="right") for axes in figure.axes]
    assert right[0] == ""
    assert right[1] == "all 4 runs diverged"
    assert "4/4 runs finite" in right[2]
    assert "3/4 runs finite" in right[5]


def test_figure1_medians_quartiles_and_speedups_are_those_of_the_samples():
    runtime = synthetic.runtime((3, 8), (128, 256))
    numbers = figure1.numbers(runtime, synthetic.iterations((3,), passes=3))
    times = runtime["update_time"].sel(model="shplrnn_m8", sequence_length=256)
    sequential = times.sel(solver="sequential").dropna("sample").to_numpy()
    row = numbers[(numbers["series"] == "M = 8, sequential") & (numbers["x"] == 256)].iloc[0]
    assert (row["low"], row["y"], row["high"]) == pytest.approx(
        tuple(np.quantile(sequential, (0.25, 0.5, 0.75), method="averaged_inverted_cdf"))
    )
    assert row["runs"] == 20
    row = numbers[(numbers["panel"] == "A speed-up") & (numbers["series"] == "M = 8") & (numbers["x"] == 256)].iloc[0]
    assert row["y"] == pytest.approx(np.median(sequential) / times.sel(solver="deer").median().item())


def test_figure1_leaves_out_what_was_not_timed():
    numbers = figure1.numbers(synthetic.runtime((3, 64), (2**10, 2**20)), synthetic.iterations((3,), passes=3))
    assert numbers[(numbers["series"] == "M = 64, GTF-DEER")]["x"].tolist() == [2**10]


def test_figure1_counts_timed_solves_that_did_not_converge_and_opens_their_symbols():
    runtime = synthetic.runtime((3,), (64, 128, 256))
    deer = {"model": "shplrnn_m3", "solver": "deer"}
    runtime["converged_fraction"].loc[deer | {"sequence_length": 128, "sample": slice(0, 29)}] = 0.5
    runtime["converged_fraction"].loc[deer | {"sequence_length": 256, "sample": slice(0, 59)}] = 0.0
    iterations = synthetic.iterations((3,), passes=3)
    numbers = figure1.numbers(runtime, iterations).set_index(["panel", "series", "x"])
    counts = [int(numbers.loc[("A", "M = 3, GTF-DEER", length), "diverged"]) for length in (64, 128, 256)]
    assert counts == [0, 30, 60]
    assert numbers.loc[("A", "M = 3, sequential", 256), "diverged"] == 0
    assert numbers.loc[("A speed-up", "M = 3", 128), "diverged"] == 30
    axes = drawn(figure1, runtime, iterations).axes[0]
    kinds = {}
    for line in (line for line in axes.lines if line.get_linestyle() == "None"):
        for x in line.get_xdata():
            kinds.setdefault(float(x), set()).add((line.get_marker(), line.get_markerfacecolor() == "white"))
    assert kinds == {
        64.0: {("s", False), ("o", False)},
        128.0: {("s", False), ("o", True)},
        256.0: {("s", False), ("x", False)},
    }


def test_figure1_marks_a_timed_training_that_became_non_finite():
    runtime = synthetic.runtime((3, 8), (64, 128))
    runtime["diverged_at"].loc[{"model": "shplrnn_m8", "sequence_length": 128}] = 4
    iterations = synthetic.iterations((3,), passes=3)
    numbers = figure1.numbers(runtime, iterations)
    row = numbers[numbers["statistic"] == "diverged"]
    assert row[["series", "x", "y"]].to_numpy().tolist() == [["M = 8", 128, 4.0]]
    assert "1" in [t.get_text() for t in drawn(figure1, runtime, iterations).axes[0].texts]


def test_figure1_counts_passes_that_did_not_converge_as_the_cap():
    iterations = synthetic.iterations((3,), (0.5,), passes=5)
    iterations["iterations"][:] = 4.0
    iterations["converged"][:] = 0  # the step test passed at wrong points
    numbers = figure1.numbers(synthetic.runtime((3,), (64,)), iterations)
    row = numbers[(numbers["panel"] == "B")].iloc[0]
    assert (row["y"], row["runs"], row["diverged"]) == (100.0, 5, 5)


def test_figure1_leaves_passes_of_diverged_models_out_and_says_so():
    iterations = synthetic.iterations((3,), (0.5,), passes=5)
    iterations["iterations"][:] = [4.0, 4.0, 4.0, 90.0, 90.0]
    iterations["diverged_at"][:] = [-1, -1, -1, 7, 9]
    runtime = synthetic.runtime((3,), (64,))
    numbers = figure1.numbers(runtime, iterations)
    row = numbers[(numbers["panel"] == "B")].iloc[0]
    assert (row["y"], row["high"], row["runs"], row["diverged"]) == (4.0, 4.0, 3, 0)
    (legend,) = [legend for part in drawn(figure1, runtime, iterations).subfigs for legend in part.legends]
    assert "5 trained models per $M$, 2 left out" in legend.get_title().get_text()


def test_figure1_has_a_tile_per_latent_dimension_that_compares_it_with_the_observed():
    figure = drawn(figure1, synthetic.runtime((3,), (64, 128)), synthetic.iterations((2, 10, 3), passes=3))
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["$M = 2 < N$", "$M = 3 = N$", "$M = 10 > N$"]


def test_figureA1_shows_three_forcing_periods():
    numbers = figureA1.numbers(synthetic.simulated_lorenz96(periods=5))
    assert len(numbers[numbers["panel"] == "A"]) == 3 * synthetic.SLOW
    assert set(numbers["series"]) == {"F", "exponent", "x1", "x2", "x3", "x4", "x5"}


def test_figureA1_shows_each_octant_exponent_at_its_phase_of_the_force():
    dataset = synthetic.simulated_lorenz96()
    numbers = figureA1.numbers(dataset.isel(test_step=slice(7, None)))
    force, exponent = (numbers.loc[numbers["series"] == name, "y"].to_numpy() for name in ("F", "exponent"))
    strongest = dataset["test_octant_exponent"].to_numpy().argmax()
    middle = 5 + 4 * np.sin(2 * np.pi * (strongest + 0.5) / 8)
    assert force[exponent == exponent.max()].mean() == pytest.approx(middle, abs=0.2)


def test_figureA1_needs_a_forced_system():
    with pytest.raises(UserError, match="no periodic force"):
        figureA1.numbers(synthetic.simulated_bursting())


def by_name(numbers: pd.DataFrame) -> pd.DataFrame:
    return numbers.sort_values([*COLUMNS[:4], "x"], key=lambda column: column.astype(str)).reset_index(drop=True)


def test_the_order_of_models_changes_no_value():
    one = models()
    other = one.isel(model=[3, 0, 4, 2, 1])
    for module, inputs in ((figure3, (lengths(), lengths(**BURSTING))), (figureA2, ())):
        first, second = (by_name(module.numbers(*inputs, dataset)) for dataset in (one, other))
        pd.testing.assert_frame_equal(first, second)
    two = ablation()
    first, second = (by_name(figure2.numbers(d, d)) for d in (two, two.isel(model=[1, 0], seed=[2, 0, 3, 1])))
    pd.testing.assert_frame_equal(first, second)


def test_dimensions_are_found_by_name():
    one = lengths()
    swapped = one.transpose(*reversed(list(one.sizes)))
    pd.testing.assert_frame_equal(
        figure3.numbers(one, one, models()), figure3.numbers(swapped, swapped, models().transpose(..., "model"))
    )


def test_no_words_collide_in_figure3():
    figure = drawn(figure3, lengths(), lengths(**BURSTING), models())
    for axes in figure.axes:
        boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
        assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
