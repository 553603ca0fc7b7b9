"""From a case to its record."""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks import data, machine
from benchmarks.cases import Case
from benchmarks.evaluation import MAX_ITERATIONS, TOLERANCE
from benchmarks.floor import floor
from benchmarks.measure import Effort, measure
from benchmarks.records import SCHEMA
from benchmarks.reference import Reference, reference
from benchmarks.trained import trained

# Float64 BPTT keeps about this many numbers of M and of L per step.
KEPT_PER_STEP = 4


def compare(
    case: Case,
    solvers: Sequence[str],
    effort: Effort,
    rates: dict[str, Any],
    *,
    cache: Path = data.CACHE,
    commit: str | None = None,
) -> dict[str, Any]:
    """Train or load the model, measure all solvers, and return the record."""
    say(f"{case.name}: T {case.sequence_length}, B {case.batch_size}, {case.recipe}")
    facts = machine.facts(commit)
    model, model_facts = trained(case.recipe, cache)
    windows = data.windows(case, cache)
    before = machine.load()
    began = time.perf_counter()
    true = _reference(case, model, windows)
    reference_facts = {"loss": None if true is None else true.loss, "seconds": time.perf_counter() - began}
    limit = machine.memory_limit()
    effort = effort if effort.memory or limit is None else replace(effort, memory=int(0.95 * limit))
    results = measure(case, model, windows, solvers, true, effort, say)
    return {
        "schema": SCHEMA,
        "case": asdict(case),
        "model": model_facts,
        "settings": {
            "dtype": "float32",
            "matmul_precision": machine.PRECISION,
            "tolerance": TOLERANCE,
            "max_iterations": MAX_ITERATIONS,
            "guess": "pseudo_inverse",
            **asdict(effort),
        },
        **facts,
        "load_average": [before, machine.load()],
        "floor": floor(case, rates),
        "reference": reference_facts,
        "solvers": results,
    }


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _reference(case: Case, model: Any, windows: Any) -> Reference | None:
    """Float64 BPTT, unless it needs more memory than there is."""
    per_step = 8 * KEPT_PER_STEP * (case.recipe.latent_dim + case.recipe.hidden_dim)
    if (free := machine.host_memory()) is not None and per_step * case.sequence_length * case.batch_size > free / 2:
        say("no float64 reference: it does not fit into memory")
        return None
    return reference(case, model, windows)
