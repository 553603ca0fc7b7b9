"""Models are found by what they are."""

import pytest

from tests.claims.synthetic import properties
from tests.figures import synthetic
from workflow_src.claims.claim import Models
from workflow_src.claims.missing import Missing
from workflow_src.claims.models import choose
from workflow_src.specs.claims import RoleSpec

MODELS = {
    "plain": properties("lssm"),
    "weak": properties("lssm", mar_strength=1e-3),
    "strong": properties("lssm", mar_strength=0.1),
    "low": properties("low_rank_shplrnn", rank=5),
    "above": properties("low_rank_shplrnn", rank=6),
    "full": properties(latent_dim=4),
    "diagonal": properties(solver="quasi_deer", singular_value_strength=1e-3),
    "mamba_a": properties("mamba2", latent_dim=None),
    "mamba_b": properties("mamba2", latent_dim=None),
}
ROLE = RoleSpec(obs_dim=5, models=MODELS)
# The number of parameters grows from model to model.
ARRAYS = synthetic.experiment(tuple(MODELS), (64,), 1)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"architecture": "lssm", "mar_strength": "none"}, ["plain"]),
        ({"architecture": "lssm", "mar_strength": "some"}, ["weak", "strong"]),
        ({"architecture": "lssm", "mar_strength": "largest"}, ["strong"]),
        ({"rank_above_obs_dim": 0}, ["low"]),
        ({"rank_above_obs_dim": 1}, ["above"]),
        ({"architecture": "shplrnn", "latent_dim": "at_most_obs_dim"}, ["full"]),
        ({"architecture": "shplrnn", "latent_dim": "above_obs_dim"}, ["diagonal"]),
        ({"jacobian": "diagonal"}, ["diagonal"]),
        ({"architecture": "shplrnn", "jacobian": "full"}, ["full"]),
        ({"singular_value_strength": "some"}, ["diagonal"]),
        ({"architecture": "mamba2", "size": "smallest"}, ["mamba_a"]),
        ({"architecture": "mamba2", "size": "largest"}, ["mamba_b"]),
    ],
)
def test_models_by_their_properties(wanted, found):
    assert choose(Models(**wanted), ROLE, ARRAYS) == found


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"rank_above_obs_dim": 3}, "the role has no model with rank_above_obs_dim 3"),
        ({"architecture": "low_rank_shplrnn", "size": "smallest"}, "the role has no two sizes of the model"),
        ({"architecture": "low_rank_shplrnn", "mar_strength": "largest"}, "the role has no model with architecture"),
    ],
)
def test_what_is_not_there_is_named(wanted, reason):
    with pytest.raises(Missing, match=reason):
        choose(Models(**wanted), ROLE, ARRAYS)
