"""A long list of cases in slices of bounded time: what runs next, and what is there already."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from benchmarks.cases import Case, Recipe
from benchmarks.measure import LONGEST_REPEATED
from benchmarks.records import has

# Seconds on a GPU, on the safe side: a step of `lax.scan` forward and backward, compilation and repeats of all solvers,
# training of a new model, and a step of the float64 reference on the CPU.
STEP, CASE, MODEL, REFERENCE_STEP = 6e-5, 90.0, 30.0, 1e-5


def estimate(case: Case, new_model: bool) -> float:
    """Seconds that a case takes, roughly."""
    calls = 1 if case.sequence_length > LONGEST_REPEATED else 4
    sequential = calls * STEP * case.sequence_length
    return sequential + CASE + MODEL * new_model + REFERENCE_STEP * case.sequence_length * case.batch_size


def slices(cases: Sequence[Case], seconds: float) -> list[list[Case]]:
    """Cut the list into parts of at most that many seconds, in its order; a case that takes longer stands alone."""
    parts: list[list[Case]] = []
    spent, seen = seconds, set[Recipe]()
    for case in cases:
        takes = estimate(case, case.recipe not in seen)
        if spent + takes > seconds:
            parts.append([])
            spent = 0.0
        parts[-1].append(case)
        spent += takes
        seen.add(case.recipe)
    return parts


def remaining(
    cases: Iterable[Case], records: Sequence[dict[str, Any]], device: str, solvers: Sequence[str]
) -> Iterator[Case]:
    """The cases that no record of this device has, in their order."""
    return (case for case in cases if not has(records, case, device, solvers))
