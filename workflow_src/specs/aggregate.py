"""What the aggregation of an experiment receives."""

from workflow_src.specs.section import AbstractSection, Count, Name, NonNegative, Positive, Whole


class AggregateSpec(AbstractSection):
    """What the aggregated arrays of an experiment need besides its files."""

    experiment: Name
    dataset: Name
    time_step: Positive
    obs_dim: Count
    models: tuple[Name, ...]
    mar_strength: tuple[NonNegative, ...]
    sequence_lengths: tuple[Count, ...]
    batch_size: tuple[Count, ...]
    warmup: tuple[Whole, ...]
    packs: tuple[tuple[int, ...], ...]
