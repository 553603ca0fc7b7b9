"""A model from its spec."""

from jaxtyping import PRNGKeyArray

from workflow_src.models.base import AbstractModel
from workflow_src.models.low_rank_plrnn import LowRankPLRNN
from workflow_src.models.lssm import LSSM
from workflow_src.models.mamba2 import Mamba2
from workflow_src.models.shallow_plrnn import ShallowPLRNN
from workflow_src.specs.model import LowRankPLRNNSpec, LSSMSpec, Mamba2Spec, ModelSpec, ShallowPLRNNSpec


def build(spec: ModelSpec, obs_dim: int, *, key: PRNGKeyArray) -> AbstractModel:
    """A newly initialised model of the spec's architecture for observations of that dimension."""
    match spec:
        case ShallowPLRNNSpec():
            return ShallowPLRNN.initialise(spec.latent_dim, spec.hidden_dim, obs_dim, scale=spec.init_scale, key=key)
        case LowRankPLRNNSpec():
            return LowRankPLRNN.initialise(spec, obs_dim, key=key)
        case LSSMSpec():
            return LSSM.initialise(spec, obs_dim, key=key)
        case Mamba2Spec():
            return Mamba2.initialise(spec, obs_dim, key=key)
