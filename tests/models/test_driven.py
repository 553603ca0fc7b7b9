"""What LSSM and Mamba-2 have in common: a parallel pass that equals the recurrence, and causality."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from workflow_src.models.build import build
from workflow_src.specs.model import LSSMSpec, Mamba2Spec

N = 2
SPECS = {
    "lssm": LSSMSpec(architecture="lssm", latent_dim=5, hidden_dim=7, slow_units=1, init_scale=0.1),
    "mamba2": Mamba2Spec(
        architecture="mamba2", model_dim=6, state_dim=3, expand=2, head_dim=4, conv_width=4, hidden_dim=7
    ),
}


@pytest.fixture(params=SPECS)
def model(request):
    return build(SPECS[request.param], N, key=jax.random.key(0))


def data(length):
    return jax.random.normal(jax.random.key(length), (length, N))


@eqx.filter_jit
def in_parallel(model, x):
    return model.predict(x)


@eqx.filter_jit
def step_by_step(model, x):
    """Predict from the state, then drive it with the datum."""
    return jax.lax.scan(lambda state, row: (model.drive(state, row), model.observe(state)), model.initial_state(), x)[1]


@eqx.filter_jit
def gradients(predict, model, x):
    """Of a loss that weights every prediction differently, with respect to parameters and data."""
    weights = jnp.cos(jnp.arange(x.size)).reshape(x.shape)
    return jax.grad(lambda both: jnp.sum(weights * predict(*both) ** 2))((model, x))


@pytest.mark.parametrize("length", [1, 7, 257])
def test_parallel_pass_is_the_recurrence(model, length):
    x = data(length)
    np.testing.assert_allclose(in_parallel(model, x), step_by_step(model, x), rtol=1e-12, atol=1e-12)


def test_parallel_pass_is_the_recurrence_in_single_precision(model):
    model, x = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), (model, data(257)))
    np.testing.assert_allclose(in_parallel(model, x), step_by_step(model, x), rtol=1e-5, atol=1e-5)


def test_gradients_of_the_parallel_pass_are_those_of_the_recurrence(model):
    x = data(75)
    parallel, recurrent = gradients(in_parallel, model, x), gradients(step_by_step, model, x)
    for one, other in zip(jax.tree.leaves(parallel), jax.tree.leaves(recurrent), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)


def test_an_observation_changes_only_later_predictions(model):
    x = data(75)
    original = in_parallel(model, x)
    for s in (0, 31, 32, 73):
        change = np.abs(in_parallel(model, x.at[s].add(1.0)) - original).max(axis=1)
        assert not np.any(change[: s + 1])
        assert change[s + 1] > 0


def test_first_prediction_is_the_read_out_of_zero(model):
    state = model.initial_state()
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(state))
    expected = model.read_out.Wo @ jax.nn.relu(model.read_out.h2) + model.read_out.ho
    np.testing.assert_allclose(in_parallel(model, data(7))[0], expected, rtol=1e-12)
    np.testing.assert_allclose(model.observe(state), expected, rtol=1e-12)
