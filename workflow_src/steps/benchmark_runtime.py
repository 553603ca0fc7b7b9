"""Time of one loss and gradient evaluation, the solvers side by side, measured during training (Fig. 1A, App. H.1).

The solver with the most updates trains the model and each of its evaluations is timed. The others are timed in
between, on the same model and the same data, spread evenly over the training, so that all see the same machine.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from workflow_src import logs, provenance, store
from workflow_src.models import build
from workflow_src.specs.benchmark import RuntimeSpec
from workflow_src.specs.run import RunSpec
from workflow_src.steps.arguments import arguments, run
from workflow_src.steps.device import prepare
from workflow_src.training import loop
from workflow_src.training.batches import random_windows
from workflow_src.training.loss import loss_and_gradient


def benchmark(spec: RuntimeSpec, dataset: xr.Dataset) -> xr.Dataset:
    """Seconds per evaluation, and Newton iterations, of each solver and sample."""
    trajectory = jnp.asarray(dataset["train"].transpose("train_step", "component").values, jnp.result_type(float))
    runs = {solver: _with_solver(spec.run, solver) for solver in spec.updates}
    trainer, updates = max(spec.updates.items(), key=lambda wanted: wanted[1])
    key_init, key_batches = loop.run_keys(spec.run.seeds[0])
    model = build(spec.run.architecture, spec.run.obs_dim, key=key_init)
    optimizer = loop.optimizer_of(spec.run.training.model_copy(update={"updates": updates}))
    memory = optimizer.init(eqx.filter(model, eqx.is_inexact_array))
    cap = jnp.array(spec.run.training.max_iterations)

    def evaluate(one: RunSpec):
        return eqx.filter_jit(lambda model, windows, key: loss_and_gradient(model, windows, one, cap, key))

    @eqx.filter_jit
    def step(model, memory, gradient):
        change, memory = optimizer.update(gradient, memory, None)
        return eqx.apply_updates(model, change), memory

    draw = eqx.filter_jit(
        lambda key: random_windows(trajectory, spec.run.sequence_length, spec.run.batch_size, key=key)
    )
    evaluations = {solver: evaluate(one) for solver, one in runs.items()}
    times: dict[str, list[float]] = {solver: [] for solver in runs}
    iterations: dict[str, list[float]] = {solver: [] for solver in runs}
    compile_time = {}
    windows = draw(key_batches)
    for solver, evaluation in evaluations.items():
        compile_time[solver], _ = _timed(evaluation, model, windows, key_batches)
        logs.say(f"{solver}: first call {compile_time[solver]:.2f} s")
    for count in range(updates):
        key_windows, key_guess = jax.random.split(jax.random.fold_in(key_batches, count))
        windows = draw(key_windows)
        due = [s for s, wanted in spec.updates.items() if len(times[s]) < -(-wanted * (count + 1) // updates)]
        gradient = None
        for solver in due:
            seconds, ((_, terms), found) = _timed(evaluations[solver], model, windows, key_guess)
            times[solver].append(seconds)
            iterations[solver].append(float(jnp.mean(terms.report.iterations)))
            gradient = found if solver == trainer else gradient
        model, memory = step(model, memory, gradient)
    samples = max(spec.updates.values())
    return xr.Dataset(
        {
            "update_time": (("solver", "sample"), _padded(times, samples)),
            "newton_iterations": (("solver", "sample"), _padded(iterations, samples)),
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


def _timed(function, *args):
    began = time.perf_counter()
    result = jax.block_until_ready(function(*args))
    return time.perf_counter() - began, result


def _padded(values: dict[str, list[float]], samples: int) -> np.ndarray:
    return np.array([row + [np.nan] * (samples - len(row)) for row in values.values()])


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(__doc__, spec=RuntimeSpec, dataset=Path, output=Path).parse(argv)
    device = prepare(args.spec.run.compute, args.spec.run.precision)
    with provenance.record("benchmark_runtime", args) as record:
        record["device"] = device
        result = benchmark(args.spec, store.load(args.dataset)).assign_attrs(device=device)
        store.save(args.output, result, record)


if __name__ == "__main__":
    run(main)
