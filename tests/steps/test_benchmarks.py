"""Benchmarks: what is timed, how often, and Newton iterations against forcing strength."""

import jax
import numpy as np
import pytest
import xarray as xr

from tests.training.specs import SHPLRNN, run_spec
from tests.training.test_gtf_deer import orbit
from workflow_src import store
from workflow_src.specs.benchmark import IterationsBenchmarkSpec, IterationsSpec, RuntimeSpec
from workflow_src.steps.benchmark_iterations import count_iterations
from workflow_src.steps.benchmark_runtime import benchmark
from workflow_src.training import loop


def dataset(obs_dim):
    series = orbit(300, obs_dim)
    components = ["x", "y", "z", "w"][:obs_dim]
    return xr.Dataset(
        {"train": (("train_step", "component"), series), "test": (("test_step", "component"), series)},
        coords={"component": components},
    )


@pytest.mark.parametrize("updates", [{"deer": 4, "sequential": 2}, {"deer": 2, "sequential": 5}], ids=str)
def test_each_solver_is_timed_as_often_as_asked_for(updates, tmp_path):
    architecture = SHPLRNN | {"latent_dim": 2, "hidden_dim": 5, "slow_units": 0}
    run = run_spec(architecture, sequence_length=16, batch_size=1, warmup_steps=0, updates=4, seeds=(0,))
    store.save(tmp_path / "b.nc", benchmark(RuntimeSpec(run=run, updates=updates), dataset(2)))
    result = store.load(tmp_path / "b.nc")
    assert result["solver"].values.tolist() == list(updates)
    for solver, wanted in updates.items():
        timed = np.isfinite(result["update_time"].sel(solver=solver)).values.tolist()
        assert timed == [True] * wanted + [False] * (max(updates.values()) - wanted)
    assert [result[name].item() for name in ("latent_dim", "hidden_dim", "batch_size")] == [2, 5, 1]
    assert (result["update_time"].fillna(1) > 0).all()
    iterations = result["newton_iterations"]
    assert (iterations.sel(solver="deer").dropna("sample") >= 1).all()
    assert (iterations.sel(solver="sequential").dropna("sample") == 0).all()
    assert (result["converged_fraction"].notnull() == np.isfinite(result["update_time"])).all()
    assert (result["converged_fraction"].fillna(1) == 1).all()
    assert result["diverged_at"].item() == -1
    assert (result["compile_time"] > result["update_time"].median("sample")).all()


def small(**training):
    architecture = SHPLRNN | {"latent_dim": 2, "hidden_dim": 5, "slow_units": 0}
    return run_spec(architecture, sequence_length=16, warmup_steps=0, seeds=(0,), **training)


def test_the_solves_of_a_timed_evaluation_that_did_not_converge_are_counted():
    run = small(batch_size=2, max_iterations=1, forcing_strength=0.1)
    result = benchmark(RuntimeSpec(run=run, updates={"deer": 3, "sequential": 3}), dataset(2))
    assert (result["converged_fraction"].sel(solver="deer") == 0).all()
    assert (result["converged_fraction"].sel(solver="sequential") == 1).all()


def test_the_timing_ends_where_a_parameter_is_no_longer_finite():
    data = dataset(2)
    run = small(batch_size=1, learning_rate_start=1e300, learning_rate_end=1e299, gradient_clip=1e300)
    result = benchmark(RuntimeSpec(run=run, updates={"sequential": 8, "deer": 8}), data)
    at = result["diverged_at"].item()
    assert 0 <= at < 7
    for solver in ("sequential", "deer"):
        assert np.isfinite(result["update_time"].sel(solver=solver)).sum() == at + 1


def history(run, **diverged):
    """Where the seeds of a run diverged, by name as `s3=12`."""
    return xr.Dataset(
        {"diverged_at": ("seed", [diverged.get(f"s{seed}", -1) for seed in run.seeds])},
        coords={"seed": list(run.seeds)},
    )


def test_iterations_fall_to_two_under_full_forcing_and_stop_at_the_cap():
    run = run_spec(
        SHPLRNN | {"slow_units": 0, "init_scale": 1.0}, obs_dim=4, tolerance=1e-6, max_iterations=4, seeds=(0, 1)
    )
    wanted = IterationsBenchmarkSpec(
        kind="iterations",
        experiment="test",
        sequence_length=64,
        forcing_strengths=(0.0, 1.0),
        guesses=("zero", "normal", "pseudo_inverse"),
        passes=3,
    )
    models = jax.tree.map(lambda leaf: 1.2 * leaf, loop.start(run).model)
    result = count_iterations(IterationsSpec(run=run, benchmark=wanted), models, history(run), dataset(4))
    assert result["iterations"].sizes == {"forcing_strength": 2, "guess": 3, "forward_pass": 3}
    assert (result["iterations"].sel(forcing_strength=1.0) == 2).all()
    assert (result["converged"].sel(forcing_strength=1.0) == 1).all()
    free = result.sel(forcing_strength=0.0)
    assert (free["iterations"] <= 4).all()
    capped = free["converged"] == 0
    assert capped.any()
    assert (free["iterations"].values[capped.values] == 4).all()


def test_passes_take_the_models_of_a_pack_in_turn():
    """A second model without dynamics solves in two iterations whatever the forcing; the first one does not."""
    run = run_spec(SHPLRNN | {"slow_units": 0, "init_scale": 1.0}, obs_dim=4, tolerance=1e-6, seeds=(3, 8))
    wanted = IterationsBenchmarkSpec(
        kind="iterations",
        experiment="test",
        sequence_length=64,
        forcing_strengths=(0.1,),
        guesses=("zero",),
        passes=5,
    )

    models = jax.tree.map(lambda leaf: leaf.at[1].multiply(0.0), loop.start(run).model)
    result = count_iterations(IterationsSpec(run=run, benchmark=wanted), models, history(run, s8=12), dataset(4))
    assert result["pass_seed"].values.tolist() == [3, 8, 3, 8, 3]
    assert result["diverged_at"].values.tolist() == [-1, 12, -1, 12, -1]
    counts = result["iterations"].squeeze()
    assert (counts.values[1::2] <= 2).all()
    assert (counts.values[::2] > 2).all()
