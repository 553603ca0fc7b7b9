"""Manifold attractor regularisation and the read-out penalties, Eqs. (49), (50), (53) to (58) and (61)."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.training.specs import LOW_RANK, LSSM, MAMBA, SHPLRNN, run_spec
from workflow_src.models.build import build
from workflow_src.training.regularisation import manifold_attractor, singular_values, slow_read_out


def made(architecture, **training):
    spec = run_spec(architecture, **training)
    return spec, build(spec.architecture, 2, key=jax.random.key(2))


@pytest.mark.parametrize("power", [1, 2])
def test_terms_of_the_rnn_match_the_equation_written_out(power):
    spec, model = made(SHPLRNN | {"slow_units": 2}, mar_strength=0.3, mar_connectivity_strength=0.01, mar_power=power)
    model = eqx.tree_at(lambda m: m.h1, model, jnp.array([1.0, 2.0, -3.0, 0.5]))
    total = 0.0
    for i in (2, 3):
        total += 0.3 * (abs(1 - np.tanh(model.a[i])) ** power + abs(model.h1[i]) ** power)
        for j in range(9):
            total += 0.01 / (0.05**2 / (3 * 9)) * abs(model.W1[i, j]) ** power
            total += 0.01 / (1 / (3 * 4)) * abs(model.W2[j, i]) ** power
    found = manifold_attractor(model, spec.architecture, spec.training)
    np.testing.assert_allclose(found, total, rtol=1e-12)


def test_connectivity_is_scaled_by_its_variance_at_initialisation():
    """Eq. (50): a freshly drawn row of W1 costs lambda times its length, whatever the scale of the initialisation."""
    costs = []
    for scale in (0.01, 0.5):
        big = {"latent_dim": 4, "hidden_dim": 4000, "slow_units": 1, "init_scale": scale, "architecture": "shplrnn"}
        spec, model = made(big, mar_strength=0.0, mar_connectivity_strength=1.0)
        row = eqx.tree_at(lambda m: m.W2, model, jnp.zeros_like(model.W2))
        costs.append(float(manifold_attractor(row, spec.architecture, spec.training)) / 4000)
    np.testing.assert_allclose(costs, 1.0, rtol=0.05)


@pytest.mark.parametrize(
    ("architecture", "weights"),
    [
        (SHPLRNN, lambda m: ((m.W1[-1], 0.05**2 / 27), (m.W2[:, -1], 1 / 12))),
        (LSSM, lambda m: ((m.Bin[-1], 0.05**2 / 6),)),
    ],
    ids=["rnn", "lssm"],
)
def test_the_other_direction_of_eq_50_multiplies_by_the_variance(architecture, weights):
    """And nothing but the connectivity changes with it."""
    costs = {}
    for direction in ("divide", "multiply"):
        spec, model = made(
            architecture, mar_strength=0.3, mar_connectivity_strength=0.01, mar_direction=direction, mar_power=2
        )
        own, _ = made(architecture, mar_strength=0.3, mar_connectivity_strength=0.0, mar_direction=direction)
        rest = manifold_attractor(model, own.architecture, own.training)
        costs[direction] = float(manifold_attractor(model, spec.architecture, spec.training) - rest)
    squares = [(float(jnp.sum(w**2)), variance) for w, variance in weights(model)]
    np.testing.assert_allclose(costs["divide"], 0.01 * sum(s / v for s, v in squares), rtol=1e-9)
    np.testing.assert_allclose(costs["multiply"], 0.01 * sum(s * v for s, v in squares), rtol=1e-9)


def test_the_low_rank_model_is_regularised_on_its_product():
    spec, model = made(LOW_RANK, mar_strength=0.0, mar_connectivity_strength=1.0)
    product = np.asarray(model.connectivity)[-1]
    columns = np.asarray(model.W2)[:, -1]
    expected = np.sum(product**2) / (0.05**2 / 27) + np.sum(columns**2) * 12
    np.testing.assert_allclose(manifold_attractor(model, spec.architecture, spec.training), expected, rtol=1e-12)


def test_terms_of_the_lssm_match_the_equation_written_out():
    spec, model = made(LSSM, mar_strength=0.3, mar_connectivity_strength=0.01)
    expected = 0.3 * (1 - np.tanh(model.a[-1])) ** 2 + 0.01 * np.sum(np.square(model.Bin[-1])) / (0.05**2 / 6)
    np.testing.assert_allclose(manifold_attractor(model, spec.architecture, spec.training), expected, rtol=1e-12)


def test_models_without_slow_units_are_not_regularised():
    for architecture in (MAMBA, SHPLRNN | {"slow_units": 0}):
        spec, model = made(architecture)
        assert float(manifold_attractor(model, spec.architecture, spec.training)) == 0
        assert float(slow_read_out(model, spec.architecture, spec.training)) == 0


def test_read_out_penalties_match_the_equations():
    spec, model = made(SHPLRNN, observation_strength=0.2, singular_value_strength=0.7)
    model = eqx.tree_at(lambda m: m.B, model, jnp.array([[2.0, 0, 0, 0.5], [0, 0.25, 0, 0]]))
    np.testing.assert_allclose(slow_read_out(model, spec.architecture, spec.training), 0.2 * 0.25, rtol=1e-12)
    sigma = np.linalg.svd(np.asarray(model.B), compute_uv=False)
    np.testing.assert_allclose(singular_values(model, spec.training), 0.7 * np.sum((1 - sigma) ** 2), rtol=1e-12)


@pytest.mark.parametrize("architecture", [SHPLRNN, LOW_RANK], ids=["full", "low rank"])
def test_minimised_regularisation_makes_jacobian_products_the_identity_on_slow_units(architecture):
    """Eqs. (53) and (56): error signals along the slow directions neither decay nor grow, over any number of steps."""
    spec, model = made(
        architecture | {"slow_units": 2, "init_scale": 0.5}, mar_strength=1.0, mar_connectivity_strength=0.1
    )
    optimizer = optax.adam(optax.cosine_decay_schedule(0.05, 3000), b2=0.9)
    memory = optimizer.init(eqx.filter(model, eqx.is_inexact_array))

    @eqx.filter_jit
    def descend(model, memory):
        def body(carry, _):
            model, memory = carry
            gradient = eqx.filter_grad(manifold_attractor)(model, spec.architecture, spec.training)
            change, memory = optimizer.update(gradient, memory)
            return (eqx.apply_updates(model, change), memory), None

        return jax.lax.scan(body, (model, memory), length=3000)[0]

    model, _ = descend(model, memory)
    product, z = np.eye(4), jnp.array([0.5, -0.3, 0.8, 0.1])
    for _ in range(50):
        product = np.asarray(model.jacobian(z)) @ product
        z = model.step(z)
    np.testing.assert_allclose(product[2:, 2:], np.eye(2), atol=0.02)
    np.testing.assert_allclose(product[2:, :2], 0, atol=0.02)
    np.testing.assert_allclose(product[:2, 2:], 0, atol=0.02)
