"""What is timed is the training loss; the hand-written adjoint is that of BPTT."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.adjoint import sequential_adjoint
from benchmarks.evaluation import available, evaluate
from tests.training.specs import SHPLRNN, run_spec
from workflow_src.forcing import forced_step, teacher_signal
from workflow_src.models.shallow_plrnn import ShallowPLRNN
from workflow_src.solvers import sequential
from workflow_src.training.loss import loss_and_gradient


@pytest.fixture(params=[(5, 5), (5, 2)], ids=["fully observed", "partially observed"])
def model(request):
    latent_dim, obs_dim = request.param
    keys = jax.random.split(jax.random.key(0), 3)
    model = ShallowPLRNN.initialise(latent_dim, 7, obs_dim, scale=0.5, key=keys[0])
    biases = jax.random.normal(keys[1], (latent_dim,)), jax.random.normal(keys[2], (7,))
    return eqx.tree_at(lambda model: (model.h1, model.h2), model, biases)


def test_gradient_of_the_hand_written_adjoint_is_that_of_bptt(model):
    x = jax.random.normal(jax.random.key(1), (40, model.obs_dim))
    weights = jax.random.normal(jax.random.key(2), (40, model.latent_dim))

    def value(solve):
        def loss(model, z0):
            step = forced_step(model, 0.3)
            return jnp.sum(weights * jnp.sin(solve(step, z0, teacher_signal(model, x)).states))

        return jax.value_and_grad(loss, argnums=(0, 1))(model, jnp.ones(model.latent_dim))

    found, true = value(sequential_adjoint), value(sequential)
    assert max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(true[1][0].W2)) > 0.1
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11), found, true)


@pytest.mark.parametrize("solver", ["sequential", "sequential_adjoint", "deer"])
def test_loss_and_gradient_are_those_of_training(solver):
    zeros = {"mar_strength": 0, "mar_connectivity_strength": 0, "observation_strength": 0, "singular_value_strength": 0}
    spec = run_spec(json.loads(json.dumps(SHPLRNN)), warmup_steps=0, solver="sequential", **zeros)
    model = ShallowPLRNN.initialise(4, 9, 2, scale=0.5, key=jax.random.key(0))
    windows = jax.random.normal(jax.random.key(1), (3, 31, 2))
    found = evaluate(model, windows, solver, spec.training.forcing_strength)
    (loss, _), gradient = loss_and_gradient(model, windows, spec, 100, jax.random.key(2))
    np.testing.assert_allclose(found.loss, loss, rtol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), found.gradient, gradient)


def test_solvers_that_the_project_lacks_are_left_out():
    assert available(("sequential", "no_such_solver", "sequential_adjoint", "deer")) == [
        "sequential",
        "sequential_adjoint",
        "deer",
    ]
