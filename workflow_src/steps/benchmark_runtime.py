"""Time of one loss and gradient evaluation, the solvers side by side, measured during training (Fig. 1A, App. H.1).

The solver with the most updates trains the model and each of its evaluations is timed. The others are timed in
between, on the same model and the same data, spread evenly over the training, so that all see the same machine.

A time says little about a solve that did not converge: the fraction of converged solves is kept with each. At the first
gradient or parameter that is not finite the training ends, and so does the timing.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from jaxtyping import Array, Bool, Float

from workflow_src import logs, provenance, store
from workflow_src.models.base import AbstractModel
from workflow_src.models.build import build
from workflow_src.specs.benchmark import RuntimeSpec
from workflow_src.specs.run import RunSpec
from workflow_src.steps.arguments import arguments, run
from workflow_src.steps.device import numerics, prepare
from workflow_src.training import loop
from workflow_src.training.batches import random_windows
from workflow_src.training.loss import LossTerms, loss_and_gradient

Result = TypeVar("Result")
# Loss with its terms, and the gradient with respect to the model.
Evaluation = tuple[tuple[Float[Array, ""], LossTerms], AbstractModel]


class Timed(NamedTuple):
    """What is kept of each timed evaluation of one solver.

    Attributes:
        seconds: until the gradient is there.
        iterations: Newton iterations, mean over the batch.
        converged: fraction of the batch whose solve converged.
    """

    seconds: list[float]
    iterations: list[float]
    converged: list[float]


def benchmark(spec: RuntimeSpec, dataset: xr.Dataset) -> xr.Dataset:
    """Seconds, Newton iterations and converged solves of each solver and timed evaluation."""
    trajectory = jnp.asarray(dataset["train"].transpose("train_step", "component").values, jnp.result_type(float))
    runs = {solver: _with_solver(spec.run, solver) for solver in spec.updates}
    trainer, updates = max(spec.updates.items(), key=lambda wanted: wanted[1])
    key_init, key_batches = loop.run_keys(spec.run.seeds[0])
    model = build(spec.run.architecture, spec.run.obs_dim, key=key_init)
    optimizer = loop.optimizer_of(spec.run.training.model_copy(update={"updates": updates}))
    memory = optimizer.init(eqx.filter(model, eqx.is_inexact_array))
    cap = jnp.array(spec.run.training.max_iterations)

    def evaluate(one: RunSpec) -> Callable[..., Evaluation]:
        return eqx.filter_jit(lambda model, windows, key: loss_and_gradient(model, windows, one, cap, key))

    @eqx.filter_jit
    def step(
        model: AbstractModel, memory: optax.OptState, gradient: AbstractModel
    ) -> tuple[AbstractModel, optax.OptState, Bool[Array, ""]]:
        """One update, and whether gradient and parameters are finite."""
        change, memory = optimizer.update(eqx.filter(gradient, eqx.is_inexact_array), memory, None)
        model = eqx.apply_updates(model, change)
        leaves = jax.tree.leaves(eqx.filter((gradient, model), eqx.is_inexact_array))
        return model, memory, jnp.all(jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in leaves]))

    draw = eqx.filter_jit(
        lambda key: random_windows(trajectory, spec.run.sequence_length, spec.run.batch_size, key=key)
    )
    evaluations = {solver: evaluate(one) for solver, one in runs.items()}
    timed = {solver: Timed([], [], []) for solver in runs}
    compile_time = {}
    windows = draw(key_batches)
    for solver, evaluation in evaluations.items():
        compile_time[solver], _ = _clock(evaluation, model, windows, key_batches)
        logs.say(f"{solver}: first call {compile_time[solver]:.2f} s")
    diverged_at = -1
    for count in logs.counted(range(updates), updates, "update"):
        key_windows, key_guess = jax.random.split(jax.random.fold_in(key_batches, count))
        windows = draw(key_windows)
        due = [s for s, wanted in spec.updates.items() if len(timed[s].seconds) < -(-wanted * (count + 1) // updates)]
        gradient = None
        for solver in due:
            seconds, ((_, terms), found) = _clock(evaluations[solver], model, windows, key_guess)
            timed[solver].seconds.append(seconds)
            timed[solver].iterations.append(float(jnp.mean(terms.report.iterations)))
            timed[solver].converged.append(float(jnp.mean(terms.report.converged)))
            gradient = found if solver == trainer else gradient
        assert gradient is not None, "the trainer is due at every update"
        model, memory, finite = step(model, memory, gradient)
        if not finite:
            diverged_at = count
            logs.say(f"update {count}: a gradient or parameter is not finite; the timing ends here")
            break
    samples = max(spec.updates.values())
    return xr.Dataset(
        {
            "update_time": (("solver", "sample"), _padded((one.seconds for one in timed.values()), samples)),
            "newton_iterations": (("solver", "sample"), _padded((one.iterations for one in timed.values()), samples)),
            "converged_fraction": (("solver", "sample"), _padded((one.converged for one in timed.values()), samples)),
            "diverged_at": ((), diverged_at),
            "compile_time": ("solver", list(compile_time.values())),
            "latent_dim": ((), getattr(spec.run.architecture, "latent_dim", 0)),
            "hidden_dim": ((), spec.run.architecture.hidden_dim),
            "batch_size": ((), spec.run.batch_size),
        },
        coords={"solver": list(runs), "sample": np.arange(samples)},
        attrs={"title": f"Run time of {spec.run.model} at T = {spec.run.sequence_length}"},
    )


def _with_solver(spec: RunSpec, solver: str) -> RunSpec:
    return spec.model_copy(update={"training": spec.training.model_copy(update={"solver": solver})})


def _clock(function: Callable[..., Result], *args: Any) -> tuple[float, Result]:
    """Seconds until the result of a call is there, and the result."""
    began = time.perf_counter()
    result = jax.block_until_ready(function(*args))
    return time.perf_counter() - began, result


def _padded(rows: Iterable[list[float]], samples: int) -> Float[np.ndarray, "solvers samples"]:
    """Rows of one length, NaN behind the end of shorter ones."""
    return np.array([row + [np.nan] * (samples - len(row)) for row in rows])


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(__doc__, spec=RuntimeSpec, dataset=Path, output=Path).parse(argv)
    device = prepare(args.spec.run.compute, args.spec.run.precision, keep_compiled=False)
    with provenance.record("benchmark_runtime", args, outputs=["output"]) as record:
        record.update(numerics())
        result = benchmark(args.spec, store.load(args.dataset)).assign_attrs(device=device)
        record.diverged(list(args.spec.run.seeds) if int(result["diverged_at"]) >= 0 else [])
        store.save(args.output, result, record.document())


if __name__ == "__main__":
    run(main)
