"""Evaluate a trained pack on the test orbit (App. G): D_stsp, forecast RMSE, Lyapunov exponents, example orbits.

Beyond the paper: the distance of power spectra, forecast errors by lead, and the exponent of the true system.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from workflow_src import lock, provenance, store
from workflow_src.forcing import forced_step, teacher_signal
from workflow_src.generation import free_step, generate, tangent_growth, warm_up
from workflow_src.logs import counted
from workflow_src.metrics.delay_embedding import embed
from workflow_src.metrics.forecast_rmse import forecast_rmse, forecast_rmse_by_lead
from workflow_src.metrics.lyapunov import contraction_bound, lyapunov_exponent
from workflow_src.metrics.power_spectrum import spectral_density, spectrum_distance
from workflow_src.metrics.state_space_divergence import Divergence, state_space_divergence
from workflow_src.models import checkpoint
from workflow_src.models.base import AbstractForcedModel, AbstractModel
from workflow_src.specs.evaluation import Embedding, EvaluationSpec
from workflow_src.specs.run import RunSpec
from workflow_src.steps.arguments import arguments, run
from workflow_src.steps.device import numerics, prepare
from workflow_src.systems import SYSTEMS
from workflow_src.systems.exponent import largest_exponent


class Forcing(NamedTuple):
    """Strength of the warm-up and of the steps behind it; after adaptive trainings one per seed."""

    warmup: float | Float[Array, "..."]
    later: float | Float[Array, "..."]

    def of_seed(self, index: int) -> "Forcing":
        return Forcing(*(one[index] if isinstance(one, jax.Array) else one for one in self))


def evaluate(
    spec: EvaluationSpec,
    trained: RunSpec,
    models: AbstractModel,
    diverged_at: Sequence[int],
    dataset: xr.Dataset,
    *,
    forcing_strength: Float[np.ndarray, " seeds"] | None = None,
) -> xr.Dataset:
    """All measures of a pack, one entry per seed.

    Args:
        trained: the specification of the training.
        models: stacked over its seeds.
        diverged_at: update at which each run diverged in training, -1 for a sound one. A diverged run has no measures.
        dataset: the simulated data.
        forcing_strength: that of each seed's last update under an adaptive schedule; None is the specification's.
    """
    data = _orbits(dataset)
    test = data["test"]
    forcing = _forcing(trained, forcing_strength)
    windows = _windows(spec, len(test))
    histories = jnp.asarray(np.stack([test[start - spec.warmup_steps : start] for start in windows]), _dtype())

    @eqx.filter_jit
    @eqx.filter_vmap(in_axes=(eqx.if_array(0), None, eqx.if_array(0)))
    def run_freely(
        model: AbstractModel, histories: Float[Array, "W T N"], alpha: float | Float[Array, ""]
    ) -> tuple[Array, Array]:
        """The long orbit from the first history and the short forecasts from all."""
        states = jax.vmap(lambda history: warm_up(model, history, alpha))(histories)
        orbit = generate(model, jax.tree.map(lambda leaf: leaf[0], states), spec.generated_steps)
        return orbit, jax.vmap(lambda state: generate(model, state, spec.lead_steps))(states)

    orbits, forecasts = jax.tree.map(np.asarray, run_freely(models, histories, forcing.warmup))
    truth = np.stack([test[start : start + spec.lead_steps] for start in windows])
    seeds = [
        _measure(spec, forcing.of_seed(i), _unstack(models, i), orbits[i], forecasts[i], truth, data, diverged=at >= 0)
        for i, at in counted(enumerate(diverged_at), len(diverged_at), "run")
    ]
    held = np.repeat(np.asarray(histories, float)[:, -1:], spec.lead_steps, axis=1)
    # Of the models' length where there is so much: a shorter orbit has visited less and diverges more.
    second = data["train_clean"][: spec.generated_steps]
    floor = [_divergence(spec, index, test, second) for index in range(len(spec.embeddings))]
    first, shown = int(windows[0]), spec.forecast_steps
    along = {"forecast_rmse_by_lead": ("seed", "lead"), "generated_spectrum": ("seed", "frequency")}
    fields = {
        name: (along.get(name, ("seed",)), np.array([seed[name] for seed in seeds]))
        for name in seeds[0]
        if name != "divergence"
    }
    divergence = np.array([[(d.value, d.error) for d in seed["divergence"]] for seed in seeds])
    return xr.Dataset(
        fields
        | {
            "state_space_divergence": (("seed", "embedding"), divergence[..., 0]),
            "state_space_divergence_error": (("seed", "embedding"), divergence[..., 1]),
            "state_space_divergence_floor": ("embedding", np.array([d.value for d in floor])),
            "state_space_divergence_floor_error": ("embedding", np.array([d.error for d in floor])),
            "forecast_rmse_floor": ((), forecast_rmse(truth[:, :shown], held[:, :shown])),
            "forecast_rmse_by_lead_floor": ("lead", forecast_rmse_by_lead(truth, held)),
            "spectrum_distance_floor": ((), spectrum_distance(test, second, smoothing=spec.spectrum_smoothing)),
            "truth_spectrum": ("frequency", _spectrum(spec, test)),
            "lyapunov_exponent_truth": ((), _true_exponent(spec, dataset)),
            "truth_example": (("example_step", "component"), test[first : first + spec.example_steps]),
            "generated_example": (("seed", "example_step", "component"), orbits[:, : spec.example_steps]),
            "parameter_count": ((), _unstack(models, 0).parameter_count()),
        },
        coords={
            "seed": list(trained.seeds),
            "embedding": [embedding.label for embedding in spec.embeddings],
            "lead": np.arange(1, spec.lead_steps + 1),
            "frequency": _frequencies(spec),
            "example_step": np.arange(spec.example_steps),
            "component": dataset["component"].values,
        },
        attrs={"title": f"Measures of {trained.model} in {trained.experiment}", "forecast_steps": spec.forecast_steps},
    )


def _forcing(trained: RunSpec, last: Float[np.ndarray, " seeds"] | None) -> Forcing:
    # ASSUME: a history is warmed up as the warm-up of training is, also where that has a strength of its own.
    later = trained.training.forcing_strength if last is None else jnp.asarray(last, _dtype())
    warming = trained.training.warmup_forcing_strength
    return Forcing(later if warming is None else warming, later)


def _measure(
    spec: EvaluationSpec,
    forcing: Forcing,
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
            "forecast_rmse_by_lead": np.full(spec.lead_steps, np.nan),
            "spectrum_distance": np.nan,
            "generated_spectrum": np.full_like(_frequencies(spec), np.nan, np.float32),
            "lyapunov_exponent": np.nan,
            "lyapunov_exponent_forced": np.nan,
            "forced_contraction_bound": np.nan,
            "status": np.int8(store.STATUS["diverged_in_training"]),
        }
    history = jnp.asarray(data["test"][: spec.warmup_steps], _dtype())
    following = jnp.asarray(data["test"][spec.warmup_steps :][: spec.lyapunov_steps], _dtype())
    escaped, shown = not np.isfinite(orbit).all(), spec.forecast_steps
    return {
        "divergence": [_divergence(spec, i, data["test"], orbit) for i in range(len(spec.embeddings))],
        "forecast_rmse": forecast_rmse(truth[:, :shown], forecasts[:, :shown].astype(float)),
        "forecast_rmse_by_lead": forecast_rmse_by_lead(truth, forecasts.astype(float)),
        "spectrum_distance": spectrum_distance(data["test"], orbit, smoothing=spec.spectrum_smoothing),
        "generated_spectrum": _spectrum(spec, orbit[: len(data["test"])]),
        "status": np.int8(store.STATUS["diverged_in_generation" if escaped else "ok"]),
        **_exponents(spec, forcing, model, history, following),
    }


def _exponents(
    spec: EvaluationSpec,
    forcing: Forcing,
    model: AbstractModel,
    history: Float[Array, "T N"],
    following: Float[Array, "steps N"],
) -> dict[str, float]:
    """Largest exponents per step of the free map and, for forced models, of the forced one with Prop. 1's bound."""
    steps = spec.lyapunov_steps
    if not isinstance(model, AbstractForcedModel):
        return {
            "lyapunov_exponent": float(np.mean(np.asarray(_growth(model, history, steps), float))),
            "lyapunov_exponent_forced": np.nan,
            "forced_contraction_bound": np.nan,
        }
    free, forced, unforced = jax.tree.map(np.asarray, _jacobians(model, history, following, forcing, steps))
    bound = np.nan
    if model.latent_dim <= model.obs_dim and np.isfinite(unforced).all():
        bound = contraction_bound(float(np.linalg.norm(unforced, 2, axis=(1, 2)).max()), float(forcing.later))
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
    forcing: Forcing,
    steps: int,
) -> tuple[Float[Array, "steps M M"], Float[Array, "following M M"], Float[Array, "following M M"]]:
    """Jacobians along the free orbit and along the forced one after the warm-up: J, J~, and J at the forced states."""
    state, teacher = warm_up(model, history, forcing.warmup), teacher_signal(model, following)
    _, free = jax.lax.scan(lambda z, _: (model.step(z), z), state, length=steps)
    step = forced_step(model, forcing.later)
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


def _frequencies(spec: EvaluationSpec) -> Float[np.ndarray, " F"]:
    """As many as a smoothed spectrum takes to be drawn: one per standard deviation of the Gaussian."""
    return np.arange(int(0.5 / spec.spectrum_smoothing) + 1) * spec.spectrum_smoothing


def _spectrum(spec: EvaluationSpec, orbit: Float[np.ndarray, "T N"]) -> Float[np.ndarray, " F"]:
    """Of the first component, for figures."""
    density = spectral_density(orbit[:, :1], spec.spectrum_smoothing, _frequencies(spec))
    return density[:, 0].astype(np.float32)


def _true_exponent(spec: EvaluationSpec, dataset: xr.Dataset) -> float:
    """Of the system behind the test orbit, as its tangent map grows along it; per step, as the models' are."""
    time_step = float(dataset.attrs["time_step"])
    return largest_exponent(
        SYSTEMS[dataset.attrs["system"]],
        json.loads(dataset.attrs["parameters"]),
        tuple(json.loads(dataset.attrs["test_initial_state"])),
        time_step,
        int(dataset.attrs["substeps"]),
        round(float(dataset["test_time"][0]) / time_step),
        spec.lyapunov_steps,
    )


def _windows(spec: EvaluationSpec, steps: int) -> np.ndarray:
    """First forecast steps of the windows, evenly spread over the test trajectory."""
    last = steps - spec.followed_steps
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
    with lock.held(args.output):
        # Whatever the model was trained on: long orbits of single models wait for each step, and D_stsp is NumPy.
        prepare("cpu", trained.precision)
        with provenance.record("evaluate", args, outputs=["output"]) as record:
            record.update(numerics())
            record.update({"preset": trained.preset, "seeds": list(trained.seeds)})
            models = checkpoint.load(args.model)
            history = store.load(args.history)
            diverged_at = history["diverged_at"].values.tolist()
            last = history["forcing_strength"].values[:, -1] if trained.is_forced_adaptively else None
            measures = evaluate(
                args.evaluation, trained, models, diverged_at, store.load(args.dataset), forcing_strength=last
            )
            record.diverged(measures["seed"].values[measures["status"].values != store.STATUS["ok"]].tolist())
            store.save(args.output, measures, record.document())


if __name__ == "__main__":
    run(main)
