"""Simulate one dataset: a training and a test orbit of a system, standardised, with noise on the training orbit.

A dataset without the dynamics that it is meant to show is refused: a bursting neuron that spikes tonically, a forced
Lorenz-96 that stays on regular waves.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Float

from workflow_src import provenance, store
from workflow_src.errors import UserError
from workflow_src.specs.dataset import DatasetSpec, Trajectory
from workflow_src.steps.arguments import arguments, run
from workflow_src.systems import SYSTEMS
from workflow_src.systems.bursting_neuron import long_pauses
from workflow_src.systems.integrate import integrate
from workflow_src.systems.lorenz96 import exponents_by_octant

# ASSUME: what counts as chaos and as regular waves, per time unit, and how many forcing periods tell.
CHAOTIC_ON_AVERAGE = 0.05
CHAOTIC_UNDER_STRONG_FORCE = 0.15
REGULAR_UNDER_WEAK_FORCE = 0.0
FORCING_PERIODS = 20


def simulate(spec: DatasetSpec, name: str) -> xr.Dataset:
    """Make the dataset that a preset describes.

    Both orbits start at time 0, where a periodic force rises through its mean, and drop their transient. Both are
    standardised with mean and standard deviation of the clean training orbit.

    Args:
        spec: system, sampling, noise.
        name: of the dataset, for messages and the title.
    Returns:
        Variables train (noisy), train_clean and test (clean) over step and observed component, and how they were
        scaled.
    """
    if spec.train.initial_state == spec.test.initial_state:
        raise UserError(f"datasets.{name}.test.initial_state: is that of train; choose another")
    system = SYSTEMS[spec.system]
    components = system.components(spec.parameters)
    orbits = {"train": _orbit(spec, spec.train, name, "train"), "test": _orbit(spec, spec.test, name, "test")}
    dynamics = xr.merge([_require_dynamics(spec, name, split, orbit) for split, orbit in orbits.items()])
    columns = [components.index(component) for component in spec.observed]
    train, test = (orbit[:, columns] for orbit in orbits.values())
    mean, std = _moments(train)
    for component, spread in zip(spec.observed, std.tolist(), strict=True):
        if spread == 0:
            raise UserError(f"datasets.{name}.observed: {component} is constant on the training orbit; leave it out")
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(spec.noise_seed)))
    noise = spec.noise * generator.standard_normal(train.shape)
    dataset = xr.Dataset(
        {
            "train": (("train_step", "component"), (train - mean) / std + noise),
            "train_clean": (("train_step", "component"), (train - mean) / std),
            "test": (("test_step", "component"), (test - mean) / std),
            "mean": ("component", mean),
            "std": ("component", std),
            "noise_std": ("component", np.full(len(columns), spec.noise)),
        },
        coords={"component": list(spec.observed)},
        attrs={
            "title": name,
            "system": spec.system,
            "parameters": json.dumps(spec.parameters, sort_keys=True),
            "time_step": spec.time_step,
            "substeps": spec.substeps,
            "noise": spec.noise,
            "noise_seed": spec.noise_seed,
            "train_initial_state": json.dumps(spec.train.initial_state),
            "test_initial_state": json.dumps(spec.test.initial_state),
        },
    )
    for split, trajectory in (("train", spec.train), ("test", spec.test)):
        step = f"{split}_step"
        times = (trajectory.transient_steps + np.arange(trajectory.steps)) * spec.time_step
        dataset = dataset.assign_coords({step: np.arange(trajectory.steps), f"{split}_time": (step, times)})
        if (force := system.forcing(spec.parameters, times)) is not None:
            dataset[f"{split}_forcing"] = (step, force)
    return dataset.merge(dynamics)


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(__doc__, spec=DatasetSpec, name=str, output=Path).parse(argv)
    with provenance.record("simulate", args, outputs=["output"]) as record:
        record["numerics"] = {"random_numbers": "numpy PCG64", "precision": "float64"}
        store.save(args.output, simulate(args.spec, args.name), record.document())


def _orbit(spec: DatasetSpec, trajectory: Trajectory, name: str, split: str) -> Float[np.ndarray, "steps dim"]:
    """All components of one orbit behind its transient."""
    derivative = SYSTEMS[spec.system].derivative(spec.parameters)
    steps = trajectory.transient_steps + trajectory.steps
    orbit = integrate(derivative, trajectory.initial_state, spec.time_step, spec.substeps, steps)
    if not np.isfinite(orbit).all():
        lost = int(np.argmin(np.isfinite(orbit).all(axis=1)))
        raise UserError(
            f"datasets.{name}.substeps: the {split} orbit is not finite from step {lost} on; raise substeps or "
            f"choose another {split}.initial_state"
        )
    return orbit[trajectory.transient_steps :]


def _moments(orbit: Float[np.ndarray, "steps dim"]) -> tuple[Float[np.ndarray, " dim"], Float[np.ndarray, " dim"]]:
    """Mean and standard deviation per component, of correctly rounded sums: the same bits whatever the vector unit."""
    means = [math.fsum(column) / len(orbit) for column in orbit.T.tolist()]
    variances = [math.fsum(square) / len(orbit) for square in ((orbit - np.array(means)).T ** 2).tolist()]
    return np.array(means), np.array([math.sqrt(variance) for variance in variances])


def _require_dynamics(spec: DatasetSpec, name: str, split: str, orbit: Float[np.ndarray, "steps dim"]) -> xr.Dataset:
    """Refuse an orbit that lacks what the dataset is made for; what was measured to tell."""
    if spec.system == "bursting_neuron":
        _require_bursts(spec, name, split, orbit)
    if spec.system == "lorenz96" and spec.parameters["forcing_amplitude"] != 0:
        exponents = _require_alternation(spec, name, split, orbit)
        octants = {"forcing_octant": np.arange(1, 9)}
        return xr.Dataset({f"{split}_octant_exponent": ("forcing_octant", exponents)}, coords=octants)
    return xr.Dataset()


def _require_bursts(spec: DatasetSpec, name: str, split: str, orbit: Float[np.ndarray, "steps dim"]) -> None:
    """The neuron is bistable: tonic spiking lives beside bursting and lacks the long time scale."""
    found = len(long_pauses(orbit[:, 0]))
    if spec.long_pauses is not None and found < spec.long_pauses:
        raise UserError(
            f"datasets.{name}.long_pauses: the {split} orbit has {found} pauses between bursts instead of "
            f"{spec.long_pauses}; choose another {split}.initial_state or raise {split}.steps"
        )


def _require_alternation(
    spec: DatasetSpec, name: str, split: str, orbit: Float[np.ndarray, "steps dim"]
) -> Float[np.ndarray, " octants"]:
    """The exponents by octant; a weak force may leave Lorenz-96 on a branch of regular waves all the time."""
    start = getattr(spec, split).transient_steps * spec.time_step
    state = tuple(orbit[0].tolist())
    exponents = exponents_by_octant(
        spec.parameters, state, start, spec.time_step, spec.substeps, periods=FORCING_PERIODS
    )
    # The force peaks between octants 2 and 3; chaos takes a while to grow and to die.
    mean, strong, weak = exponents.mean(), exponents[2:4].mean(), exponents[4:6].mean()
    if not (mean > CHAOTIC_ON_AVERAGE and strong > CHAOTIC_UNDER_STRONG_FORCE and weak <= REGULAR_UNDER_WEAK_FORCE):
        raise UserError(
            f"datasets.{name}.parameters: the {split} orbit does not alternate between chaos and regular waves "
            f"(exponents: mean {mean:.2f}, octants 3-4 {strong:.2f}, 5-6 {weak:.2f}); change forcing_offset, "
            f"forcing_amplitude or {split}.initial_state"
        )
    return exponents


if __name__ == "__main__":
    run(main)
