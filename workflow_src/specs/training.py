"""How a model is trained."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from workflow_src.specs.section import AbstractSection, Count, Fraction, NonNegative, Positive, Whole

Solver = Literal["auto", "sequential", "block", "newton", "deer", "quasi_deer"]
Guess = Literal["zero", "normal", "pseudo_inverse"]


class TrainingSpec(AbstractSection):
    """Everything that Algorithms 1 to 3 leave open. Batch and warm-up may be given relative to the length.

    Driven models, linear in their latent state, have no use for forcing, solver and read-out regularisation. They get
    these numbers with the rest of their experiment's and leave them alone.
    """

    solver: Solver = "auto"
    guess: Guess
    tolerance: Positive
    max_iterations: Count
    forcing_strength: Fraction
    batch_size: Count | None = None
    samples_per_update: Count | None = None
    warmup_steps: Whole | None = None
    warmup_fraction: Annotated[float, Field(ge=0, lt=1)] | None = None
    updates: Count
    optimizer: Literal["radam"]
    learning_rate_start: Positive
    learning_rate_end: NonNegative
    gradient_clip: Positive
    mar_strength: NonNegative
    mar_connectivity_strength: NonNegative
    mar_power: Literal[1, 2]
    observation_strength: NonNegative
    singular_value_strength: NonNegative

    @model_validator(mode="after")
    def check(self) -> "TrainingSpec":
        for one, other in (("batch_size", "samples_per_update"), ("warmup_steps", "warmup_fraction")):
            if (getattr(self, one) is None) == (getattr(self, other) is None):
                raise ValueError(f"{one}: state either {one} or {other}, not both and not neither")
        if self.learning_rate_end > self.learning_rate_start:
            raise ValueError(
                f"learning_rate_end: {self.learning_rate_end} exceeds learning_rate_start {self.learning_rate_start}, "
                "and the cosine schedule only decays; lower it"
            )
        return self

    def batch_of(self, sequence_length: int) -> int:
        """Batch size S at this T, from `batch_size` or from the fixed product S*T."""
        if self.batch_size is not None:
            return self.batch_size
        assert self.samples_per_update is not None
        return self.samples_per_update // sequence_length

    def warmup_of(self, sequence_length: int) -> int:
        """Warm-up T_w at this T."""
        if self.warmup_steps is not None:
            return self.warmup_steps
        assert self.warmup_fraction is not None
        return int(self.warmup_fraction * sequence_length)
