"""Aggregation: every number lands at its (model, sequence length, seed), and no run is lost."""

import numpy as np
import pytest
import xarray as xr

from workflow_src import store
from workflow_src.errors import UserError
from workflow_src.specs.aggregate import AggregateSpec
from workflow_src.specs.benchmark import BenchmarkCells
from workflow_src.steps.aggregate import aggregate, bin_width, thin
from workflow_src.steps.aggregate_benchmark import combine

SPEC = AggregateSpec(
    experiment="test",
    dataset="data",
    time_step=0.1,
    obs_dim=1,
    models=("shplrnn_quasi", "lssm"),
    mar_strength=(0.0, 1e-3),
    sequence_lengths=(16, 8),
    batch_size=(2, 4),
    warmup=(4, 2),
    packs=((0, 1), (2,)),
)


def value(model, length, seed):
    return 1000 * SPEC.models.index(model) + 10 * length + seed


def measure(model, length, pack):
    values = np.array([float(value(model, length, seed)) for seed in pack])
    status = np.array([1 if seed == 2 and model == "lssm" else 0 for seed in pack], np.int8)
    return xr.Dataset(
        {
            "state_space_divergence": (("seed", "embedding"), np.where(status, np.nan, values)[:, None]),
            "state_space_divergence_floor": ("embedding", [0.1]),
            "state_space_divergence_floor_error": ("embedding", [0.01]),
            "forecast_rmse": ("seed", values / 2),
            "forecast_rmse_floor": ((), 1.0),
            "forecast_rmse_by_lead": (("seed", "lead"), values[:, None] * [1.0, 3.0]),
            "forecast_rmse_by_lead_floor": ("lead", [0.5, 1.5]),
            "spectrum_distance": ("seed", values / 1e5),
            "spectrum_distance_floor": ((), 0.06),
            "truth_spectrum": ("frequency", np.array([2.0, 1.0, 0.0], np.float32)),
            "lyapunov_exponent_truth": ((), 0.009),
            "status": ("seed", status),
            "truth_example": (("example_step", "component"), np.zeros((2, 1))),
            "generated_example": (("seed", "example_step", "component"), np.zeros((len(pack), 2, 1))),
            "parameter_count": ((), 100 + SPEC.models.index(model)),
        },
        coords={"seed": list(pack), "embedding": ["m1_tau1"], "example_step": [0, 1], "component": ["x"]}
        | {"lead": [1, 2], "frequency": [0.0, 0.25, 0.5]},
        attrs={"forecast_steps": 20},
    )


def history(pack, updates=10):
    shape = (len(pack), updates)
    return xr.Dataset(
        {
            name: (("seed", "update"), np.ones(shape))
            for name in ("loss", "newton_iterations", "converged_fraction", "forcing_strength")
        }
        | {"diverged_at": ("seed", np.full(len(pack), -1)), "wall_time": ("update", np.arange(updates) + 1.0)}
        | {"compilation_time": ((), 7.0)},
        coords={"seed": list(pack), "update": np.arange(updates)},
    )


def parts():
    cells = [(m, t, p) for m in SPEC.models for t in SPEC.sequence_lengths for p in SPEC.packs]
    return [measure(*cell) for cell in cells], [history(pack) for _, _, pack in cells]


def test_every_number_lands_in_its_place_and_survives_the_file(tmp_path):
    store.save(tmp_path / "a.nc", aggregate(SPEC, *parts()))
    found = store.load(tmp_path / "a.nc")
    assert found["model"].values.tolist() == ["shplrnn_quasi", "lssm"], "whole names, in the preset's order"
    assert found["sequence_length"].values.tolist() == [16, 8]
    assert found["seed"].values.tolist() == [0, 1, 2]
    for model in SPEC.models:
        for length in SPEC.sequence_lengths:
            for seed in range(3):
                point = found.sel(model=model, sequence_length=length, seed=seed)
                assert float(point["forecast_rmse"]) == value(model, length, seed) / 2
                diverged = seed == 2 and model == "lssm"
                assert int(point["status"]) == int(diverged)
                assert bool(np.isnan(point["state_space_divergence"].item())) is diverged
    assert found["parameter_count"].sel(model="lssm").item() == 101
    assert found["batch_size"].sel(sequence_length=8).item() == 4
    assert found["state_space_divergence_floor_error"].values.tolist() == [0.01]
    assert found["mar_strength"].sel(model="lssm").item() == 1e-3
    assert found["wall_time"].dims == ("model", "sequence_length", "seed")
    lead = found["forecast_rmse_by_lead"].sel(model="lssm", sequence_length=8, seed=1)
    assert lead.values.tolist() == [value("lssm", 8, 1), 3 * value("lssm", 8, 1)]
    assert found["forecast_rmse_by_lead_floor"].values.tolist() == [0.5, 1.5]
    assert found["truth_spectrum"].values.tolist() == [2.0, 1.0, 0.0]
    assert found["spectrum_distance_floor"].item() == 0.06
    assert found["lyapunov_exponent_truth"].item() == 0.009


@pytest.mark.parametrize("fewer", [250, 333], ids=["whole bins", "a shorter last one"])
def test_models_of_fewer_updates_have_the_first_bins_of_the_others(fewer):
    cells = [(m, t, p) for m in SPEC.models for t in SPEC.sequence_lengths for p in SPEC.packs]
    histories = [history(pack, 1000 if model == "lssm" else fewer) for model, _, pack in cells]
    found = aggregate(SPEC, [measure(*cell) for cell in cells], histories)
    assert (np.diff(found["update"]) > 0).all()
    counts = found["loss"].notnull().sum("update").isel(sequence_length=0, seed=0)
    assert counts.sel(model="lssm").item() == 200
    assert counts.sel(model="shplrnn_quasi").item() == -(-fewer // 5)
    first = found["loss"].sel(model="shplrnn_quasi").isel(update=slice(fewer // 5))
    assert first.notnull().all()
    assert found["finished_updates"].sel(model="shplrnn_quasi").values.min() == fewer


@pytest.mark.parametrize(("measured", "recorded"), [(7, 8), (8, 7), (7, 7)])
def test_a_missing_file_is_named_in_one_line(measured, recorded):
    measures, histories = parts()
    with pytest.raises(UserError, match=r"^--measures: .* 8 jobs of test") as caught:
        aggregate(SPEC, measures[:measured], histories[:recorded])
    assert "\n" not in str(caught.value)


def test_the_end_of_a_diverged_training_is_kept_with_its_run():
    measures, histories = parts()
    histories[3]["diverged_at"][0] = 7
    histories[3]["loss"][0, 7:] = np.nan
    found = aggregate(SPEC, measures, histories).sel(model="shplrnn_quasi", sequence_length=8)
    assert found["diverged_at"].values.tolist() == [-1, -1, 7]
    assert np.isfinite(found["loss"].sel(seed=2)).sum() == 7
    assert np.isfinite(found["loss"].sel(seed=[0, 1])).all()


def test_histories_are_binned_by_medians_means_and_counts():
    long = history((0,), updates=800)
    long["loss"][0, :4] = [1.0, 2.0, 4.0, 100.0]
    long["loss"][0, 796:] = np.nan
    long["newton_iterations"][0, :4] = [1, 2, 3, 6]
    long["converged_fraction"][0, 5:8] = 0.5
    binned = thin(long, bin_width([long]))
    assert binned.sizes["update"] == 200
    assert binned["loss"][0, 0] == 3.0
    assert np.isnan(binned["loss"][0, -1])
    assert binned["newton_iterations"][0, 0] == 3.0
    assert binned["unconverged_updates"].item() == 3
    assert binned["wall_time"].item() == 800
    assert binned["elapsed_time"].sizes == {"seed": 1, "update": 200}
    assert binned["elapsed_time"][0, [0, -1]].values.tolist() == [2.5, 798.5]
    assert binned["compilation_time"].values.tolist() == [7.0]


@pytest.mark.parametrize(("updates", "bins"), [(1, 1), (200, 200), (201, 101), (999, 200), (20000, 200)])
def test_a_history_has_at_most_200_bins(updates, bins):
    one = history((0, 1), updates)
    assert thin(one, bin_width([one])).sizes == {"seed": 2, "update": bins}


def test_the_last_bin_holds_the_updates_that_are_left():
    long = history((0, 1), updates=401)  # 133 bins of three updates, then two
    long["loss"][1, -2:] = [5.0, 7.0]
    long["newton_iterations"][1, -2:] = [2.0, 4.0]
    binned = thin(long, bin_width([long]))
    assert binned["update"].values[[0, -1]].tolist() == [1.0, 399.5]
    assert binned["loss"][:, -1].values.tolist() == [1.0, 6.0]
    assert binned["newton_iterations"][:, -1].values.tolist() == [1.0, 3.0]


def test_updates_are_counted_until_a_run_diverges():
    long = history((0, 1), updates=10)
    long["converged_fraction"][0, 6:] = np.nan
    long["converged_fraction"][0, 2] = 0.5
    binned = thin(long, bin_width([long]))
    assert binned["finished_updates"].values.tolist() == [6, 10]
    assert binned["unconverged_updates"].values.tolist() == [1, 0]


def test_parts_of_a_benchmark_become_arrays_over_model_and_length():
    cells = BenchmarkCells(benchmark="runtime", cells=(("m10", 64), ("m10", 32), ("m3", 64), ("m3", 32)))
    pieces = [
        xr.Dataset(
            {
                "update_time": (("solver", "sample"), np.full((2, 3), float(length + len(model)))),
                "converged_fraction": (("solver", "sample"), np.full((2, 3), length / 64)),
                "diverged_at": ((), length if model == "m3" else -1),
                "latent_dim": ((), int(model[1:])),
                "hidden_dim": ((), 5),
                "batch_size": ((), 1),
            },
            coords={"solver": ["deer", "sequential"], "sample": [0, 1, 2]},
        )
        for model, length in cells.cells
    ]
    combined = combine(cells, pieces)
    assert combined["model"].values.tolist() == ["m10", "m3"]
    assert combined["sequence_length"].values.tolist() == [32, 64]
    assert combined["latent_dim"].values.tolist() == [10, 3]
    assert (combined["update_time"].sel(model="m3", sequence_length=32) == 34).all()
    assert (combined["converged_fraction"].sel(sequence_length=32) == 0.5).all()
    assert combined["diverged_at"].sel(model="m3").values.tolist() == [32, 64]
    assert (combined["diverged_at"].sel(model="m10") == -1).all()


def test_iterations_of_several_models_become_arrays_over_model(tmp_path):
    models = ("shplrnn_m20", "shplrnn_m3")
    shape = {"forcing_strength": 3, "guess": 2, "forward_pass": 4}
    pieces = [
        xr.Dataset(
            {
                "iterations": (tuple(shape), np.arange(24).reshape(3, 2, 4) + 100 * place),
                "converged": (tuple(shape), np.full((3, 2, 4), place, np.int8)),
                "latent_dim": ((), int(model.rpartition("m")[2])),
            },
            coords={"forcing_strength": [0.0, 0.5, 1.0], "guess": ["zero", "normal"], "forward_pass": range(4)},
            attrs={"obs_dim": 3, "max_iterations": 200, "sequence_length_of_passes": 64},
        )
        for place, model in enumerate(models)
    ]
    cells = BenchmarkCells(benchmark="iterations", cells=tuple((model, None) for model in models))
    store.save(tmp_path / "b.nc", combine(cells, pieces))
    found = store.load(tmp_path / "b.nc")
    assert found["iterations"].sizes == {"model": 2} | shape
    assert found["model"].values.tolist() == list(models)
    assert found["latent_dim"].values.tolist() == [20, 3]
    assert found["guess"].values.tolist() == ["zero", "normal"]
    for place, model in enumerate(models):
        assert (found["iterations"].sel(model=model) == pieces[place]["iterations"]).all()
        assert (found["converged"].sel(model=model) == place).all()
    assert found.attrs["obs_dim"] == 3
    assert found.attrs["max_iterations"] == 200
