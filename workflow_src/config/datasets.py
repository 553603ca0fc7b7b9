"""Datasets that cannot be simulated, or that would lack what they are made for."""

from workflow_src.config.preset import Preset
from workflow_src.errors import UserError
from workflow_src.specs.dataset import DatasetSpec
from workflow_src.systems import SYSTEMS


def check_datasets(preset: Preset) -> None:
    """Refuse a dataset whose keys do not fit its system."""
    for name, dataset in preset.datasets.items():
        try:
            _check_system(dataset)
            _check_orbits(dataset)
        except ValueError as error:
            raise UserError(f"datasets.{name}.{error}") from None


def is_periodically_forced(dataset: DatasetSpec) -> bool:
    return dataset.system == "lorenz96"


def _check_system(dataset: DatasetSpec) -> None:
    system = SYSTEMS.get(dataset.system)
    if system is None:
        raise ValueError(f"system: '{dataset.system}' is unknown; use one of {', '.join(sorted(SYSTEMS))}")
    system.check_parameters(dataset.parameters)
    # Simulation proves that the force switches between chaos and regular waves, and can do so only if there is one.
    if is_periodically_forced(dataset) and (amplitude := dataset.parameters["forcing_amplitude"]) <= 0:
        raise ValueError(
            f"parameters.forcing_amplitude: {amplitude} leaves no periodic force to look for; raise it above 0"
        )
    components = system.components(dataset.parameters)
    for name in dataset.observed:
        if name not in components:
            raise ValueError(f"observed: '{name}' is no component of {dataset.system}; use {', '.join(components)}")
    if (dataset.system == "bursting_neuron") != (dataset.long_pauses is not None):
        raise ValueError("long_pauses: state it for system bursting_neuron and for no other")


def _check_orbits(dataset: DatasetSpec) -> None:
    components = SYSTEMS[dataset.system].components(dataset.parameters)
    for split in ("train", "test"):
        if (found := len(getattr(dataset, split).initial_state)) != len(components):
            raise ValueError(
                f"{split}.initial_state: has {found} numbers; {dataset.system} needs {len(components)}, "
                f"in the order {', '.join(components)}"
            )
    if dataset.train.initial_state == dataset.test.initial_state:
        raise ValueError("test.initial_state: is that of train; choose another")
