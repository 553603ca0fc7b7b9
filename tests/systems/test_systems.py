"""What all systems have in common: parameters, derivatives against slow obvious versions, tangents."""

import numpy as np
import pytest

from workflow_src.systems import SYSTEMS

PARAMETERS = {
    "lorenz63": {"sigma": 10.0, "rho": 28.0, "beta": 8 / 3},
    "lorenz96": {"dimension": 6.0, "forcing_offset": 5.0, "forcing_amplitude": 4.0, "forcing_period": 20.0},
    # Not Table A1: every number differs, so that no two can be swapped unnoticed.
    "bursting_neuron": {
        **{"i": 0.7, "c_m": 6.0, "g_l": 8.0, "e_l": -80.0, "g_na": 20.0, "e_na": 60.0, "v_hna": -20.0, "k_na": 15.0},
        **{"g_k": 10.0, "e_k": -90.0, "v_hk": -25.0, "k_k": 5.0, "tau_n": 1.1, "g_m": 24.0, "v_hm": -15.0},
        **{"k_m": 5.5, "tau_h": 200.0, "g_nmda": 10.2, "e_nmda": 2.0},
    },
}
STATES = {
    "lorenz63": (1.5, -2.5, 17.0),
    "lorenz96": (1.0, 2.5, -3.0, 4.0, 0.5, 6.0),
    "bursting_neuron": (-31.0, 0.2, 0.05),
}


def lorenz63(time, state, p):
    x, y, z = state
    linear = np.array([[-p["sigma"], p["sigma"], 0], [p["rho"], -1, 0], [0, 0, -p["beta"]]])
    return linear @ state + np.array([0, -x * z, x * y])


def lorenz96(time, x, p):
    force = p["forcing_offset"] + p["forcing_amplitude"] * np.sin(2 * np.pi / p["forcing_period"] * time)
    return (np.roll(x, -1) - np.roll(x, 2)) * np.roll(x, 1) - x + force


def bursting_neuron(time, state, p):
    V, n, h = state

    def limit(half, slope):
        return 1 / (1 + np.exp((half - V) / slope))

    currents = {
        "leak": p["g_l"] * (V - p["e_l"]),
        "sodium": p["g_na"] * limit(p["v_hna"], p["k_na"]) * (V - p["e_na"]),
        "potassium": p["g_k"] * n * (V - p["e_k"]),
        "slow potassium": p["g_m"] * h * (V - p["e_k"]),
        "NMDA": p["g_nmda"] / (1 + 0.33 * np.exp(-0.0625 * V)) * (V - p["e_nmda"]),
    }
    return np.array(
        [
            (p["i"] - sum(currents.values())) / p["c_m"],
            (limit(p["v_hk"], p["k_k"]) - n) / p["tau_n"],
            (limit(p["v_hm"], p["k_m"]) - h) / p["tau_h"],
        ]
    )


OBVIOUS = {"lorenz63": lorenz63, "lorenz96": lorenz96, "bursting_neuron": bursting_neuron}

each_system = pytest.mark.parametrize("name", sorted(SYSTEMS))


def test_every_system_has_a_case_here():
    assert set(SYSTEMS) == set(PARAMETERS) == set(STATES) == set(OBVIOUS)


@each_system
def test_derivative_is_that_of_the_obvious_version(name):
    derivative = SYSTEMS[name].derivative(PARAMETERS[name])
    expected = OBVIOUS[name](3.7, np.array(STATES[name]), PARAMETERS[name])
    np.testing.assert_allclose(derivative(3.7, STATES[name]), expected, rtol=1e-13, atol=1e-13)


@each_system
def test_derivative_is_python_floats(name):
    rates = SYSTEMS[name].derivative(PARAMETERS[name])(0.0, STATES[name])
    assert all(type(rate) is float for rate in rates)


@each_system
def test_tangent_is_that_of_central_differences(name):
    system, parameters, state = SYSTEMS[name], PARAMETERS[name], np.array(STATES[name])
    tangent = system.tangent(parameters)
    for direction in np.eye(len(state)):
        h = 1e-5
        ahead, behind = (OBVIOUS[name](3.7, state + sign * h * direction, parameters) for sign in (1, -1))
        found = tangent(3.7, STATES[name], tuple(direction.tolist()))
        np.testing.assert_allclose(found, (ahead - behind) / (2 * h), rtol=1e-6, atol=1e-8)


@each_system
def test_tangent_is_linear(name):
    tangent = SYSTEMS[name].tangent(PARAMETERS[name])
    dim = len(STATES[name])
    u, v = np.arange(1.0, dim + 1), np.arange(dim, 0.0, -1) ** 2
    joint = tangent(0.0, STATES[name], tuple((2 * u - v).tolist()))
    apart = [np.array(tangent(0.0, STATES[name], tuple(w.tolist()))) for w in (u, v)]
    np.testing.assert_allclose(joint, 2 * apart[0] - apart[1], rtol=1e-12, atol=1e-12)


@each_system
def test_components_name_the_state(name):
    components = SYSTEMS[name].components(PARAMETERS[name])
    assert len(set(components)) == len(STATES[name])


@each_system
def test_complete_parameters_pass(name):
    SYSTEMS[name].check_parameters(PARAMETERS[name])


@each_system
def test_missing_parameter_is_named(name):
    first, *rest = PARAMETERS[name]
    with pytest.raises(ValueError, match=rf"^parameters\.{first}: missing; state all of {first}, "):
        SYSTEMS[name].check_parameters({key: PARAMETERS[name][key] for key in rest})


@each_system
def test_infinite_parameter_is_named(name):
    first = next(iter(PARAMETERS[name]))
    with pytest.raises(ValueError, match=rf"^parameters\.{first}: inf is no finite number"):
        SYSTEMS[name].check_parameters(PARAMETERS[name] | {first: float("inf")})


def test_misspelt_parameter_is_named():
    with pytest.raises(ValueError, match=r"^parameters\.sigmaa: unknown; use sigma, rho, beta$"):
        SYSTEMS["lorenz63"].check_parameters({"sigmaa": 10.0, "rho": 28.0, "beta": 8 / 3})


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("lorenz96", "forcing_period", 0.0),
        ("lorenz96", "dimension", 3.0),
        ("lorenz96", "dimension", 5.5),
        ("bursting_neuron", "tau_h", -200.0),
        ("bursting_neuron", "k_na", 0.0),
    ],
)
def test_parameter_out_of_range_is_named(name, key, value):
    with pytest.raises(ValueError, match=rf"^parameters\.{key}: {value} is n"):
        SYSTEMS[name].check_parameters(PARAMETERS[name] | {key: value})
