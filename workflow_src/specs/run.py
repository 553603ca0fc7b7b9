"""One training job."""

from typing import Literal

from workflow_src.specs.model import AbstractForcedModelSpec, ModelSpec
from workflow_src.specs.section import AbstractSection, Count, Name, Whole
from workflow_src.specs.training import TrainingSpec


class RunSpec(AbstractSection):
    """A training job, complete: a pack of seeds of one (experiment, model, sequence length).

    Attributes:
        deterministic: whether a GPU sums in a fixed order when it trains; measurements of time do without.
    """

    preset: Name
    compute: Literal["cpu", "cuda"]
    precision: Literal["float32", "float64"]
    deterministic: bool = False
    experiment: Name
    dataset: Name
    model: Name
    obs_dim: Count
    sequence_length: Count
    batch_size: Count
    warmup: Whole
    seeds: tuple[Whole, ...]
    architecture: ModelSpec
    training: TrainingSpec

    @property
    def is_forced_adaptively(self) -> bool:
        """Whether the forcing strength changes from update to update; driven models have none."""
        return self.training.forcing_schedule == "adaptive" and isinstance(self.architecture, AbstractForcedModelSpec)

    @classmethod
    def parse(cls, text: str) -> "RunSpec":
        return cls.model_validate_json(text)

    def dump(self) -> str:
        return self.model_dump_json()
