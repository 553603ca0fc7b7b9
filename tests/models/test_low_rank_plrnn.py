"""What is the low-rank shPLRNN's own: rank and scale of the product U V."""

import jax
import numpy as np
import pytest

from workflow_src.models.build import build
from workflow_src.specs.model import LowRankPLRNNSpec


def spec(rank):
    return LowRankPLRNNSpec(
        architecture="low_rank_shplrnn", latent_dim=30, hidden_dim=60, slow_units=0, init_scale=0.05, rank=rank
    )


@pytest.mark.parametrize("rank", [1, 2, 5, 30])
def test_connectivity_has_the_stated_rank(rank):
    model = build(spec(rank), 3, key=jax.random.key(0))
    assert np.linalg.matrix_rank(np.asarray(model.connectivity)) == rank


@pytest.mark.parametrize("rank", [1, 5])
def test_connectivity_starts_with_the_variance_of_the_full_rank_model(rank):
    keys = jax.random.split(jax.random.key(1), 200)
    entries = jax.vmap(lambda key: build(spec(rank), 3, key=key).connectivity)(keys)
    np.testing.assert_allclose(np.var(entries), 0.05**2 / (3 * 60), rtol=0.05)


def test_factors_start_within_their_ranges():
    model = build(spec(5), 3, key=jax.random.key(0))
    assert np.abs(model.V).max() <= 60**-0.5
    assert np.abs(model.U).max() <= 0.05 * np.sqrt(3 / 5)
