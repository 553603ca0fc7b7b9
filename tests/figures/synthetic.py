"""Aggregated arrays as the workflow makes them, with values whose summaries are known."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

STEPS, BINS, SLOW = 1500, 40, 500
LEADS, FREQUENCIES = 60, 400


def experiment(
    models: Sequence[str] = ("shplrnn",),
    lengths: Sequence[int] = (128, 512, 2048, 8192),
    seeds: int = 10,
    *,
    level: Mapping[str, float] | None = None,
    slope: float = 0.0,
    diverged: Mapping[tuple[str, int], Sequence[int]] | None = None,
    embeddings: Sequence[str] = ("m2_tau500", "m1_tau1"),
    components: Sequence[str] = ("x1", "x2", "x3", "x4", "x5"),
    bursts: bool = False,
    bounded: bool = True,
    floor: float = 0.16,
    seed: int = 0,
) -> xr.Dataset:
    """aggregate/{experiment}.nc.

    Args:
        models: names; `level` gives the median divergence of each (default 1), which falls as T**-slope.
        lengths: sequence lengths.
        seeds: runs per point.
        level: see models.
        slope: see models.
        diverged: the seeds that diverged per (model, length); half of them in training (NaN), half in generation (inf).
        embeddings: labels; the first is the one that is shown.
        components: names.
        bursts: example orbits burst instead of oscillating.
        bounded: Prop. 1 bounds the forced exponents, as for M <= N.
        floor: divergence of two true orbits.
        seed: of the noise.
    """
    rng = np.random.default_rng(seed)
    grid = (len(models), len(lengths), seeds)
    divergence = np.empty((*grid, len(embeddings)))
    for i, model in enumerate(models):
        for j, length in enumerate(lengths):
            middle = (level or {}).get(model, 1.0) * (length / lengths[0]) ** -slope
            divergence[i, j] = middle * np.exp(0.25 * rng.standard_normal((seeds, 1))) + 0.5 * floor
    rmse = 0.08 + 0.02 * rng.random(grid)
    status = np.zeros(grid, np.int8)
    diverged_at = np.full(grid, -1)
    updates = np.linspace(0, 10_000, BINS + 1)[1:].astype(int)
    decay = np.exp(-updates / 2500)
    loss = (1e-4 + 0.5 * decay) * np.exp(0.3 * rng.standard_normal((*grid, BINS)))
    iterations = 6 + 0.5 * rng.random((*grid, BINS))
    for i, model in enumerate(models):
        if "quasi" in model:
            loss[i] *= 8
            iterations[i] = 35 + 8 * rng.random((*grid[1:], BINS))
    step = np.arange(STEPS)
    truth = _orbit(step, 0.0, bursts, len(components))
    generated = np.empty((*grid, STEPS, len(components)))
    for index in np.ndindex(*grid):
        generated[index] = _orbit(step, rng.random() * 6, bursts, len(components))
    for (model, length), lost in (diverged or {}).items():
        for order, run in enumerate(lost):
            index = (list(models).index(model), list(lengths).index(length), run)
            bad = np.nan if order % 2 == 0 else np.inf
            divergence[index], rmse[index], status[index] = bad, bad, 1 + order % 2
            generated[index][STEPS // 3 :] = bad
            if order % 2 == 0:
                diverged_at[index] = updates[BINS // 2 + order]
                loss[index][BINS // 2 + order :] = np.nan
                iterations[index][BINS // 2 + order :] = np.nan
    by_run = ("model", "sequence_length", "seed")
    lead, frequency = np.arange(1, LEADS + 1), np.linspace(0, 0.5, FREQUENCIES)
    lines = sum(np.exp(-(((frequency - line) / 0.004) ** 2)) for line in (1 / SLOW, 1 / 35, 2 / 35, 1 / 13.7))
    spectrum = 20 * (lines + 1e-5 / (1e-3 + frequency))
    wall_time = np.array(lengths)[None, :, None] / 100 * (1 + 0.05 * rng.random(grid))
    return xr.Dataset(
        {
            "state_space_divergence": ((*by_run, "embedding"), divergence),
            "state_space_divergence_error": ((*by_run, "embedding"), 0.02 * divergence),
            "state_space_divergence_floor": (("embedding",), np.full(len(embeddings), floor)),
            "state_space_divergence_floor_error": (("embedding",), np.full(len(embeddings), 0.05 * floor)),
            "forecast_rmse_by_lead": ((*by_run, "lead"), rmse[..., None] * np.minimum(np.exp(lead / 20), 15)),
            "forecast_rmse_by_lead_floor": ("lead", np.minimum(0.05 * lead, 1.4)),
            "spectrum_distance": (by_run, np.where(np.isfinite(rmse), 1 - np.exp(-0.2 * divergence[..., 0]), np.nan)),
            "spectrum_distance_floor": ((), 0.05),
            "truth_spectrum": ("frequency", spectrum),
            "generated_spectrum": ((*by_run, "frequency"), spectrum * np.exp(0.2 * rng.random((*grid, FREQUENCIES)))),
            "lyapunov_exponent_truth": ((), 0.009),
            "wall_time": (by_run, wall_time),
            "elapsed_time": ((*by_run, "update"), wall_time[..., None] * updates / updates[-1]),
            "compilation_time": (by_run, np.full(grid, 7.0)),
            "lyapunov_exponent": (by_run, np.full(grid, 0.009) + 1e-4 * np.arange(seeds)),
            "lyapunov_exponent_forced": (by_run, np.full(grid, -0.2) + 1e-3 * np.arange(seeds)),
            "forced_contraction_bound": (by_run, np.full(grid, -0.1 if bounded else np.nan)),
            "forecast_rmse": (by_run, rmse),
            "forecast_rmse_floor": ((), 0.6),
            "status": (by_run, status),
            "diverged_at": (by_run, diverged_at),
            "finished_updates": (by_run, np.where(diverged_at < 0, 10_000, diverged_at)),
            "unconverged_updates": (by_run, np.full(grid, 100)),
            "loss": ((*by_run, "update"), loss),
            "newton_iterations": ((*by_run, "update"), iterations),
            "converged_fraction": ((*by_run, "update"), np.ones_like(loss)),
            "truth_example": (("example_step", "component"), truth),
            "generated_example": ((*by_run, "example_step", "component"), generated),
            "parameter_count": (("model",), np.arange(len(models)) * 100 + 4000),
            "mar_strength": (("model",), 10.0 ** -np.arange(len(models))),
            "batch_size": (("sequence_length",), 32768 // np.array(lengths)),
            "warmup": (("sequence_length",), np.array(lengths) // 4),
        },
        coords={
            "model": list(models),
            "sequence_length": list(lengths),
            "seed": np.arange(seeds),
            "embedding": list(embeddings),
            "update": updates,
            "example_step": step,
            "lead": lead,
            "frequency": frequency,
            "component": list(components),
        },
        attrs={
            "experiment": "synthetic",
            "dataset": "synthetic",
            "time_step": 0.05,
            "forecast_steps": 20,
            "obs_dim": len(components),
        },
    )


def runtime(
    sizes: Sequence[int] = (3, 8, 16, 32, 64), lengths: Sequence[int] = tuple(2**k for k in range(7, 21))
) -> xr.Dataset:
    """benchmark/{benchmark}.nc of kind runtime: linear sequential times, flat then linear parallel ones."""
    rng = np.random.default_rng(1)
    samples = 100
    times = np.full((len(sizes), len(lengths), 2, samples), np.nan)
    for i, size in enumerate(sizes):
        for j, length in enumerate(lengths):
            sequential = 2e-5 * length * (1 + size / 500)
            parallel = 2e-3 + 4e-10 * length * size**1.6 + 2e-4 * np.log2(length)
            times[i, j, 0, :20] = sequential * np.exp(0.03 * rng.standard_normal(20))
            times[i, j, 1] = parallel * np.exp(0.1 * rng.standard_normal(samples))
            if length * size**2 > 2**30:
                times[i, j] = np.nan
    return xr.Dataset(
        {
            "update_time": (("model", "sequence_length", "solver", "sample"), times),
            "converged_fraction": (
                ("model", "sequence_length", "solver", "sample"),
                np.where(np.isfinite(times), 1.0, np.nan),
            ),
            "diverged_at": (("model", "sequence_length"), np.full((len(sizes), len(lengths)), -1)),
            "latent_dim": (("model",), list(sizes)),
            "hidden_dim": (("model",), [50] * len(sizes)),
        },
        coords={
            "model": [f"shplrnn_m{size}" for size in sizes],
            "sequence_length": list(lengths),
            "solver": ["sequential", "deer"],
            "sample": np.arange(samples),
        },
        attrs={"device": "synthetic"},
    )


def iterations(
    sizes: Sequence[int] = (3, 5, 10, 20, 50),
    strengths: Sequence[float] = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0),
    passes: int = 100,
) -> xr.Dataset:
    """benchmark/{benchmark}.nc of kind iterations: fewer iterations the stronger the forcing, capped at 100."""
    rng = np.random.default_rng(2)
    cap = 100
    guesses = ("zero", "normal", "pseudo_inverse")
    counts = np.empty((len(sizes), len(strengths), len(guesses), passes))
    for i, size in enumerate(sizes):
        for j, strength in enumerate(strengths):
            for k, gain in enumerate((1.6, 1.9, 1.0 if size <= 3 else 1.5)):
                middle = (2 if size <= 3 else 3.5) + gain * 4 * np.exp(-4 * strength) + 150 * np.exp(-40 * strength)
                counts[i, j, k] = np.round(middle * np.exp(0.12 * rng.standard_normal(passes)))
    dims = ("model", "forcing_strength", "guess", "forward_pass")
    return xr.Dataset(
        {
            "iterations": (dims, np.clip(counts, 2, cap)),
            "converged": (dims, (counts < cap).astype(np.int8)),
            "benchmark_residual": (dims, np.where(counts < cap, 1e-6, 1.0)),
            "pass_seed": (("model", "forward_pass"), np.tile(np.arange(passes), (len(sizes), 1))),
            "diverged_at": (("model", "forward_pass"), np.full((len(sizes), passes), -1)),
            "latent_dim": (("model",), list(sizes)),
        },
        coords={
            "model": [f"shplrnn_m{size}" for size in sizes],
            "forcing_strength": list(strengths),
            "guess": list(guesses),
            "forward_pass": np.arange(passes),
        },
        attrs={"obs_dim": 3, "max_iterations": cap},
    )


def simulated_lorenz96(periods: int = 4) -> xr.Dataset:
    """simulate/{dataset}.nc of a forced Lorenz-96 system: regular waves, irregular ones at strong forcing."""
    steps = np.arange(periods * SLOW)
    force = 5 + 4 * np.sin(2 * np.pi * steps / SLOW)
    return xr.Dataset(
        {
            "train": (("train_step", "component"), _orbit(steps, 1.0, False, 5)),
            "test": (("test_step", "component"), _orbit(steps, 0.0, False, 5)),
            "test_forcing": (("test_step",), force),
            "test_octant_exponent": ("forcing_octant", np.array([-0.1, 0.2, 0.4, 0.3, -0.2, -0.3, -0.2, -0.1])),
        },
        coords={
            "train_step": steps,
            "test_step": steps,
            "test_time": ("test_step", steps * 0.05),
            "component": [f"x{k}" for k in range(1, 6)],
            "forcing_octant": np.arange(1, 9),
        },
        attrs={
            "system": "lorenz96",
            "time_step": 0.05,
            "parameters": json.dumps(
                {"dimension": 5, "forcing_offset": 5.0, "forcing_amplitude": 4.0, "forcing_period": SLOW * 0.05}
            ),
        },
    )


def simulated_bursting() -> xr.Dataset:
    """simulate/{dataset}.nc of a bursting neuron, with a few of its parameters."""
    steps = np.arange(100)
    return xr.Dataset(
        {"test": (("test_step", "component"), _orbit(steps, 0.0, True, 2))},
        coords={"test_step": steps, "component": ["v", "n"]},
        attrs={
            "system": "bursting_neuron",
            "time_step": 0.05,
            "parameters": json.dumps({"i": 0.0, "c_m": 6.0, "g_nmda": 10.2, "tau_h": 200.0, "v_hna": -20.0}),
        },
    )


def _orbit(step: np.ndarray, phase: float, bursts: bool, components: int) -> np.ndarray:
    slow = 2 * np.pi * step / SLOW + phase
    if bursts:
        spikes = np.where(
            np.sin(slow) > 0, np.maximum(np.sin(2 * np.pi * step / 22), -0.3) + 0.6, -1.1 - 0.1 * np.cos(slow)
        )
        return np.stack([spikes * (1 - 0.2 * k) for k in range(components)], axis=1)
    waves = [np.sin(2 * np.pi * step / 35 + k) * (1 + 0.6 * np.sin(slow)) for k in range(components)]
    wobble = [np.sin(2 * np.pi * step / 13.7 + 2 * k) * np.maximum(np.sin(slow), 0) for k in range(components)]
    return np.stack(waves, axis=1) + np.stack(wobble, axis=1)
