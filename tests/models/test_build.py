"""Every architecture: its parameter count, what is trainable, and models that are stacked over seeds."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from workflow_src.models.base import AbstractForcedModel
from workflow_src.models.build import build
from workflow_src.specs.model import LowRankPLRNNSpec, LSSMSpec, Mamba2Spec, ShallowPLRNNSpec

LATENT = {"slow_units": 5, "init_scale": 0.02}
LORENZ = {"latent_dim": 25, "hidden_dim": 128, **LATENT}
BURSTING = {"latent_dim": 20, "hidden_dim": 128, **LATENT}
MAMBA = {"state_dim": 64, "expand": 2, "head_dim": 4, "conv_width": 4, "hidden_dim": 128}

BUDGETS = [
    (ShallowPLRNNSpec(architecture="shplrnn", **LORENZ), 5, 6703),
    (LSSMSpec(architecture="lssm", **LORENZ), 5, 4148),
    (LowRankPLRNNSpec(architecture="low_rank_shplrnn", rank=5, **LORENZ), 5, 4268),
    (LowRankPLRNNSpec(architecture="low_rank_shplrnn", rank=6, **LORENZ), 5, 4421),
    (LowRankPLRNNSpec(architecture="low_rank_shplrnn", rank=7, **LORENZ), 5, 4574),
    (Mamba2Spec(architecture="mamba2", model_dim=16, **MAMBA), 5, 7485),
    (Mamba2Spec(architecture="mamba2", model_dim=32, **MAMBA), 5, 16885),
    (ShallowPLRNNSpec(architecture="shplrnn", **BURSTING), 2, 5328),
    (LSSMSpec(architecture="lssm", **BURSTING), 2, 3026),
]

SMALL = {"latent_dim": 5, "hidden_dim": 7, "slow_units": 1, "init_scale": 0.1}
SPECS = {
    "shplrnn": ShallowPLRNNSpec(architecture="shplrnn", **SMALL),
    "low_rank_shplrnn": LowRankPLRNNSpec(architecture="low_rank_shplrnn", rank=2, **SMALL),
    "lssm": LSSMSpec(architecture="lssm", **SMALL),
    "mamba2": Mamba2Spec(
        architecture="mamba2", model_dim=6, state_dim=3, expand=2, head_dim=4, conv_width=4, hidden_dim=7
    ),
}


@pytest.fixture(params=SPECS)
def spec(request):
    return SPECS[request.param]


@eqx.filter_jit
def predictions(model, x):
    """Something that exercises the whole model: one-step predictions from data or latent states."""
    if isinstance(model, AbstractForcedModel):
        return jax.vmap(lambda row: model.observe(model.step(row)))(x @ model.B)
    return model.predict(x)


@pytest.mark.parametrize(("spec", "obs_dim", "count"), BUDGETS)
def test_parameter_count_is_that_of_the_budget(spec, obs_dim, count):
    model = eqx.filter_eval_shape(build, spec, obs_dim, key=jax.random.key(0))
    leaves = [leaf for leaf in jax.tree.leaves(model) if isinstance(leaf, jax.ShapeDtypeStruct)]
    assert sum(leaf.size for leaf in leaves) == count


def test_every_leaf_is_a_trainable_array(spec):
    model = build(spec, 2, key=jax.random.key(0))
    assert all(eqx.is_inexact_array(leaf) for leaf in jax.tree.leaves(model))
    assert model.parameter_count() == sum(leaf.size for leaf in jax.tree.leaves(model))
    assert model.obs_dim == 2


def test_equal_keys_give_equal_models_and_others_do_not(spec):
    same, again, other = (build(spec, 2, key=jax.random.key(seed)) for seed in (0, 0, 1))
    assert eqx.tree_equal(same, again)
    assert not eqx.tree_equal(same, other)


def test_models_stacked_over_seeds_predict_as_each_alone(spec):
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(jax.random.key(1), (9, 2))
    stacked = eqx.filter_vmap(lambda key: build(spec, 2, key=key))(keys)
    together = eqx.filter_vmap(predictions, in_axes=(eqx.if_array(0), None))(stacked, x)
    alone = jnp.stack([predictions(build(spec, 2, key=key), x) for key in keys])
    np.testing.assert_allclose(together, alone, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_predictions_have_the_precision_of_model_and_data(spec, dtype):
    model = jax.tree.map(lambda leaf: leaf.astype(dtype), build(spec, 1, key=jax.random.key(0)))
    assert predictions(model, jnp.ones((4, 1), dtype)).dtype == dtype


def test_one_observed_component_is_enough(spec):
    model = build(spec, 1, key=jax.random.key(0))
    found = predictions(model, jnp.ones((4, 1)))
    assert found.shape == (4, 1)
    assert np.all(np.isfinite(found))
