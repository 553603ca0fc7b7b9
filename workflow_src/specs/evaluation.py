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
    """Settings of the measures, App. G. The first embedding is the one the figures show."""

    embeddings: Annotated[tuple[Embedding, ...], Field(min_length=1), Distinct]
    monte_carlo_samples: Count
    generated_steps: Count
    warmup_steps: Count
    forecast_steps: Count
    forecast_windows: Count
    lyapunov_steps: Count
    example_steps: Count
