"""Evaluation of a pack: measures per seed, with diverged runs as results."""

import json

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from tests.training.specs import LSSM, MAMBA, SHPLRNN, run_spec
from tests.training.test_gtf_deer import orbit
from workflow_src import store
from workflow_src.metrics.forecast_rmse import forecast_rmse_by_lead
from workflow_src.metrics.power_spectrum import spectrum_distance
from workflow_src.models import checkpoint
from workflow_src.specs.evaluation import Embedding, EvaluationSpec
from workflow_src.steps import evaluate as step
from workflow_src.steps.evaluate import _divergence, _forcing, evaluate
from workflow_src.training import loop

EVALUATION = EvaluationSpec(
    embeddings=(Embedding(dimension=1, delay=1), Embedding(dimension=2, delay=5)),
    monte_carlo_samples=50,
    generated_steps=150,
    warmup_steps=20,
    forecast_steps=5,
    forecast_windows=4,
    lead_steps=12,
    spectrum_smoothing=0.02,
    lyapunov_steps=60,
    example_steps=30,
)


def dataset():
    test, train = orbit(200, 2, seed=1), orbit(200, 2, seed=2)
    return xr.Dataset(
        {"train_clean": (("train_step", "component"), train), "test": (("test_step", "component"), test)},
        coords={"component": ["x", "y"], "test_time": ("test_step", 0.01 * np.arange(1000, 1200))},
        attrs={
            "system": "lorenz63",
            "parameters": json.dumps({"sigma": 10.0, "rho": 0.5, "beta": 8 / 3}),
            "time_step": 0.01,
            "substeps": 1,
            "test_initial_state": json.dumps([1.0, 1.0, 1.0]),
        },
    )


@pytest.mark.parametrize("architecture", [SHPLRNN, LSSM, MAMBA], ids=lambda a: a["architecture"])
def test_all_measures_of_a_pack_are_there_and_can_be_saved(architecture, tmp_path):
    spec = run_spec(architecture)
    measures = evaluate(EVALUATION, spec, loop.start(spec).model, [-1, -1], dataset())
    store.save(tmp_path / "m.nc", measures)
    found = store.load(tmp_path / "m.nc")
    assert found["state_space_divergence"].sizes == {"seed": 2, "embedding": 2}
    assert found["embedding"].values.tolist() == ["m1_tau1", "m2_tau5"]
    for name in ("state_space_divergence", "state_space_divergence_error", "forecast_rmse", "lyapunov_exponent"):
        assert np.isfinite(found[name]).all(), name
    assert (found["status"] == store.STATUS["ok"]).all()
    assert found["generated_example"].sizes == {"seed": 2, "example_step": 30, "component": 2}
    np.testing.assert_array_equal(found["truth_example"], dataset()["test"][20:50])
    assert found["forecast_rmse_by_lead"].sizes == {"seed": 2, "lead": 12}
    assert found["lead"].values.tolist() == list(range(1, 13))
    assert found["generated_spectrum"].sizes == {"seed": 2, "frequency": 26}
    for name in ("forecast_rmse_by_lead", "spectrum_distance", "generated_spectrum", "truth_spectrum"):
        assert np.isfinite(found[name]).all(), name


MEASURES = (
    "state_space_divergence",
    "state_space_divergence_error",
    "forecast_rmse",
    "forecast_rmse_by_lead",
    "spectrum_distance",
    "generated_spectrum",
    "lyapunov_exponent",
    "lyapunov_exponent_forced",
    "forced_contraction_bound",
)


def test_a_run_that_diverged_in_training_is_recorded_beside_a_sound_one():
    spec = run_spec(SHPLRNN | {"latent_dim": 2, "slow_units": 0})
    models = loop.start(spec).model
    measures = evaluate(EVALUATION, spec, models, [17, -1], dataset())
    assert measures["status"].values.tolist() == [1, 0]
    for name in MEASURES:
        assert np.isnan(measures[name][0]).all(), name
        assert np.isfinite(measures[name][1]).all(), name
    sound = evaluate(EVALUATION, spec, models, [-1, -1], dataset())
    xr.testing.assert_identical(measures.isel(seed=1), sound.isel(seed=1))


def test_each_seed_of_an_adaptive_training_is_forced_as_at_its_end():
    spec = run_spec(SHPLRNN | {"latent_dim": 2, "slow_units": 0})
    models = loop.start(spec).model
    constant = evaluate(EVALUATION, spec, models, [-1, -1], dataset())
    own = evaluate(EVALUATION, spec, models, [-1, -1], dataset(), forcing_strength=np.array([0.3, 0.9]))
    for name in MEASURES:
        np.testing.assert_allclose(own[name][0], constant[name][0], rtol=1e-6, err_msg=name)
    for name in ("forecast_rmse", "lyapunov_exponent_forced", "forced_contraction_bound"):
        assert abs(own[name][1] - constant[name][1]) > 1e-3, name


def test_histories_are_warmed_up_with_the_strength_of_the_warm_up():
    assert _forcing(run_spec(), None) == (0.3, 0.3)
    assert _forcing(run_spec(warmup_forcing_strength=1.0), None) == (1.0, 0.3)
    warmed, later = _forcing(run_spec(warmup_forcing_strength=1.0), np.array([0.2, 0.4]))
    assert warmed == 1.0
    np.testing.assert_array_equal(later, [0.2, 0.4])


def test_measuring_again_gives_the_same_numbers():
    spec = run_spec()
    models = loop.start(spec).model
    xr.testing.assert_identical(*(evaluate(EVALUATION, spec, models, [-1, -1], dataset()) for _ in range(2)))


@pytest.mark.parametrize("index", [0, 1])
def test_all_orbits_are_judged_on_the_same_samples_so_that_the_truth_has_no_divergence(index):
    test = orbit(200, 2)
    assert _divergence(EVALUATION, index, test, test).value == 0
    wide = [_divergence(EVALUATION, index, test, 3 * test) for _ in range(2)]
    assert wide[0] == wide[1]
    assert wide[0].value > 0.1


@pytest.mark.parametrize(("generated", "compared"), [(150, 150), (400, 200)], ids=["shorter", "longer"])
def test_the_floor_is_that_of_a_true_orbit_of_the_generated_length(generated, compared):
    spec = run_spec()
    settings = EVALUATION.model_copy(update={"generated_steps": generated})
    data = dataset()
    measures = evaluate(settings, spec, loop.start(spec).model, [-1, -1], data)
    for index in range(2):
        floor = _divergence(settings, index, data["test"].values, data["train_clean"].values[:compared])
        assert measures["state_space_divergence_floor"][index] == floor.value
        assert measures["state_space_divergence_floor_error"][index] == floor.error > 0


def test_what_a_trivial_and_a_perfect_model_reach_stands_beside_the_measures():
    spec, data = run_spec(), dataset()
    measures = evaluate(EVALUATION, spec, loop.start(spec).model, [-1, -1], data)
    test, second = data["test"].values, data["train_clean"].values[:150]
    assert measures["spectrum_distance_floor"].item() == spectrum_distance(test, second, smoothing=0.02)
    starts = [20, 70, 120, 170]
    truth = np.stack([test[start : start + 12] for start in starts])
    held = np.stack([np.tile(test[start - 1], (12, 1)) for start in starts])
    np.testing.assert_allclose(measures["forecast_rmse_by_lead_floor"], forecast_rmse_by_lead(truth, held), rtol=1e-12)


def test_the_true_exponent_is_that_of_the_system_behind_the_data():
    """At rho = 0.5 the origin attracts at the rate of its slowest eigenvalue."""
    spec = run_spec()
    measures = evaluate(EVALUATION, spec, loop.start(spec).model, [-1, -1], dataset())
    assert measures["lyapunov_exponent_truth"].item() == pytest.approx(0.01 * (-11 + np.sqrt(101)) / 2, rel=1e-2)


def test_an_orbit_that_escapes_has_an_infinite_divergence():
    spec = run_spec()
    models = loop.start(spec).model
    models = eqx.tree_at(lambda m: m.W1, models, models.W1.at[0].set(1e6 * jnp.abs(models.W1[0]) + 1e6))
    measures = evaluate(EVALUATION, spec, models, [-1, -1], dataset())
    assert measures["status"].values.tolist() == [store.STATUS["diverged_in_generation"], 0]
    assert np.isinf(measures["state_space_divergence"][0]).all()
    assert np.isnan(measures["spectrum_distance"][0])
    assert np.isinf(measures["forecast_rmse_by_lead"][0, -1])


def test_forced_exponents_lie_below_the_bound_where_all_is_observed():
    spec = run_spec(SHPLRNN | {"latent_dim": 2, "slow_units": 0})
    measures = evaluate(EVALUATION, spec, loop.start(spec).model, [-1, -1], dataset())
    assert (measures["lyapunov_exponent_forced"] <= measures["forced_contraction_bound"]).all()


def test_a_model_trained_on_a_gpu_is_judged_on_the_cpu(tmp_path, monkeypatch):
    class Asked(Exception):
        pass

    def prepare(compute, precision):
        raise Asked(compute, precision)

    spec = run_spec(SHPLRNN).model_copy(update={"compute": "cuda", "precision": "float64"})
    checkpoint.save(tmp_path / "model.eqx", spec, loop.start(spec).model, {})
    monkeypatch.setattr(step, "prepare", prepare)
    files = {"dataset": "d.nc", "model": tmp_path / "model.eqx", "history": "h.nc", "output": tmp_path / "m.nc"}
    arguments = [word for name, file in files.items() for word in (f"--{name}", str(file))]
    with pytest.raises(Asked, match=r"'cpu', 'float64'"):
        step.main(["--evaluation", EVALUATION.model_dump_json(), *arguments])
