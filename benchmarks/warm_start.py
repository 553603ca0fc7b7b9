"""What a warm start would give the block solver: chunks that begin near the exact states, not at the teacher signal.

python -m benchmarks.warm_start
python -m benchmarks.warm_start --case partial_m10

The states come from a model whose parameters differ by one step of Adam, or from the model itself, which is the most
that any warm start can give.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from benchmarks import cases, data, machine
from benchmarks.cases import Case
from benchmarks.evaluation import MAX_ITERATIONS, TOLERANCE
from benchmarks.trained import trained
from workflow_src.forcing import forced_step, teacher_signal
from workflow_src.models.shallow_plrnn import ShallowPLRNN
from workflow_src.solvers import solve_batch

CASES = ("lorenz63_m3", "embedded_m10", "partial_m10", "lorenz96_slow", "partial_m10_b16")
LEARNING_RATES = (1e-3, 1e-4, 0.0)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", metavar="NAME", action="append", help=f"default: {', '.join(CASES)}")
    parser.add_argument("--repeats", type=int, default=15, help="timed calls of each (default 15)")
    args = parser.parse_args(argv)
    try:
        chosen = [cases.named(name) for name in args.case or CASES]
    except KeyError as error:
        parser.error(str(error.args[0]))
    machine.prepare()
    print(
        "| case | cold, ms | " + " | ".join(f"a step of {rate:g} away" for rate in LEARNING_RATES[:-1]) + " | exact |"
    )
    print("|---|---|---|---|---|")
    for case in chosen:
        cold, *warm = compare(case, args.repeats)
        print(
            f"| {case.name} | {1e3 * cold:.1f} | " + " | ".join(f"{cold / one:.2f}x" for one in warm) + " |", flush=True
        )


def compare(case: Case, repeats: int, *, cache: Path = data.CACHE) -> list[float]:
    """Median seconds of value and gradient: from the teacher signal, then from states of ever closer models."""
    model, _ = trained(case.recipe, cache)
    windows = jnp.asarray(data.windows(case, cache))
    cold = jax.jit(lambda model: _value_and_gradient(model, windows, None, case))
    guesses = [cold(_moved(model, rate))[0][1] for rate in LEARNING_RATES]
    warm = jax.jit(lambda model, guess: _value_and_gradient(model, windows, guess, case))
    calls: list[Callable[[], Any]] = [
        lambda: cold(model),
        *(lambda guess=guess: warm(model, guess) for guess in guesses),
    ]
    seconds: list[list[float]] = [[] for _ in calls]
    for turn in range(repeats + 1):
        for call, mine in zip(calls, seconds, strict=True):
            began = time.perf_counter()
            jax.block_until_ready(call())
            if turn:
                mine.append(time.perf_counter() - began)
    return [statistics.median(mine) for mine in seconds]


def _moved(model: ShallowPLRNN, rate: float) -> ShallowPLRNN:
    """All parameters a step of that size away, as Adam's steps are: equally long in all of them."""
    signs = jax.random.key(0)
    return jax.tree.map(lambda leaf: leaf + rate * jax.random.rademacher(signs, leaf.shape, leaf.dtype), model)


def _value_and_gradient(
    model: ShallowPLRNN, windows: Float[Array, "B T N"], guess: Float[Array, "B T-1 M"] | None, case: Case
) -> Any:
    def loss(model: ShallowPLRNN) -> tuple[Float[Array, ""], Float[Array, "B T-1 M"]]:
        teacher = jax.vmap(teacher_signal, in_axes=(None, 0))(model, windows)
        start = teacher[:, 1:] if guess is None else guess
        step = forced_step(model, case.recipe.forcing_strength)
        given = teacher[:, 0], teacher[:, :-1], start
        found = solve_batch("block", step, *given, tolerance=TOLERANCE, max_iterations=MAX_ITERATIONS)
        return jnp.mean((jax.vmap(jax.vmap(model.observe))(found.states) - windows[:, 1:]) ** 2), found.states

    return jax.value_and_grad(loss, has_aux=True)(model)


if __name__ == "__main__":
    main()
