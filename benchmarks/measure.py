"""One comparison: all solvers on one case, alternating in one process.

Compile, memory and first call come first. Then all solvers take turns, in an order that moves on by one with each
round, so that a loud moment of the machine hits all of them.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from benchmarks.cases import Case
from benchmarks.evaluation import Evaluation, evaluate
from benchmarks.reference import Reference, errors, float64_error
from workflow_src.models.shallow_plrnn import ShallowPLRNN

# Beyond this length the sequential solvers get one timed call on a device that takes a minute for it.
LONGEST_REPEATED = 2**17
SEQUENTIAL = ("sequential", "sequential_adjoint")


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Attributes:
        rounds, fewest: most and fewest rounds of timed calls.
        seconds: per solver, after which no further round begins once there are enough.
        single: the sequential solvers are called once only on sequences longer than LONGEST_REPEATED.
        wide: run each solver in float64 too, which tells its own error from that of rounding.
        memory: bytes that a call may need; more is recorded as out of memory, and not run.
    """

    rounds: int = 20
    fewest: int = 5
    seconds: float = 3.0
    single: bool = False
    wide: bool = False
    memory: int | None = None


def measure(
    case: Case,
    model: ShallowPLRNN,
    windows: Float[np.ndarray, "B T N"],
    solvers: Sequence[str],
    true: Reference | None,
    effort: Effort,
    say: Callable[[str], None] = lambda message: None,
) -> dict[str, dict[str, Any]]:
    """The facts of each solver, as they stand in a record."""
    results: dict[str, dict[str, Any]] = {}
    ready: dict[str, Callable[[], Evaluation]] = {}
    with jax.enable_x64(False):
        arguments = jax.device_put((model, windows))
        for solver in solvers:
            once = effort.single and solver in SEQUENTIAL and case.sequence_length > LONGEST_REPEATED
            results[solver], call = _first_call(case, solver, arguments, true, effort)
            if call is not None:
                ready[solver] = call
                if once:
                    results[solver]["seconds"] = [results[solver]["first_run_seconds"]]
            say(f"{solver}: {results[solver]['status']}, first call {results[solver]['first_call_seconds']} s")
        repeated = [solver for solver in ready if not results[solver]["seconds"]]
        _take_turns({solver: ready[solver] for solver in repeated}, results, effort)
    for result in results.values():
        result |= _quartiles(result["seconds"])
    return results


def _first_call(
    case: Case, solver: str, arguments: Any, true: Reference | None, effort: Effort
) -> tuple[dict[str, Any], Callable[[], Evaluation] | None]:
    """Compile, look at the memory, run once, and judge the result. No solver's failure ends the comparison."""
    result: dict[str, Any] = {
        "status": "failed",
        "out_of_memory": False,
        "message": None,
        "compile_seconds": None,
        "first_run_seconds": None,
        "first_call_seconds": None,
        "memory": None,
        "gradient_error_float64": None,
        "seconds": [],
    }
    function = partial(evaluate, solver=solver, forcing_strength=case.recipe.forcing_strength)
    try:
        began = time.perf_counter()
        compiled = jax.jit(function).lower(*arguments).compile()
        result["compile_seconds"] = time.perf_counter() - began
        result["memory"] = _memory(compiled)
        if effort.memory is not None and result["memory"] and result["memory"]["peak_bytes"] > effort.memory:
            message = f"needs {result['memory']['peak_bytes']} bytes of {effort.memory}"
            return result | {"status": "out_of_memory", "out_of_memory": True, "message": message}, None
        model, windows = jax.tree.map(np.asarray, arguments)
        began = time.perf_counter()
        found = jax.block_until_ready(compiled(*arguments))
        result["first_run_seconds"] = time.perf_counter() - began
        result["first_call_seconds"] = result["compile_seconds"] + result["first_run_seconds"]
        result |= _report(found) | errors(case, model, windows, found, true)
        twice = 2 * result["memory"]["peak_bytes"] if result["memory"] else 0
        if effort.wide and true is not None and twice <= (effort.memory or twice):
            result["gradient_error_float64"] = float64_error(case, model, windows, solver, true)
    except Exception as error:
        full = any(text in str(error) for text in ("RESOURCE_EXHAUSTED", "Out of memory", "out of memory"))
        full = full or isinstance(error, MemoryError)
        status = "out_of_memory" if full else "failed"
        message = f"{type(error).__name__}: {error}"[:500]
        return result | {"status": status, "out_of_memory": full, "message": message}, None
    return result | {"status": "timed"}, lambda: compiled(*arguments)


def _take_turns(calls: dict[str, Callable[[], Evaluation]], results: dict[str, dict[str, Any]], effort: Effort) -> None:
    began = time.perf_counter()
    for count in range(effort.rounds):
        if count >= effort.fewest and time.perf_counter() - began > effort.seconds * len(calls):
            return
        names = list(calls)
        first = count % max(len(names), 1)
        for solver in names[first:] + names[:first]:
            start = time.perf_counter()
            jax.block_until_ready(calls[solver]())
            results[solver]["seconds"].append(time.perf_counter() - start)


def _memory(compiled: Any) -> dict[str, int] | None:
    """Bytes of a compiled call by XLA's own account; peak is what must be there at once, arguments included."""
    found = compiled.memory_analysis()
    if found is None:
        return None
    temp, output, argument = (int(getattr(found, f"{part}_size_in_bytes")) for part in ("temp", "output", "argument"))
    return {
        "temp_bytes": temp,
        "output_bytes": output,
        "argument_bytes": argument,
        "peak_bytes": temp + output + argument,
    }


def _report(found: Evaluation) -> dict[str, Any]:
    """What the solver itself says, over all windows. Iterations are rounds where a solver has rounds."""
    report = jax.tree.map(np.asarray, found.solution.report)
    return {
        "iterations_mean": float(report.iterations.mean()),
        "iterations_max": int(report.iterations.max()),
        "converged": bool(report.converged.all()),
        "residual_reported": float(report.residual.max()),
        "loss": float(found.loss),
    }


def _quartiles(seconds: list[float]) -> dict[str, float | None]:
    if not seconds:
        return {"median": None, "lower_quartile": None, "upper_quartile": None}
    lower, median, upper = (float(q) for q in np.quantile(seconds, (0.25, 0.5, 0.75)))
    return {"median": median, "lower_quartile": lower, "upper_quartile": upper}
