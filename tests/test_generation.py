"""Free-running orbits: warm-up and generation against the obvious loops, growth of tangents against Jacobians."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from tests.training.specs import LOW_RANK, LSSM, MAMBA, SHPLRNN, run_spec
from tests.training.test_gtf_deer import orbit, shaken
from workflow_src.forcing import forced_step, teacher_signal
from workflow_src.generation import free_step, generate, tangent_growth, warm_up
from workflow_src.metrics.lyapunov import lyapunov_exponent
from workflow_src.models.build import build

ALL = pytest.mark.parametrize("architecture", [SHPLRNN, LOW_RANK, LSSM, MAMBA], ids=lambda a: a["architecture"])
DRIVEN = pytest.mark.parametrize("architecture", [LSSM, MAMBA], ids=lambda a: a["architecture"])


def model_of(architecture, obs_dim=2):
    """A model away from its initialisation."""
    return shaken(build(run_spec(architecture).architecture, obs_dim, key=jax.random.key(1)), 0.1, "float64")


@pytest.mark.parametrize("architecture", [SHPLRNN, LOW_RANK], ids=["full", "low rank"])
@pytest.mark.parametrize("obs_dim", [2, 4], ids=["M > N", "M = N"])
def test_a_forced_model_is_pulled_through_its_history_and_runs_freely(architecture, obs_dim):
    model, alpha = model_of(architecture, obs_dim), 0.3
    history = orbit(15, obs_dim)
    B, inverse = np.asarray(model.B), np.linalg.pinv(model.B)
    z = inverse @ history[0]
    for x in history:
        z = np.asarray(model.step(jnp.asarray(z + alpha * inverse @ (x - B @ z))))
    found = generate(model, warm_up(model, jnp.asarray(history), alpha), 6)
    for row in found:
        np.testing.assert_allclose(row, B @ z, rtol=1e-9, atol=1e-12)
        z = np.asarray(model.step(jnp.asarray(z)))


def test_full_forcing_forgets_all_of_the_history_but_its_end():
    model = model_of(SHPLRNN, obs_dim=4)
    history = jnp.asarray(orbit(15, 4))
    expected = model.step(jnp.linalg.solve(model.B, history[-1]))
    np.testing.assert_allclose(warm_up(model, history, 1.0), expected, rtol=1e-9, atol=1e-12)


@DRIVEN
def test_a_driven_model_generates_from_its_own_predictions(architecture):
    model = model_of(architecture)
    history = jnp.asarray(orbit(15, 2))
    found = generate(model, warm_up(model, history, 0.3), 6)
    predict = eqx.filter_jit(model.predict)
    fed = jnp.concatenate([history, jnp.full((6, 2), 9.0)])  # what is not generated yet must not matter
    for at, row in enumerate(found, start=15):
        prediction = predict(fed)[at]
        np.testing.assert_allclose(row, prediction, rtol=1e-9, atol=1e-12)
        fed = fed.at[at].set(prediction)


@ALL
def test_the_first_row_is_what_is_observed_of_the_state(architecture):
    model = model_of(architecture)
    state = warm_up(model, jnp.asarray(orbit(15, 2)), 0.3)
    found = generate(model, state, 3)
    np.testing.assert_array_equal(found[0], model.observe(state))
    np.testing.assert_allclose(found[1], model.observe(free_step(model)(state)), rtol=1e-12)


@ALL
def test_tangents_grow_as_jacobians_say(architecture):
    """Log norms of one vector pushed through the Jacobians of the flattened state, dense and slow."""
    model = model_of(architecture)
    state = warm_up(model, jnp.asarray(orbit(15, 2)), 0.3)
    step, steps = free_step(model), 8
    flat, restore = ravel_pytree(state)
    jacobian = jax.jit(jax.jacfwd(lambda s: ravel_pytree(step(restore(s)))[0]))
    tangent, expected = np.full(flat.size, flat.size**-0.5), []
    for _ in range(steps):
        pushed = np.asarray(jacobian(flat)) @ tangent
        expected.append(np.log(np.linalg.norm(pushed)))
        tangent = pushed / np.linalg.norm(pushed)
        flat = ravel_pytree(step(restore(flat)))[0]
    np.testing.assert_allclose(tangent_growth(step, state, None, steps), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("forced", [False, True], ids=["free", "forced"])
def test_mean_growth_is_the_exponent_of_the_jacobians(forced):
    model = model_of(SHPLRNN)
    state, steps = jnp.array([0.3, -0.2, 0.5, 0.1]), 4000
    if forced:
        step, teacher = forced_step(model, 0.4), teacher_signal(model, jnp.asarray(orbit(steps, 2)))
        _, states = jax.lax.scan(lambda z, signal: (step(z, signal), z), state, teacher)
        expected = lyapunov_exponent(np.asarray(jax.vmap(step.jacobian)(states, teacher)))
        growth = tangent_growth(step, state, teacher, steps)
    else:
        _, states = jax.lax.scan(lambda z, _: (model.step(z), z), state, length=steps)
        expected = lyapunov_exponent(np.asarray(jax.vmap(model.jacobian)(states)))
        growth = tangent_growth(free_step(model), state, None, steps)
    np.testing.assert_allclose(jnp.mean(growth), expected, atol=2e-3)
