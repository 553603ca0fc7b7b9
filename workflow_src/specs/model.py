"""Architecture and sizes of a model."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from workflow_src.specs.section import AbstractSection, Count, Positive, Whole


class AbstractModelSpec(AbstractSection):
    """Every model: the width of its hidden layer, and what its training changes of the experiment's."""

    hidden_dim: Count
    training: dict[str, Any] = Field(default_factory=dict)


class AbstractLatentModelSpec(AbstractModelSpec):
    """Models with a latent state of M units, the last `slow_units` of which are regularised."""

    latent_dim: Count
    slow_units: Whole
    init_scale: Positive

    @model_validator(mode="after")
    def check_slow_units(self) -> "AbstractLatentModelSpec":
        if self.slow_units >= self.latent_dim:
            raise ValueError(
                f"slow_units: {self.slow_units} leaves no fast unit of latent_dim {self.latent_dim}; lower slow_units"
            )
        return self


class AbstractForcedModelSpec(AbstractLatentModelSpec):
    """Models that are nonlinear in their latent state, Eq. (5): they are forced, and need a solver."""


class ShallowPLRNNSpec(AbstractForcedModelSpec):
    """Eq. (5) with phi = ReLU."""

    architecture: Literal["shplrnn"]


class LowRankPLRNNSpec(AbstractForcedModelSpec):
    """Eq. (5) with W1 = U V of the given rank (Sec. 5.4)."""

    architecture: Literal["low_rank_shplrnn"]
    rank: Count

    @model_validator(mode="after")
    def check_rank(self) -> "LowRankPLRNNSpec":
        for key in ("hidden_dim", "latent_dim"):
            if self.rank > getattr(self, key):
                raise ValueError(f"rank: {self.rank} exceeds {key} {getattr(self, key)}; lower rank")
        return self


class LSSMSpec(AbstractLatentModelSpec):
    """Eq. (3)."""

    architecture: Literal["lssm"]


class Mamba2Spec(AbstractModelSpec):
    """Mamba-2 block with the MLP read-out of Eq. (3), App. H.4."""

    architecture: Literal["mamba2"]
    model_dim: Count
    state_dim: Count
    expand: Count
    head_dim: Count
    conv_width: Count

    @model_validator(mode="after")
    def check_heads(self) -> "Mamba2Spec":
        if (self.expand * self.model_dim) % self.head_dim:
            raise ValueError(
                f"head_dim: {self.head_dim} does not divide expand * model_dim = {self.expand * self.model_dim}; "
                "choose a divisor"
            )
        return self


ModelSpec = Annotated[ShallowPLRNNSpec | LowRankPLRNNSpec | LSSMSpec | Mamba2Spec, Field(discriminator="architecture")]
