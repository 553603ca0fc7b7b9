"""Evaluate a trained pack on the test orbit: D_stsp, forecast RMSE, Lyapunov exponents, example orbits (App. G)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from workflow_src import provenance, store
from workflow_src.forcing import forced_step, teacher_signal
from workflow_src.generation import free_step, generate, tangent_growth, warm_up
from workflow_src.logs import counted
from workflow_src.metrics.delay_embedding import embed
from workflow_src.metrics.forecast_rmse import forecast_rmse
from workflow_src.metrics.lyapunov import contraction_bound, lyapunov_exponent
from workflow_src.metrics.state_space_divergence import Divergence, state_space_divergence
from workflow_src.models import checkpoint
from workflow_src.models.base import AbstractForcedModel, AbstractModel
from workflow_src.specs.evaluation import Embedding, EvaluationSpec
from workflow_src.specs.run import RunSpec
from workflow_src.steps.arguments import arguments, run
from workflow_src.steps.device import numerics, prepare


def evaluate(
    spec: EvaluationSpec, trained: RunSpec, models: AbstractModel, diverged_at: Sequence[int], dataset: xr.Dataset
) -> xr.Dataset:
    """All measures of a pack, one entry per seed.

    Args:
        trained: the specification of the training.
        models: stacked over its seeds.
        diverged_at: update at which each run diverged in training, -1 for a sound one. A diverged run has no measures.
        dataset: the simulated data.
    """
    data = _orbits(dataset)
    test = data["test"]
    alpha = trained.training.forcing_strength
    windows = _windows(spec, len(test))
    histories = jnp.asarray(np.stack([test[start - spec.warmup_steps : start] for start in windows]), _dtype())

    @eqx.filter_jit
    @eqx.filter_vmap(in_axes=(eqx.if_array(0), None))
    def run_freely(model: AbstractModel, histories: Float[Array, "W T N"]) -> tuple[Array, Array]:
        """The long orbit from the first history and the short forecasts from all."""
        states = jax.vmap(lambda history: warm_up(model, history, alpha))(histories)
        orbit = generate(model, jax.tree.map(lambda leaf: leaf[0], states), spec.generated_steps)
        return orbit, jax.vmap(lambda state: generate(model, state, spec.forecast_steps))(states)

    orbits, forecasts = jax.tree.map(np.asarray, run_freely(models, histories))
    truth = np.stack([test[start : start + spec.forecast_steps] for start in windows])
    seeds = [
        _measure(spec, trained, _unstack(models, i), orbits[i], forecasts[i], truth, data, diverged=at >= 0)
        for i, at in counted(enumerate(diverged_at), len(diverged_at), "run")
    ]
    held = np.repeat(np.asarray(histories, float)[:, -1:], spec.forecast_steps, axis=1)
    # Of the models' length where there is so much: a shorter orbit has visited less and diverges more.
    second = data["train_clean"][: spec.generated_steps]
    floor = [_divergence(spec, index, test, second) for index in range(len(spec.embeddings))]
    first = int(windows[0])
    fields = {name: ("seed", np.array([seed[name] for seed in seeds])) for name in seeds[0] if name != "divergence"}
    divergence = np.array([[(d.value, d.error) for d in seed["divergence"]] for seed in seeds])
    return xr.Dataset(
        fields
        | {
            "state_space_divergence": (("seed", "embedding"), divergence[..., 0]),
            "state_space_divergence_error": (("seed", "embedding"), divergence[..., 1]),
            "state_space_divergence_floor": ("embedding", np.array([d.value for d in floor])),
            "state_space_divergence_floor_error": ("embedding", np.array([d.error for d in floor])),
            "forecast_rmse_floor": ((), forecast_rmse(truth, held)),
            "truth_example": (("example_step", "component"), test[first : first + spec.example_steps]),
            "generated_example": (("seed", "example_step", "component"), orbits[:, : spec.example_steps]),
            "parameter_count": ((), _unstack(models, 0).parameter_count()),
        },
        coords={
            "seed": list(trained.seeds),
            "embedding": [embedding.label for embedding in spec.embeddings],
            "example_step": np.arange(spec.example_steps),
            "component": dataset["component"].values,
        },
        attrs={"title": f"Measures of {trained.model} in {trained.experiment}", "forecast_steps": spec.forecast_steps},
    )


def _measure(
    spec: EvaluationSpec,
    trained: RunSpec,
    model: AbstractModel,
    orbit: Float[np.ndarray, "generated N"],
    forecasts: Float[np.ndarray, "W n N"],
    truth: Float[np.ndarray, "W n N"],
    data: dict[str, np.ndarray],
    *,
    diverged: bool,
) -> dict[str, Any]:
    """The measures of one run; of one that diverged in training, their absence."""
    if diverged:
        nothing = [Divergence(np.nan, np.nan)] * len(spec.embeddings)
        return {
            "divergence": nothing,
            "forecast_rmse": np.nan,
            "lyapunov_exponent": np.nan,
            "lyapunov_exponent_forced": np.nan,
            "forced_contraction_bound": np.nan,
            "status": np.int8(store.STATUS["diverged_in_training"]),
        }
    history = jnp.asarray(data["test"][: spec.warmup_steps], _dtype())
    following = jnp.asarray(data["test"][spec.warmup_steps :][: spec.lyapunov_steps], _dtype())
    escaped = not np.isfinite(orbit).all()
    return {
        "divergence": [_divergence(spec, i, data["test"], orbit) for i in range(len(spec.embeddings))],
        "forecast_rmse": forecast_rmse(truth, forecasts.astype(float)),
        "status": np.int8(store.STATUS["diverged_in_generation" if escaped else "ok"]),
        **_exponents(spec, trained, model, history, following),
    }


def _exponents(
    spec: EvaluationSpec,
    trained: RunSpec,
    model: AbstractModel,
    history: Float[Array, "T N"],
    following: Float[Array, "steps N"],
) -> dict[str, float]:
    """Largest exponents per step of the free map and, for forced models, of the forced one with Prop. 1's bound."""
    alpha, steps = trained.training.forcing_strength, spec.lyapunov_steps
    if not isinstance(model, AbstractForcedModel):
        return {
            "lyapunov_exponent": float(np.mean(np.asarray(_growth(model, history, steps), float))),
            "lyapunov_exponent_forced": np.nan,
            "forced_contraction_bound": np.nan,
        }
    free, forced, unforced = jax.tree.map(np.asarray, _jacobians(model, history, following, alpha, steps))
    bound = np.nan
    if model.latent_dim <= model.obs_dim and np.isfinite(unforced).all():
        bound = contraction_bound(float(np.linalg.norm(unforced, 2, axis=(1, 2)).max()), alpha)
    return {
        "lyapunov_exponent": lyapunov_exponent(free.astype(float)),
        "lyapunov_exponent_forced": lyapunov_exponent(forced.astype(float)),
        "forced_contraction_bound": bound,
    }


@eqx.filter_jit
def _growth(model: AbstractModel, history: Float[Array, "T N"], steps: int) -> Float[Array, " steps"]:
    """Tangent growth of the free-running map of a driven model after its warm-up."""
    return tangent_growth(free_step(model), warm_up(model, history, 0.0), None, steps)


@eqx.filter_jit
def _jacobians(
    model: AbstractForcedModel,
    history: Float[Array, "T N"],
    following: Float[Array, "following N"],
    alpha: float,
    steps: int,
) -> tuple[Float[Array, "steps M M"], Float[Array, "following M M"], Float[Array, "following M M"]]:
    """Jacobians along the free orbit and along the forced one after the warm-up: J, J~, and J at the forced states."""
    state, teacher = warm_up(model, history, alpha), teacher_signal(model, following)
    _, free = jax.lax.scan(lambda z, _: (model.step(z), z), state, length=steps)
    step = forced_step(model, alpha)
    _, forced = jax.lax.scan(lambda z, signal: (step(z, signal), z), state, teacher)
    return (
        jax.vmap(model.jacobian)(free),
        jax.vmap(step.jacobian)(forced, teacher),
        jax.vmap(lambda z, signal: model.jacobian(step.force(z, signal)))(forced, teacher),
    )


def _divergence(
    spec: EvaluationSpec, index: int, truth: Float[np.ndarray, "T N"], orbit: Float[np.ndarray, "generated N"]
) -> Divergence:
    """D_stsp in the embedding of that index; all runs are judged on the same Monte-Carlo samples."""
    embedding: Embedding = spec.embeddings[index]
    return state_space_divergence(
        embed(truth, embedding.dimension, embedding.delay),
        embed(orbit.astype(float), embedding.dimension, embedding.delay),
        samples=spec.monte_carlo_samples,
        rng=np.random.default_rng(index),
    )


def _windows(spec: EvaluationSpec, steps: int) -> np.ndarray:
    """First forecast steps of the windows, evenly spread over the test trajectory."""
    last = steps - max(spec.forecast_steps, spec.example_steps)
    return np.unique(np.linspace(spec.warmup_steps, max(last, spec.warmup_steps), spec.forecast_windows).astype(int))


def _orbits(dataset: xr.Dataset) -> dict[str, np.ndarray]:
    return {
        name: dataset[name].transpose(f"{name.removesuffix('_clean')}_step", "component").values
        for name in ("test", "train_clean")
    }


def _unstack(models: AbstractModel, index: int) -> AbstractModel:
    # Indexed by NumPy: JAX would compile a program for the shape of each leaf.
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[index]) if eqx.is_array(leaf) else leaf, models)


def _dtype() -> Any:
    return jnp.result_type(float)


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(__doc__, evaluation=EvaluationSpec, dataset=Path, model=Path, history=Path, output=Path).parse(
        argv
    )
    trained = checkpoint.read_spec(args.model)
    prepare(trained.compute, trained.precision)
    with provenance.record("evaluate", args, outputs=["output"]) as record:
        record.update(numerics())
        record.update({"preset": trained.preset, "seeds": list(trained.seeds)})
        models = checkpoint.load(args.model)
        diverged_at = store.load(args.history)["diverged_at"].values.tolist()
        measures = evaluate(args.evaluation, trained, models, diverged_at, store.load(args.dataset))
        record.diverged(measures["seed"].values[measures["status"].values != store.STATUS["ok"]].tolist())
        store.save(args.output, measures, record.document())


if __name__ == "__main__":
    run(main)
