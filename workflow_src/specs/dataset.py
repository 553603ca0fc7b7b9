"""A simulated time series."""

from typing import Annotated

from pydantic import Field

from workflow_src.specs.section import AbstractSection, Count, Distinct, NonNegative, Positive, Whole


class Trajectory(AbstractSection):
    """One simulated orbit: where it starts, what is thrown away first, how many steps are kept."""

    initial_state: tuple[float, ...]
    transient_steps: Whole
    steps: Count


class DatasetSpec(AbstractSection):
    """System, sampling, observed components, noise on the training orbit."""

    system: str
    parameters: dict[str, float]
    time_step: Positive
    substeps: Count
    observed: Annotated[tuple[str, ...], Field(min_length=1), Distinct]
    train: Trajectory
    test: Trajectory
    noise: NonNegative
    noise_seed: Whole
    long_pauses: Count | None = None

    @property
    def obs_dim(self) -> int:
        return len(self.observed)
