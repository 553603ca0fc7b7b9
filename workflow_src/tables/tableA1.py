"""Parameters of the bursting neuron model, Eqs. (64) and (65) (Table A1)."""

import json

import pandas as pd
import xarray as xr

SYMBOLS = {
    "i": "I",
    "c_m": "C_m",
    "g_l": "g_L",
    "e_l": "E_L",
    "g_na": "g_Na",
    "e_na": "E_Na",
    "v_hna": "V_hNa",
    "k_na": "k_Na",
    "g_k": "g_K",
    "e_k": "E_K",
    "v_hk": "V_hK",
    "k_k": "k_K",
    "tau_n": "tau_n",
    "g_m": "g_M",
    "v_hm": "V_hM",
    "k_m": "k_M",
    "tau_h": "tau_h",
    "g_nmda": "g_NMDA",
    "e_nmda": "E_NMDA",
}


def build(dataset: xr.Dataset) -> pd.DataFrame:
    """Symbol and value of every parameter that the simulated dataset was made with, in the order of the equations."""
    parameters = json.loads(dataset.attrs["parameters"])
    order = [*(name for name in SYMBOLS if name in parameters), *(n for n in parameters if n not in SYMBOLS)]
    return pd.DataFrame([{"symbol": SYMBOLS.get(name, name), "value": parameters[name]} for name in order])
