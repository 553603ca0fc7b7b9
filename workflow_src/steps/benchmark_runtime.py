"""Time of one loss and gradient evaluation, the solvers side by side, measured during training (Fig. 1A, App. H.1).

The solver with the most updates trains the model and each of its evaluations is timed. The others are timed in
between, on the same model and the same data, spread evenly over the training, so that all see the same machine.

A time says little about a solve that did not converge: the fraction of converged solves is kept with each. At the first
gradient or parameter that is not finite the training ends, and so does the timing.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from workflow_src import lock, logs, provenance, store
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
# Compiled in less than half of the time, into code that may be slower.
_untimed = partial(
    jax.jit, compiler_options={"xla_backend_optimization_level": 1, "xla_cpu_use_fusion_emitters": False}
)
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
    optimizer = loop.optimizer_of(spec.run.training.model_copy(update={"updates": updates}))
    cap = jnp.array(spec.run.training.max_iterations)

    # One program each: outside of one, every operation is compiled by itself.
    @_untimed
    def begin(seed: Int[Array, ""]) -> tuple[AbstractModel, optax.OptState]:
        model = build(spec.run.architecture, spec.run.obs_dim, key=loop.run_keys(seed)[0])
        return model, optimizer.init(eqx.filter(model, eqx.is_inexact_array))

    @_untimed
    def draw(seed: Int[Array, ""], count: Int[Array, ""]) -> tuple[Float[Array, "S T N"], PRNGKeyArray]:
        """The windows of an update, and the key of its guess, as in training."""
        key_windows, key_guess = jax.random.split(jax.random.fold_in(loop.run_keys(seed)[1], count))
        return random_windows(trajectory, spec.run.sequence_length, spec.run.batch_size, key=key_windows), key_guess

    def evaluate(one: RunSpec) -> Callable[..., Evaluation]:
        return eqx.filter_jit(lambda model, windows, key: loss_and_gradient(model, windows, one, cap, key))

    @_untimed
    def step(
        model: AbstractModel, memory: optax.OptState, gradient: AbstractModel
    ) -> tuple[AbstractModel, optax.OptState, Bool[Array, ""]]:
        """One update, and whether gradient and parameters are finite."""
        change, memory = optimizer.update(eqx.filter(gradient, eqx.is_inexact_array), memory, None)
        model = eqx.apply_updates(model, change)
        leaves = jax.tree.leaves(eqx.filter((gradient, model), eqx.is_inexact_array))
        return model, memory, jnp.all(jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in leaves]))

    evaluations = {solver: evaluate(one) for solver, one in runs.items()}
    timed = {solver: Timed([], [], []) for solver in runs}
    compile_time = {}
    seed = jnp.array(spec.run.seeds[0])
    model, memory = begin(seed)
    windows, key_guess = draw(seed, jnp.array(0))
    for solver, evaluation in evaluations.items():
        compile_time[solver], _ = _clock(evaluation, model, windows, key_guess)
        logs.say(f"{solver}: first call {compile_time[solver]:.2f} s")
    diverged_at = -1
    for count in logs.counted(range(updates), updates, "update"):
        windows, key_guess = draw(seed, jnp.array(count))
        due = [s for s, wanted in spec.updates.items() if len(timed[s].seconds) < -(-wanted * (count + 1) // updates)]
        gradient = None
        for solver in due:
            seconds, ((_, terms), found) = _clock(evaluations[solver], model, windows, key_guess)
            timed[solver].seconds.append(seconds)
            timed[solver].iterations.append(float(np.mean(terms.report.iterations)))
            timed[solver].converged.append(float(np.mean(terms.report.converged)))
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
    with lock.held(args.output):
        device = prepare(args.spec.run.compute, args.spec.run.precision, keep_compiled=False, alone=True)
        with provenance.record("benchmark_runtime", args, outputs=["output"]) as record:
            record.update(numerics())
            result = benchmark(args.spec, store.load(args.dataset)).assign_attrs(device=device)
            record.diverged(list(args.spec.run.seeds) if int(result["diverged_at"]) >= 0 else [])
            store.save(args.output, result, record.document())


if __name__ == "__main__":
    run(main)
