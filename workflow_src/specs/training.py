"""How a model is trained."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from workflow_src.specs.section import AbstractSection, Count, Fraction, NonNegative, Positive, Whole

Solver = Literal["auto", "sequential", "block", "newton", "deer", "quasi_deer"]
Guess = Literal["zero", "normal", "pseudo_inverse"]
# Full forcing would cut off all gradients through time, so adaptive forcing stays below it.
STRONGEST_ADAPTIVE_FORCING = 0.99


class TrainingSpec(AbstractSection):
    """Everything that Algorithms 1 to 3 leave open. Batch and warm-up may be given relative to the length.

    Driven models, linear in their latent state, have no use for forcing, solver and read-out regularisation. They get
    these numbers with the rest of their experiment's and leave them alone.

    Attributes:
        forcing_schedule: `adaptive` follows the estimate of Prop. 1, with `forcing_strength` as its lower bound.
        warmup_forcing_strength: while the warm-up lasts; None is the strength of the other steps.
        pseudo_inverse_gradient: whether B learns through B^+ and Pi too.
        mar_direction: what Eq. (50) does with the variance of the connectivity at initialisation.
    """

    solver: Solver = "auto"
    guess: Guess
    tolerance: Positive
    max_iterations: Count
    forcing_strength: Fraction
    forcing_schedule: Literal["constant", "adaptive"] = "constant"
    warmup_forcing_strength: Fraction | None = None
    pseudo_inverse_gradient: bool = False
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
    mar_direction: Literal["divide", "multiply"] = "divide"
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
        if self.forcing_schedule == "adaptive" and self.forcing_strength > STRONGEST_ADAPTIVE_FORCING:
            raise ValueError(
                f"forcing_strength: {self.forcing_strength} is the lower bound of an adaptive schedule, which ends at "
                f"{STRONGEST_ADAPTIVE_FORCING}; lower it"
            )
        return self

    @property
    def weakest_forcing(self) -> float:
        """What no step of a training is forced less than."""
        warming = self.warmup_forcing_strength
        return self.forcing_strength if warming is None else min(self.forcing_strength, warming)

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
