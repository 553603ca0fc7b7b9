"""The bursting neuron of Table A1: how it bursts, and that it need not."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from workflow_src.systems import SYSTEMS
from workflow_src.systems.bursting_neuron import long_pauses, spike_steps
from workflow_src.systems.integrate import integrate

TABLE_A1 = {
    "i": 0.0,
    "c_m": 6.0,
    "g_l": 8.0,
    "e_l": -80.0,
    "g_na": 20.0,
    "e_na": 60.0,
    "v_hna": -20.0,
    "k_na": 15.0,
    "g_k": 10.0,
    "e_k": -90.0,
    "v_hk": -25.0,
    "k_k": 5.0,
    "tau_n": 1.0,
    "g_m": 25.0,
    "v_hm": -15.0,
    "k_m": 5.0,
    "tau_h": 200.0,
    "g_nmda": 10.2,
    "e_nmda": 0.0,
}
PRESETS = {
    f"{path.stem}-{name}": dataset
    for path in sorted((Path(__file__).parents[2] / "config").glob("*.yaml"))
    if path.stem != "claims"
    for name, dataset in yaml.safe_load(path.read_text())["datasets"].items()
    if dataset["system"] == "bursting_neuron"
}
TIME_STEP = 0.05


def voltage(state, parameters=TABLE_A1, time=650.0):
    """Membrane potential behind a transient of 250 time units."""
    derivative = SYSTEMS["bursting_neuron"].derivative(parameters)
    return integrate(derivative, state, TIME_STEP, 1, round((250 + time) / TIME_STEP))[round(250 / TIME_STEP) :, 0]


@pytest.mark.parametrize("dataset", PRESETS.values(), ids=PRESETS)
def test_preset_has_table_a1(dataset):
    assert dataset["parameters"] == TABLE_A1


def test_some_preset_has_a_bursting_neuron():
    assert PRESETS


def test_table_a1_is_complete():
    SYSTEMS["bursting_neuron"].check_parameters(TABLE_A1)


@pytest.mark.parametrize("state", [(-24.4694, 0.0386, 0.0231), (-60.0, 0.05, 0.02)])
def test_table_a1_bursts_with_fifteen_spikes_and_pauses_of_84_time_units(state):
    v = voltage(state)
    spikes = spike_steps(v)
    pauses = long_pauses(v)
    assert len(pauses) >= 4
    np.testing.assert_allclose(pauses * TIME_STEP, 83.97, atol=0.1)
    starts = np.flatnonzero(np.diff(spikes) * TIME_STEP > 50)
    np.testing.assert_array_equal(np.diff(starts), 15)
    np.testing.assert_allclose(np.diff(spikes[starts]) * TIME_STEP, 148.1, atol=0.1)


def test_table_a1_also_spikes_tonically():
    v = voltage((-35.2, 0.18, 0.054), time=250.0)
    assert len(long_pauses(v)) == 0
    np.testing.assert_allclose(np.diff(spike_steps(v)) * TIME_STEP, 9.7, atol=0.1)


def test_without_sodium_the_neuron_is_silent():
    v = voltage((-60.0, 0.05, 0.02), TABLE_A1 | {"g_na": 0.0, "g_nmda": 0.0}, time=50.0)
    assert len(long_pauses(v)) == 0


def test_spikes_are_peaks_above_the_middle():
    v = np.array([0.0, 1.0, 0.0, 5.0, 4.0, 5.0, 5.0, 0.0])
    assert spike_steps(v).tolist() == [3, 5]


def test_pauses_are_the_intervals_that_stand_out():
    v = np.zeros(100)
    v[[10, 14, 18, 58, 62, 66, 87]] = 1
    assert long_pauses(v).tolist() == [40, 21]


def test_constant_voltage_has_neither_spikes_nor_pauses():
    assert spike_steps(np.ones(10)).size == 0
    assert long_pauses(np.ones(10)).size == 0
