"""Figures beyond the paper's, from synthetic aggregated arrays: they draw, and show what the numbers say."""

import numpy as np
import pytest

from tests.figures import synthetic
from workflow_src.figures import figureB1, figureB2, figureB3, figureB4, figureB5, style
from workflow_src.figures.runs import COLUMNS

LENGTHS = (128, 512, 2048)
BURSTING = {"components": ("v", "n"), "bursts": True, "embeddings": ("m5_tau600",), "floor": 0.03}
LOST = {("shplrnn", 128): (0, 3), ("shplrnn", 2048): (1,)}


def lengths(seeds=4, **changes):
    return synthetic.experiment(("shplrnn",), LENGTHS, seeds, slope=0.5, **({"diverged": LOST} | changes))


def models(names=("lssm", "shplrnn_rank5", "shplrnn_full"), seeds=4):
    return synthetic.experiment(names, (512,), seeds, diverged={("lssm", 512): (0, 1, 2, 3)})


def fixed(dataset):
    return dataset.assign(warmup=("sequence_length", [32] * dataset.sizes["sequence_length"]))


def everything_diverged():
    return synthetic.experiment(("shplrnn",), (64, 200), 2, diverged={("shplrnn", n): range(2) for n in (64, 200)})


def one():
    return synthetic.experiment(("shplrnn",), (64,), 1)


CASES = {
    "figureB1": (figureB1, lambda: (lengths(), lengths(**BURSTING), models())),
    "figureB1, all diverged": (figureB1, lambda: (everything_diverged(), everything_diverged(), everything_diverged())),
    "figureB2": (figureB2, lambda: (models(), lengths(), lengths(**BURSTING))),
    "figureB2, one of each": (figureB2, lambda: (one(), one(), one())),
    "figureB3": (figureB3, lambda: (lengths(), lengths(**BURSTING), models())),
    "figureB3, all diverged": (figureB3, lambda: (everything_diverged(), one(), everything_diverged())),
    "figureB4": (figureB4, lambda: (lengths(), lengths(**BURSTING))),
    "figureB4, all diverged": (figureB4, lambda: (everything_diverged(), one())),
    "figureB5": (figureB5, lambda: (lengths(), fixed(lengths(seed=1)), lengths(seed=2).isel(sequence_length=[0, 2]))),
    "figureB5, one of each": (figureB5, lambda: (one(), one(), one())),
}


@pytest.mark.parametrize("case", CASES)
def test_it_draws_without_a_warning_and_its_numbers_are_in_long_form(case, tmp_path):
    module, inputs = CASES[case]
    datasets = inputs()
    with style.context():
        module.draw(*datasets).savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5000
    numbers = module.numbers(*datasets)
    assert tuple(numbers.columns) == COLUMNS
    assert len(numbers) > 0
    assert not np.isinf(numbers.loc[numbers["statistic"] != "median", "y"]).any()
    assert len(module.__doc__) > 200


def test_figureB1_shows_the_spectrum_of_the_run_with_the_median_distance():
    dataset = lengths(seeds=3, diverged={})
    dataset["spectrum_distance"].loc[{"sequence_length": 2048}] = np.array([[0.3, 0.1, 0.2]])
    table = figureB1.numbers(dataset, lengths(**BURSTING), models())
    shown = table[(table["panel"] == "A lorenz96") & (table["series"] == "generated")]
    assert set(shown["seed"]) == {2}
    spectrum = dataset["generated_spectrum"].sel(model="shplrnn", sequence_length=2048, seed=2)
    np.testing.assert_array_equal(shown["y"].to_numpy(), spectrum[1:].to_numpy())
    floor = table[(table["panel"] == "C") & (table["statistic"] == "floor")]
    assert floor["y"].tolist() == [0.05]


def test_figureB2_shows_exponents_per_time_unit():
    table = figureB2.numbers(models(), lengths(), lengths(**BURSTING))
    runs = table[(table["panel"] == "B2 lorenz96") & (table["statistic"] == "run") & (table["x"] == 512)]
    assert runs["y"].to_numpy() == pytest.approx((0.009 + 1e-4 * np.arange(4)) / 0.05)
    truth = table[(table["panel"] == "B2 bursting") & (table["statistic"] == "floor")]
    assert truth["y"].tolist() == pytest.approx([0.009 / 0.05])


def test_figureB2_counts_orbits_that_escape_though_they_grow_at_a_finite_rate():
    dataset = lengths(diverged={("shplrnn", 128): (0, 3)})
    assert dataset["status"].sel(model="shplrnn", sequence_length=128).values.tolist() == [1, 0, 0, 2]
    table = figureB2.numbers(models(), dataset, one())
    row = table[(table["panel"] == "B2 lorenz96") & (table["statistic"] == "mean") & (table["x"] == 128)].iloc[0]
    assert (row["runs"], row["diverged"]) == (4, 2)
    assert row["y"] == pytest.approx((0.009 + 1.5e-4) / 0.05)
    # An exponent has no bad end that a diverged run could count as.
    row = table[(table["panel"] == "B2 lorenz96") & (table["statistic"] == "median") & (table["x"] == 128)].iloc[0]
    assert row["y"] == pytest.approx((0.009 + 1.5e-4) / 0.05)


def test_figureB3_has_the_median_error_at_each_lead_with_diverged_forecasts_as_the_worst():
    dataset = lengths(seeds=4, diverged={("shplrnn", 128): (0,)})
    table = figureB3.numbers(dataset, one(), models())
    row = table[(table["panel"] == "B3 lorenz96") & (table["series"] == "T = 128") & (table["x"] == 7)].iloc[0]
    errors = dataset["forecast_rmse_by_lead"].sel(model="shplrnn", sequence_length=128, lead=7).to_numpy()[1:]
    assert row["y"] == pytest.approx(np.sort(errors)[1:].mean())
    assert (row["runs"], row["diverged"]) == (4, 1)


def test_figureB4_has_the_median_loss_with_diverged_runs_as_the_worst():
    dataset = lengths(seeds=3, diverged={("shplrnn", 512): (0,)})
    table = figureB4.numbers(dataset, one())
    shown = table[(table["series"] == "T = 512") & (table["x_name"] == "samples")]
    losses = dataset["loss"].sel(model="shplrnn", sequence_length=512).to_numpy()
    assert shown["y"].iloc[-1] == losses[1:, -1].max()


def test_figureB4_counts_samples_from_the_first_update():
    table = figureB4.numbers(lengths(), one())
    part = table[(table["panel"] == "B4 lorenz96") & (table["series"] == "T = 512")]
    updates = lengths()["update"].to_numpy()
    np.testing.assert_array_equal(part.loc[part["x_name"] == "samples", "x"], (updates + 1) * 32768)
    elapsed = part.loc[part["x_name"] == "elapsed_time", "x"].to_numpy(float)
    assert (np.diff(elapsed) > 0).all()
    assert part.loc[part["statistic"] == "compilation", "y"].tolist() == [7.0]


def test_figureB5_names_the_warm_up_of_each_experiment():
    table = figureB5.numbers(lengths(), fixed(lengths(seed=1)), lengths(seed=2))
    series = table[table["panel"] == "A"]["series"].unique().tolist()
    assert series == ["$T_w = 0.25\\,T$", "$T_w = 32$", "floor"]
    assert table[table["panel"] == "B"]["series"].unique().tolist() == ["constant α", "adaptive α", "floor"]
