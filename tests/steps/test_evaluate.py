"""Evaluation of a pack: measures per seed, with diverged runs as results."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from tests.training.specs import LSSM, MAMBA, SHPLRNN, run_spec
from tests.training.test_gtf_deer import orbit, shaken
from workflow_src import store
from workflow_src.config import Embedding, EvaluationSpec
from workflow_src.generation import free_step, generate, tangent_growth, warm_up
from workflow_src.metrics.lyapunov import lyapunov_exponent
from workflow_src.models import build
from workflow_src.steps.evaluate import evaluate
from workflow_src.training import loop

EVALUATION = EvaluationSpec(
    embeddings=(Embedding(dimension=1, delay=1), Embedding(dimension=2, delay=5)),
    monte_carlo_samples=50,
    generated_steps=150,
    warmup_steps=20,
    forecast_steps=5,
    forecast_windows=4,
    lyapunov_steps=60,
    example_steps=30,
)


def dataset():
    test, train = orbit(200, 2, seed=1), orbit(200, 2, seed=2)
    return xr.Dataset(
        {"train_clean": (("train_step", "component"), train), "test": (("test_step", "component"), test)},
        coords={"component": ["x", "y"]},
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


def test_a_run_that_diverged_in_training_is_recorded_beside_a_sound_one():
    spec = run_spec()
    measures = evaluate(EVALUATION, spec, loop.start(spec).model, [17, -1], dataset())
    assert measures["status"].values.tolist() == [1, 0]
    assert np.isnan(measures["state_space_divergence"][0]).all()
    assert np.isnan(measures["forecast_rmse"][0])
    assert np.isfinite(measures["state_space_divergence"][1]).all()


def test_an_orbit_that_escapes_has_an_infinite_divergence():
    spec = run_spec()
    models = loop.start(spec).model
    models = eqx.tree_at(lambda m: m.W1, models, models.W1.at[0].set(1e6 * jnp.abs(models.W1[0]) + 1e6))
    measures = evaluate(EVALUATION, spec, models, [-1, -1], dataset())
    assert measures["status"].values.tolist() == [store.STATUS["diverged_in_generation"], 0]
    assert np.isinf(measures["state_space_divergence"][0]).all()


def test_forced_exponents_lie_below_the_bound_where_all_is_observed():
    spec = run_spec(SHPLRNN | {"latent_dim": 2, "slow_units": 0})
    measures = evaluate(EVALUATION, spec, loop.start(spec).model, [-1, -1], dataset())
    assert (measures["lyapunov_exponent_forced"] <= measures["forced_contraction_bound"]).all()


def test_tangent_growth_gives_the_exponent_of_the_jacobians():
    spec = run_spec()
    model = shaken(build(spec.architecture, 2, key=jax.random.key(1)), 0.1, "float64")
    state = jnp.array([0.3, -0.2, 0.5, 0.1])
    _, orbit_of = jax.lax.scan(lambda z, _: (model.step(z), z), state, length=4000)
    expected = lyapunov_exponent(np.asarray(jax.vmap(model.jacobian)(orbit_of)))
    growth = tangent_growth(free_step(model), state, None, 4000)
    np.testing.assert_allclose(jnp.mean(growth), expected, atol=2e-3)


@pytest.mark.parametrize("architecture", [LSSM, MAMBA], ids=lambda a: a["architecture"])
def test_a_driven_model_generates_from_its_own_predictions(architecture):
    spec = run_spec(architecture)
    model = build(spec.architecture, 2, key=jax.random.key(1))
    history = jnp.asarray(orbit(15, 2))
    found = generate(model, warm_up(model, history, 0.3), 6)
    fed = history
    for step in range(6):
        prediction = model.predict(jnp.concatenate([fed, jnp.zeros((1, 2))]))[-1]
        np.testing.assert_allclose(found[step], prediction, rtol=1e-9, atol=1e-12)
        fed = jnp.concatenate([fed, prediction[None]])


def test_a_forced_model_starts_from_the_forced_state_and_runs_freely():
    spec = run_spec(SHPLRNN | {"latent_dim": 2, "slow_units": 0})
    model = shaken(build(spec.architecture, 2, key=jax.random.key(1)), 0.1, "float64")
    history = jnp.asarray(orbit(15, 2))
    z = model.step(jnp.linalg.solve(model.B, history[-1]))
    found = generate(model, warm_up(model, history, 1.0), 4)
    for step in range(4):
        np.testing.assert_allclose(found[step], model.B @ z, rtol=1e-9)
        z = model.step(z)
