"""What is the LSSM's own: its equation, its free run as Eq. (4), its initial ranges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from workflow_src.models.lssm import LSSM
from workflow_src.models.read_out import ReadOut
from workflow_src.models.shallow_plrnn import ShallowPLRNN
from workflow_src.specs.model import LSSMSpec

M, L, N = 6, 9, 2


@pytest.fixture
def model():
    """A model whose every parameter is random."""
    random = np.random.default_rng(0)

    def draw(*shape):
        return jnp.asarray(random.normal(size=shape))

    return LSSM(
        obs_dim=N,
        latent_dim=M,
        a=draw(M),
        Bin=draw(M, N),
        h=draw(M),
        read_out=ReadOut(W2=draw(L, M), h2=draw(L), Wo=draw(N, L), ho=draw(N)),
    )


def test_step_and_read_out_are_equation_3(model):
    random = np.random.default_rng(1)
    z, x = random.normal(size=M), random.normal(size=N)
    out = model.read_out
    new = np.tanh(model.a) * z + model.Bin @ x + model.h
    np.testing.assert_allclose(model.drive(jnp.asarray(z), jnp.asarray(x)), new, rtol=1e-12)
    expected = out.Wo @ np.maximum(out.W2 @ z + out.h2, 0) + out.ho
    np.testing.assert_allclose(model.observe(jnp.asarray(z)), expected, rtol=1e-12)


def test_free_running_lssm_is_a_plrnn_of_rank_n(model):
    free = model.free_running_parameters()
    plrnn = ShallowPLRNN(
        obs_dim=N, latent_dim=M, a=model.a, W1=free.W1, W2=free.W2, h1=free.h1, h2=free.h2, B=jnp.eye(N, M)
    )
    assert np.linalg.matrix_rank(np.asarray(free.W1)) == N
    np.testing.assert_allclose(plrnn.A, free.A, rtol=1e-12)
    z = jnp.asarray(np.random.default_rng(2).normal(size=M))
    for _ in range(10):
        fed_back = model.drive(z, model.observe(z))
        np.testing.assert_allclose(fed_back, plrnn.step(z), rtol=1e-10, atol=1e-10)
        z = fed_back


def test_new_model_starts_within_the_ranges_of_equations_47_and_48():
    spec = LSSMSpec(architecture="lssm", latent_dim=40, hidden_dim=100, slow_units=0, init_scale=0.05)
    model = LSSM.initialise(spec, 4, key=jax.random.key(0))
    assert np.all(model.A >= 0.95)
    assert np.all(model.A < 1)
    for weights, bound in ((model.Bin, 0.05 / 2), (model.read_out.W2, 40**-0.5), (model.read_out.Wo, 0.1)):
        assert np.abs(weights).max() <= bound
        assert np.abs(weights).max() > 0.95 * bound
    for bias in (model.h, model.read_out.h2, model.read_out.ho):
        assert not np.any(bias)
