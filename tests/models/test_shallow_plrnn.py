"""What is the full-rank shPLRNN's own: the initial range of W1."""

import jax
import numpy as np

from workflow_src.models.build import build
from workflow_src.specs.model import ShallowPLRNNSpec


def test_connectivity_starts_uniform_within_the_scale_of_equation_46():
    spec = ShallowPLRNNSpec(architecture="shplrnn", latent_dim=40, hidden_dim=100, slow_units=0, init_scale=0.05)
    W1 = np.asarray(build(spec, 3, key=jax.random.key(0)).connectivity)
    bound = 0.05 / np.sqrt(100)
    assert np.abs(W1).max() <= bound
    assert np.abs(W1).max() > 0.99 * bound
    np.testing.assert_allclose(W1.var(), bound**2 / 3, rtol=0.05)
