"""Arrays in which every finding of the paper holds, or its opposite: made from its words, not from the claims."""

import numpy as np
import xarray as xr

from tests.claims.synthetic import properties
from tests.figures import synthetic
from workflow_src.specs.claims import ClaimsSpec, RoleSpec

SEEDS = 24
LENGTHS = (64, 128, 256, 512, 1024)
TIMED = tuple(2**k for k in range(7, 17))
STRENGTHS = (0.0, 0.05, 0.2, 0.5, 1.0)
GUESSES = ("zero", "normal", "pseudo_inverse")
# Runs of one model that differ a little, and much.
NARROW, WIDE = np.linspace(0.97, 1.03, SEEDS), np.geomspace(0.4, 2.5, SEEDS)

BY_SOLVER = {"full": properties(latent_dim=10), "quasi": properties(latent_dim=10, solver="quasi_deer")}
CLASSES = {
    "lssm": properties("lssm"),
    "lssm_mar": properties("lssm", mar_strength=1e-3),
    "rank5": properties("low_rank_shplrnn", rank=5),
    "rank6": properties("low_rank_shplrnn", rank=6),
    "rank7": properties("low_rank_shplrnn", rank=7),
    "full": properties(),
    "mamba_small": properties("mamba2", latent_dim=None),
    "mamba_large": properties("mamba2", latent_dim=None),
}
SIZES = {"small": properties(latent_dim=3), "large": properties(latent_dim=64)}
ONE = {"model": properties()}
ROLES = {
    "figures.figure1.runtime": RoleSpec(obs_dim=3, models=SIZES),
    "figures.figure1.iterations": RoleSpec(obs_dim=3, models=SIZES),
    "figures.figure2.full": RoleSpec(obs_dim=3, models=BY_SOLVER),
    "figures.figure2.partial": RoleSpec(obs_dim=1, models=BY_SOLVER),
    **{f"figures.{name}": RoleSpec(obs_dim=5, models=ONE) for name in ("figure3.lorenz96", "figure3.bursting")},
    **{f"figures.{name}": RoleSpec(obs_dim=5, models=ONE) for name in ("figureA3.lorenz96", "figureA3.bursting")},
    "figures.figure3.comparison": RoleSpec(obs_dim=5, models=CLASSES),
    "tables.table4": RoleSpec(obs_dim=5, models={name: CLASSES[name] for name in ("lssm", "lssm_mar")}),
    "tables.table2.lorenz96_runtime": RoleSpec(obs_dim=5, models=ONE),
    "tables.table2.bursting_runtime": RoleSpec(obs_dim=5, models=ONE),
    "claims.solvers": RoleSpec(obs_dim=3, models={"deer": properties(), "other": properties(solver="sequential")}),
    "claims.singular_values": RoleSpec(
        obs_dim=1, models={"some": properties(singular_value_strength=1e-3), "none": properties()}
    ),
}
SPEC = ClaimsSpec(preset="paper_in_words", compute="cuda", roles=ROLES)


def world(*, holds: bool) -> dict[str, xr.Dataset]:
    """Arrays by role."""
    made = {
        "figures.figure1.runtime": run_times(holds=holds),
        "figures.figure1.iterations": newton_iterations(holds=holds),
        "figures.figure2.full": jacobians(holds=holds),
        "figures.figure2.partial": jacobians(holds=holds),
        "figures.figure3.comparison": classes(holds=holds),
        "tables.table4": runs({"lssm": 3 * NARROW, "lssm_mar": (6 if holds else 1) * NARROW}),
        "claims.solvers": runs({"deer": (1 if holds else 4) * NARROW, "other": NARROW}),
        "claims.singular_values": runs({"some": (1 if holds else 4) * NARROW, "none": NARROW}),
    }
    regularised = made["claims.singular_values"]["forecast_rmse"]
    regularised[:] = 0.1 * NARROW
    regularised.loc[{"model": "some"}] *= 1 if holds else 4
    for system in ("lorenz96", "bursting"):
        made[f"figures.figure3.{system}"] = made[f"figures.figureA3.{system}"] = lengths(holds=holds)
        timed = run_times((1024,), ("model",), holds=holds)
        timed["update_time"].loc[{"solver": "deer"}] = 1.0
        timed["update_time"].loc[{"solver": "sequential"}] = 60.0 if holds else 1.0
        made[f"tables.table2.{system}_runtime"] = timed
    return made


def runs(values: dict[str, np.ndarray], lengths=(256,)) -> xr.Dataset:
    """Runs of these divergences, the same at all lengths, whose exponents forcing lowers."""
    dataset = synthetic.experiment(tuple(values), lengths, SEEDS, embeddings=("m1_tau1",), floor=1e-3)
    for model, divergences in values.items():
        dataset["state_space_divergence"].loc[{"model": model}] = np.broadcast_to(
            divergences[:, None], (len(lengths), SEEDS, 1)
        )
    return dataset


def damped(dataset: xr.Dataset, *, holds: bool) -> xr.Dataset:
    """Forcing lowers the exponent; or raises it."""
    dataset["lyapunov_exponent"][:] = 0.01 * NARROW
    dataset["lyapunov_exponent_forced"][:] = (-0.2 if holds else 0.2) * NARROW
    return dataset


def run_times(lengths=TIMED, models=("small", "large"), *, holds: bool) -> xr.Dataset:
    """Sequential time linear, GTF-DEER much faster and flat until it saturates; or none of that."""
    dataset = synthetic.runtime(tuple(range(1, len(models) + 1)), lengths).isel(sample=slice(20))
    long = np.array(lengths) / 128
    flat, linear = 1e-3 * long**0.2, 1e-3 * 32**0.2 * long / 32
    saturating = np.where(long < 32, flat, linear)
    times = {
        "sequential": [2e-3 * long] * 2 if holds else [1e-3 * long**1.5] * 2,
        "deer": [flat, saturating] if holds else [1e-2 * long, 1e2 * flat],
    }
    noise = np.linspace(0.98, 1.02, 20)
    for solver, by_model in times.items():
        for k in range(len(models)):
            dataset["update_time"].loc[{"solver": solver, "model": dataset["model"][k]}] = by_model[k][:, None] * noise
    dataset["converged_fraction"][:] = 1.0
    return dataset.assign_coords(model=list(models))


def newton_iterations(*, holds: bool) -> xr.Dataset:
    """Iterations fall with the forcing strength from none that converges to two; or rise."""
    dataset = synthetic.iterations((3, 64), STRENGTHS, passes=SEEDS).assign_coords(model=["small", "large"])
    counts = {
        ("small", "pseudo_inverse"): (100, 20, 6, 4, 2),
        ("small", "zero"): (100, 40, 12, 6, 3),
        ("small", "normal"): (100, 40, 12, 6, 3),
        **{("large", guess): (100, 30, 9, 7, 5) for guess in GUESSES},
    }
    if not holds:
        counts = {
            ("small", "pseudo_inverse"): (2, 3, 4, 5, 6),
            ("small", "zero"): (1, 2, 2, 2, 2),
            ("small", "normal"): (1, 2, 2, 2, 2),
            ("large", "pseudo_inverse"): (1, 1, 2, 2, 2),
            ("large", "zero"): (3, 4, 4, 5, 6),
            ("large", "normal"): (3, 4, 4, 5, 6),
        }
    for (model, guess), numbers in counts.items():
        at = {"model": model, "guess": guess}
        dataset["iterations"].loc[at] = np.array(numbers, float)[:, None]
        dataset["converged"].loc[at] = np.array(numbers)[:, None] < 100
    return dataset


def jacobians(*, holds: bool) -> xr.Dataset:
    """Full Jacobians need few iterations all along, and reconstruct; diagonal ones are worse and erratic; or better."""
    good, bad = ("full", "quasi") if holds else ("quasi", "full")
    dataset = damped(runs({good: 0.02 * NARROW, bad: 2 * NARROW}).sel(model=["full", "quasi"]), holds=holds)
    updates = dataset.sizes["update"]
    dataset["newton_iterations"].loc[{"model": good}] = 5.0
    dataset["newton_iterations"].loc[{"model": bad}] = np.linspace(20, 60, updates)
    smooth = np.linspace(1.0, 0.1, updates)
    dataset["loss"].loc[{"model": good}] = smooth
    dataset["loss"].loc[{"model": bad}] = smooth * np.where(np.arange(updates) % 2, 0.3, 3.0)
    return dataset


def lengths(*, holds: bool) -> xr.Dataset:
    """Divergences fall with the length, and forecasts gain nothing from the middle on; or rise while forecasts gain."""
    dataset = damped(runs({"model": NARROW}, LENGTHS), holds=holds)
    along = np.array(LENGTHS) / LENGTHS[0]
    for k, length in enumerate(LENGTHS):
        at = {"sequence_length": length}
        dataset["state_space_divergence"].loc[at] *= along[k] ** (-0.5 if holds else 0.5)
        dataset["forecast_rmse"].loc[at] = 0.1 * NARROW if holds else NARROW / along[k]
    return dataset


def classes(*, holds: bool) -> xr.Dataset:
    """The full shPLRNN and ranks above N see the slow forcing, and nothing else does; or all else does."""
    if holds:
        levels = {"lssm": 3, "lssm_mar": 3, "rank5": 4, "rank6": 0.3, "rank7": 0.3, "full": 0.3, "mamba_small": 12}
        return runs({model: level * NARROW for model, level in levels.items()} | {"mamba_large": 4 * WIDE})
    levels = {"lssm": 0.3, "lssm_mar": 0.3, "rank5": 0.3, "rank6": 30, "rank7": 30, "mamba_small": 0.3}
    found = {model: level * NARROW for model, level in levels.items()} | {"full": 3 * WIDE, "mamba_large": 2 * NARROW}
    return runs({model: found[model] for model in CLASSES})
