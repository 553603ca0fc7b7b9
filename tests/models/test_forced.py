"""What full-rank and low-rank shPLRNN have in common: step, analytic Jacobian, activation pattern, initial values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from workflow_src.models.build import build
from workflow_src.specs.model import LowRankPLRNNSpec, ShallowPLRNNSpec

M, L, N = 6, 10, 2
SCALE = 0.1
COMMON = {"latent_dim": M, "hidden_dim": L, "slow_units": 2, "init_scale": SCALE}
SPECS = {
    "full": ShallowPLRNNSpec(architecture="shplrnn", **COMMON),
    "low_rank": LowRankPLRNNSpec(architecture="low_rank_shplrnn", rank=3, **COMMON),
}


@pytest.fixture(params=SPECS)
def spec(request):
    return SPECS[request.param]


@pytest.fixture
def model(spec):
    """A model far from its initial state, so that no term is small or zero."""
    fresh = build(spec, N, key=jax.random.key(0))
    leaves, structure = jax.tree.flatten(fresh)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    return jax.tree.unflatten(
        structure, [jax.random.normal(key, leaf.shape) for key, leaf in zip(keys, leaves, strict=True)]
    )


def test_step_is_equation_5(model):
    z = np.random.default_rng(0).normal(size=M)
    hidden = np.maximum(model.W2 @ z + model.h2, 0)
    expected = np.tanh(model.a) * z + np.asarray(model.connectivity) @ hidden + model.h1
    np.testing.assert_allclose(model.step(jnp.asarray(z)), expected, rtol=1e-12)
    np.testing.assert_allclose(model.observe(jnp.asarray(z)), model.B @ z, rtol=1e-12)


def test_analytic_jacobian_is_that_of_automatic_differentiation(model):
    z = jax.random.normal(jax.random.key(2), (20, M))
    analytic, automatic = jax.vmap(model.jacobian)(z), jax.vmap(jax.jacfwd(model.step))(z)
    np.testing.assert_allclose(analytic, automatic, rtol=1e-12, atol=1e-12)


def test_a_unit_at_exactly_zero_counts_as_inactive_in_step_and_jacobian(model):
    z = jnp.zeros(M)
    model = type(model)(**{**vars(model), "h2": jnp.where(jnp.arange(L) < 4, 0.0, model.h2)})
    assert not np.any(model.pattern(z)[:4])
    np.testing.assert_allclose(model.jacobian(z), jax.jacfwd(model.step)(z), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(model.jacobian(z), jax.jacrev(model.step)(z), rtol=1e-12, atol=1e-12)


def test_equal_patterns_mean_equal_jacobians_and_an_affine_step(model):
    z = jax.random.normal(jax.random.key(3), (M,))
    near = z + 1e-6 * jax.random.normal(jax.random.key(4), (M,))
    assert np.array_equal(model.pattern(z), model.pattern(near))
    assert np.array_equal(model.jacobian(z), model.jacobian(near))
    np.testing.assert_allclose(model.step(near) - model.step(z), model.jacobian(z) @ (near - z), rtol=1e-6)


def test_patterns_differ_across_a_switching_boundary(model):
    z = jax.random.normal(jax.random.key(3), (M,))
    normal = model.W2[0] / jnp.sum(model.W2[0] ** 2)
    at_boundary = z - normal * (model.W2[0] @ z + model.h2[0])
    assert model.pattern(at_boundary + 1e-6 * normal)[0]
    assert not model.pattern(at_boundary - 1e-6 * normal)[0]


def test_new_model_starts_near_the_identity_and_reads_out_its_first_units(spec):
    model = build(spec, N, key=jax.random.key(0))
    assert np.all(model.A >= 1 - SCALE)
    assert np.all(model.A < 1)
    assert np.all(np.abs(model.W2) <= M**-0.5)
    assert not np.any(model.h1)
    assert not np.any(model.h2)
    assert np.array_equal(model.B, np.eye(N, M))
    assert model.latent_dim == M


def test_diagonal_stays_finite_in_single_precision_at_the_smallest_scale(spec):
    with jax.enable_x64(False):
        model = build(spec.model_copy(update={"init_scale": 1e-9}), N, key=jax.random.key(0))
        assert model.a.dtype == jnp.float32
        assert np.all(np.isfinite(model.a))
        assert np.all(model.A < 1)
