"""Ground truth: the systems whose time series the models are trained on."""

from workflow_src.systems.base import AbstractSystem
from workflow_src.systems.bursting_neuron import BurstingNeuron
from workflow_src.systems.lorenz63 import Lorenz63
from workflow_src.systems.lorenz96 import Lorenz96

SYSTEMS: dict[str, AbstractSystem] = {
    "lorenz63": Lorenz63(),
    "lorenz96": Lorenz96(),
    "bursting_neuron": BurstingNeuron(),
}
