"""What is Mamba-2's own: its block against another implementation and its equations, its initial ranges."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from workflow_src.models.mamba2 import Mamba2, Mamba2Block
from workflow_src.specs.model import Mamba2Spec

ORACLE = Path(__file__).parent / "data" / "mamba2_oracle.npz"
NAMES = {
    "Win": "in_proj.weight",
    "Wconv": "conv1d.weight",
    "bconv": "conv1d.bias",
    "a": "A_log",
    "b": "dt_bias",
    "D": "D",
    "gain": "norm.weight",
    "Wout": "out_proj.weight",
}


@pytest.fixture(scope="module")
def oracle():
    """Arrays made by make_mamba2_oracle.py."""
    with np.load(ORACLE) as arrays:
        return {name: arrays[name] for name in arrays.files}


@pytest.fixture(scope="module")
def block(oracle):
    """Our block with the oracle's weights."""
    return Mamba2Block(**{ours: jnp.asarray(oracle[theirs]) for ours, theirs in NAMES.items()})


def assert_close(found, expected, tolerance):
    """Closer than the tolerance, relative to the largest entry."""
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


def test_block_agrees_with_an_independent_implementation(block, oracle):
    found = eqx.filter_jit(block)(jnp.asarray(oracle["input"]))
    assert found.dtype == jnp.float32
    assert_close(found, oracle["output"], 1e-5)


def test_gradients_of_the_block_agree_with_an_independent_implementation(block, oracle):
    @jax.jit
    @jax.grad
    def gradients(both):
        return jnp.sum(both[0](both[1]) * oracle["direction"])

    weights, x = gradients((block, jnp.asarray(oracle["input"])))
    assert_close(x, oracle["input.gradient"], 1e-5)
    for ours, theirs in NAMES.items():
        assert_close(getattr(weights, ours), oracle[f"{theirs}.gradient"], 2e-5)


def step_by_step(block, x):
    return eqx.filter_jit(lambda block, x: jax.lax.scan(lambda *both: block.step(*both), block.initial_state(), x)[1])(
        block, x
    )


def test_recurrent_steps_of_the_block_agree_with_an_independent_implementation(block, oracle):
    assert_close(step_by_step(block, jnp.asarray(oracle["input"])), oracle["output"], 1e-5)


def test_one_step_matches_the_written_out_equations(block):
    weights = {name: np.asarray(getattr(block, name), np.float64) for name in NAMES}
    heads, inner = len(weights["a"]), len(weights["gain"])
    convolved, width = weights["Wconv"].shape
    states = (convolved - inner) // 2
    random = np.random.default_rng(0)
    x = random.normal(size=weights["Win"].shape[1])
    past = random.normal(size=(width - 1, convolved))
    S = random.normal(size=(heads, inner // heads, states))

    def sigmoid(v):
        return 1 / (1 + np.exp(-v))

    projected = weights["Win"] @ x
    gate, signals, d = projected[:inner], projected[inner : inner + convolved], projected[inner + convolved :]
    window = np.vstack([past, signals])
    filtered = np.array([weights["Wconv"][c] @ window[:, c] for c in range(convolved)]) + weights["bconv"]
    filtered = filtered * sigmoid(filtered)
    u = filtered[:inner].reshape(heads, -1)
    B, C = filtered[inner : inner + states], filtered[inner + states :]
    delta = np.log1p(np.exp(d + weights["b"]))
    new, y = np.empty_like(S), np.empty_like(u)
    for head in range(heads):
        decay = np.exp(-delta[head] * np.exp(weights["a"][head]))
        new[head] = decay * S[head] + delta[head] * np.outer(u[head], B)
        y[head] = new[head] @ C + weights["D"][head] * u[head]
    gated = y.reshape(-1) * gate * sigmoid(gate)
    expected = weights["Wout"] @ (weights["gain"] * gated / np.sqrt(np.mean(gated**2) + 1e-5))

    double = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), block)
    state, found = double.step(type(block.initial_state())(jnp.asarray(past), jnp.asarray(S)), jnp.asarray(x))
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    np.testing.assert_allclose(state.S, new, rtol=1e-10)
    np.testing.assert_allclose(state.past, window[1:], rtol=1e-10)


@pytest.mark.parametrize("width", [1, 2])
def test_short_convolutions_work_in_steps_and_in_parallel(width):
    spec = Mamba2Spec(
        architecture="mamba2", model_dim=4, state_dim=3, expand=1, head_dim=4, conv_width=width, hidden_dim=5
    )
    block = Mamba2Block.initialise(spec, key=jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (5, 4))
    np.testing.assert_allclose(eqx.filter_jit(block)(x), step_by_step(block, x), rtol=1e-10, atol=1e-12)


def test_new_model_starts_within_the_ranges_of_the_original_implementation():
    spec = Mamba2Spec(
        architecture="mamba2", model_dim=64, state_dim=16, expand=2, head_dim=1, conv_width=4, hidden_dim=100
    )
    model = Mamba2.initialise(spec, 4, key=jax.random.key(0))
    block = model.block
    assert np.exp(block.a).min() >= 1
    assert np.exp(block.a).max() <= 16
    step_size = np.asarray(jax.nn.softplus(block.b))
    assert step_size.min() >= 1e-3 * (1 - 1e-9)
    assert step_size.max() <= 0.1 * (1 + 1e-9)
    # Log-uniform: half of the heads on either side of the geometric mean.
    assert abs(np.mean(step_size < 1e-2) - 0.5) < 0.15
    assert np.all(block.D == 1)
    assert np.all(block.gain == 1)
    for weights, fan_in in (
        (model.Wlift, 4),
        (model.blift, 4),
        (block.Win, 64),
        (block.Wconv, 4),
        (block.bconv, 4),
        (block.Wout, 128),
        (model.read_out.W2, 64),
        (model.read_out.Wo, 100),
    ):
        assert 0.9 * fan_in**-0.5 < np.abs(weights).max() <= fan_in**-0.5
