"""What the benchmark jobs receive."""

from typing import Annotated, Literal

from pydantic import Field

from workflow_src.specs.run import RunSpec
from workflow_src.specs.section import AbstractSection, Count, Distinct, Fraction, Length, Name
from workflow_src.specs.training import Guess, Solver


class RuntimeSpec(AbstractSection):
    """One runtime benchmark job: the solvers side by side on one (model, sequence length)."""

    run: RunSpec
    updates: dict[Solver, Count]


class IterationsBenchmarkSpec(AbstractSection):
    """Newton iterations of forward passes of trained models, Fig. 1B."""

    kind: Literal["iterations"]
    experiment: Name
    sequence_length: Length
    forcing_strengths: Annotated[tuple[Fraction, ...], Field(min_length=1), Distinct]
    guesses: Annotated[tuple[Guess, ...], Field(min_length=1), Distinct]
    passes: Count


class IterationsSpec(AbstractSection):
    """One Newton-iteration benchmark job: one pack of trained models."""

    run: RunSpec
    benchmark: IterationsBenchmarkSpec


class BenchmarkCells(AbstractSection):
    """The parts of a benchmark: model and, for run times, sequence length."""

    benchmark: Name
    cells: tuple[tuple[Name, Count | None], ...]
