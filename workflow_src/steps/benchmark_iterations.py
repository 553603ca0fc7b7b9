"""Newton iterations of forward passes of trained models, over forcing strengths and initial guesses (Fig. 1B, App.
H.1)."""

from collections.abc import Sequence
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from workflow_src import lock, logs, provenance, store
from workflow_src.errors import UserError
from workflow_src.forcing import teacher_signal
from workflow_src.models import checkpoint
from workflow_src.models.base import AbstractForcedModel, AbstractModel
from workflow_src.solvers import Report
from workflow_src.specs.benchmark import IterationsSpec
from workflow_src.steps.arguments import arguments, run
from workflow_src.steps.device import numerics, prepare
from workflow_src.training.batches import random_windows
from workflow_src.training.forward import initial_guess, solve_forced


def count_iterations(
    spec: IterationsSpec, models: AbstractModel, history: xr.Dataset, dataset: xr.Dataset
) -> xr.Dataset:
    """Iterations until the step test passes, or the cap, of the models of a pack on windows of test data.

    The passes take the models of the pack in turn, and draw a window each: with as many passes as seeds they are
    independent draws of training and window, given the data. Models, windows and random guesses are the same for every
    forcing strength. `diverged_at` tells the passes of models whose training diverged.
    """
    wanted, training = spec.benchmark, spec.run.training
    turns = np.arange(wanted.passes) % len(spec.run.seeds)
    model, chosen = (
        jax.tree.map(lambda leaf, which=which: leaf[which] if eqx.is_array(leaf) else leaf, models)
        for which in (0, turns)
    )
    if not isinstance(model, AbstractForcedModel):
        raise UserError(f"experiments.{wanted.experiment}.models: {spec.run.model} is not forced; leave it out")
    key_windows, key_guess = jax.random.split(jax.random.key(0))
    test = jnp.asarray(dataset["test"].transpose("test_step", "component").values, jnp.result_type(float))
    windows = random_windows(test, wanted.sequence_length, wanted.passes, key=key_windows)
    keys = jax.random.split(key_guess, wanted.passes)

    @eqx.filter_jit
    def starts(chosen: AbstractModel, guess: str) -> Float[Array, "passes steps M"]:
        def one(model: AbstractForcedModel, x: Float[Array, "T N"], key: Array) -> Float[Array, "steps M"]:
            return initial_guess(guess, teacher_signal(model, x)[1:], key=key)

        return eqx.filter_vmap(one)(chosen, windows, keys)

    # The costly program is the same for all guesses.
    @eqx.filter_jit
    def passes(chosen: AbstractModel, alpha: Float[Array, ""], start: Float[Array, "passes steps M"]) -> Report:
        def one(model: AbstractForcedModel, x: Float[Array, "T N"], start: Float[Array, "steps M"]) -> Report:
            return solve_forced(
                model,
                teacher_signal(model, x),
                alpha,
                start,
                solver="deer",
                tolerance=training.tolerance,
                max_iterations=training.max_iterations,
            ).report

        return eqx.filter_vmap(one)(chosen, windows, start)

    alphas = jnp.asarray(wanted.forcing_strengths, jnp.result_type(float))
    guessed = [starts(chosen, guess) for guess in wanted.guesses]
    each = logs.counted(alphas, len(alphas), "forcing strength")
    reports = [[passes(chosen, alpha, start) for start in guessed] for alpha in each]

    def array(field: str) -> tuple[tuple[str, ...], np.ndarray]:
        values = np.array([[np.asarray(getattr(report, field)) for report in row] for row in reports])
        return ("forcing_strength", "guess", "forward_pass"), values

    return xr.Dataset(
        {
            "iterations": array("iterations"),
            "converged": (array("converged")[0], array("converged")[1].astype(np.int8)),
            "benchmark_residual": array("residual"),
            "pass_seed": ("forward_pass", np.asarray(spec.run.seeds)[turns]),
            "diverged_at": ("forward_pass", history["diverged_at"].sel(seed=list(spec.run.seeds)).to_numpy()[turns]),
            "latent_dim": ((), model.latent_dim),
        },
        coords={
            "forcing_strength": list(wanted.forcing_strengths),
            "guess": list(wanted.guesses),
            "forward_pass": np.arange(wanted.passes),
        },
        attrs={
            "title": f"Newton iterations of {spec.run.model}",
            "obs_dim": model.obs_dim,
            "max_iterations": training.max_iterations,
            "sequence_length_of_passes": wanted.sequence_length,
        },
    )


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(__doc__, spec=IterationsSpec, dataset=Path, model=Path, history=Path, output=Path).parse(argv)
    with lock.held(args.output):
        prepare(args.spec.run.compute, args.spec.run.precision)
        with provenance.record("benchmark_iterations", args, outputs=["output"]) as record:
            record.update(numerics())
            models, history, dataset = checkpoint.load(args.model), store.load(args.history), store.load(args.dataset)
            result = count_iterations(args.spec, models, history, dataset)
            store.save(args.output, result, record.document())


if __name__ == "__main__":
    run(main)
