"""How a trained model is judged."""

from typing import Annotated

from pydantic import Field

from workflow_src.specs.section import AbstractSection, Count, Distinct


class Embedding(AbstractSection):
    """Delay embedding, Eq. (69): (1, 1) is none."""

    dimension: Count
    delay: Count

    @property
    def label(self) -> str:
        return f"m{self.dimension}_tau{self.delay}"

    @property
    def reach(self) -> int:
        """Steps between the earliest and the latest component."""
        return (self.dimension - 1) * self.delay


class EvaluationSpec(AbstractSection):
    """Settings of the measures, App. G. The first embedding is the one the figures show.

    Attributes:
        lead_steps: of the forecasts whose error is followed step by step; the first `forecast_steps` make Eq. (71).
        spectrum_smoothing: standard deviation of the Gaussian that smooths power spectra, in cycles per step.
    """

    embeddings: Annotated[tuple[Embedding, ...], Field(min_length=1), Distinct]
    monte_carlo_samples: Count
    generated_steps: Count
    warmup_steps: Count
    forecast_steps: Count
    forecast_windows: Count
    lead_steps: Count
    spectrum_smoothing: Annotated[float, Field(gt=0, le=0.5)]
    lyapunov_steps: Count
    example_steps: Count

    @property
    def followed_steps(self) -> int:
        """Steps of the test orbit that follow the start of a forecast."""
        return max(self.forecast_steps, self.lead_steps, self.example_steps)
