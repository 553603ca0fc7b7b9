"""The matrix form of the Mamba-2 recurrence against a plain loop."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from workflow_src.models.ssd import segment_sums, ssd

HEADS, CHANNELS, STATES = 2, 3, 4


def signals(length, decay=1.0):
    random = np.random.default_rng(length)
    log_decay = -decay * random.exponential(size=(length, HEADS))
    u = random.normal(size=(length, HEADS, CHANNELS))
    B, C = random.normal(size=(2, length, STATES))
    return log_decay, u, B, C


def compiled(arrays, **options):
    return eqx.filter_jit(ssd)(*arrays, **options)


def loop(log_decay, u, B, C):
    S, outputs = np.zeros((HEADS, CHANNELS, STATES)), []
    for t in range(len(u)):
        S = np.exp(log_decay[t])[:, None, None] * S + u[t][:, :, None] * B[t]
        outputs.append(S @ C[t])
    return np.stack(outputs)


@pytest.mark.parametrize(("length", "chunk"), [(1, 8), (7, 8), (8, 8), (9, 8), (40, 1), (41, 8), (41, 64)])
def test_matrix_form_is_the_recurrence_at_any_length_and_chunk(length, chunk):
    arrays = signals(length)
    found = compiled(map(jnp.asarray, arrays), chunk=chunk)
    np.testing.assert_allclose(found, loop(*arrays), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("decay", [0.0, 1e-3, 30.0])
def test_single_precision_is_kept_from_no_decay_to_very_fast_decay(decay):
    arrays = signals(200, decay)
    found = compiled(jnp.asarray(array, jnp.float32) for array in arrays)
    exact = loop(*arrays)
    assert np.abs(found - exact).max() < 2e-6 * np.abs(exact).max()


def test_gradients_stay_finite_where_decays_underflow():
    arrays = tuple(jnp.asarray(array, jnp.float32) for array in signals(40, 1e4))
    gradients = jax.jit(jax.grad(lambda arrays: jnp.sum(ssd(*arrays) ** 2)))(arrays)
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)


def test_segment_sums_do_not_cancel_after_a_large_term():
    v = jnp.asarray([1e8, 0.25, 0.5, 0.125], jnp.float32)
    expected = [[0, 0, 0, 0], [0.25, 0, 0, 0], [0.75, 0.5, 0, 0], [0.875, 0.625, 0.125, 0]]
    assert np.array_equal(segment_sums(v), np.asarray(expected))
