"""Bursting neuron: a spiking membrane with a slow potassium current and an NMDA current, Eqs. (64) and (65).

    C_m V' = I - g_L (V - E_L) - g_Na m_inf(V) (V - E_Na) - g_K n (V - E_K) - g_M h (V - E_K)
               - g_NMDA s_inf(V) (V - E_NMDA)
        n' = (n_inf(V) - n) / tau_n
        h' = (h_inf(V) - h) / tau_h

    m_inf = 1 / (1 + exp((V_hNa - V) / k_Na)),    n_inf with V_hK and k_K,    h_inf with V_hM and k_M
    s_inf = 1 / (1 + 0.33 exp(-0.0625 V))

The fast pair (V, n) makes spikes; h builds up during a burst, silences it, and decays over tau_h until the next one.

References: D. Durstewitz, Implications of synaptic biophysics for recurrent network dynamics and active memory,
Neural Networks 22, 1189 (2009); D. Schmidt et al., Identifying nonlinear dynamical systems with multiple time scales
and long-range dependencies, ICLR (2021), from whose published data Table A1 was read and checked.
"""

from collections.abc import Mapping
from math import exp
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from workflow_src.systems.base import AbstractSystem, Derivative, State, Tangent

# Magnesium block of the NMDA channel, part of Eq. (65).
MAGNESIUM = 0.33
MAGNESIUM_SLOPE = 0.0625


class BurstingNeuron(AbstractSystem):
    """Parameters, Table A1: injected current `i`, capacitance `c_m`; of each current its conductance `g_*` and
    reversal potential `e_*` (leak l, sodium na, potassium k, slow potassium m, NMDA); of each gate its half-way
    potential `v_h*` and slope `k_*`, and the time constants `tau_n`, `tau_h`. In mV and ms; both potassium currents
    reverse at `e_k`.

    Components: membrane potential v, gates n and h of the fast and the slow potassium channel.
    """

    parameters: ClassVar[tuple[str, ...]] = (
        *("i", "c_m", "g_l", "e_l", "g_na", "e_na", "v_hna", "k_na", "g_k", "e_k", "v_hk", "k_k", "tau_n"),
        *("g_m", "v_hm", "k_m", "tau_h", "g_nmda", "e_nmda"),
    )
    positive: ClassVar[frozenset[str]] = frozenset({"c_m", "k_na", "k_k", "k_m", "tau_n", "tau_h"})

    def components(self, parameters: Mapping[str, float]) -> tuple[str, ...]:
        return ("v", "n", "h")

    def derivative(self, parameters: Mapping[str, float]) -> Derivative:
        (
            I,
            C_m,
            g_L,
            E_L,
            g_Na,
            E_Na,
            V_hNa,
            k_Na,
            g_K,
            E_K,
            V_hK,
            k_K,
            tau_n,
            g_M,
            V_hM,
            k_M,
            tau_h,
            g_NMDA,
            E_NMDA,
        ) = (parameters[name] for name in self.parameters)

        def f(time: float, state: State) -> State:
            V, n, h = state
            m = 1 / (1 + exp((V_hNa - V) / k_Na))
            s = 1 / (1 + MAGNESIUM * exp(-MAGNESIUM_SLOPE * V))
            n_inf = 1 / (1 + exp((V_hK - V) / k_K))
            h_inf = 1 / (1 + exp((V_hM - V) / k_M))
            current = (
                I
                - g_L * (V - E_L)
                - g_Na * m * (V - E_Na)
                - g_K * n * (V - E_K)
                - g_M * h * (V - E_K)
                - g_NMDA * s * (V - E_NMDA)
            )
            return current / C_m, (n_inf - n) / tau_n, (h_inf - h) / tau_h

        return f

    def tangent(self, parameters: Mapping[str, float]) -> Tangent:
        (_, C_m, g_L, _, g_Na, E_Na, V_hNa, k_Na, g_K, E_K, V_hK, k_K, tau_n, g_M, V_hM, k_M, tau_h, g_NMDA, E_NMDA) = (
            parameters[name] for name in self.parameters
        )

        def jacobian_times(time: float, state: State, vector: State) -> State:
            V, n, h = state
            u, v, w = vector
            m = 1 / (1 + exp((V_hNa - V) / k_Na))
            s = 1 / (1 + MAGNESIUM * exp(-MAGNESIUM_SLOPE * V))
            n_inf = 1 / (1 + exp((V_hK - V) / k_K))
            h_inf = 1 / (1 + exp((V_hM - V) / k_M))
            conductance = (
                g_L
                + g_Na * (m + m * (1 - m) / k_Na * (V - E_Na))
                + g_K * n
                + g_M * h
                + g_NMDA * (s + s * (1 - s) * MAGNESIUM_SLOPE * (V - E_NMDA))
            )
            return (
                -(conductance * u + g_K * (V - E_K) * v + g_M * (V - E_K) * w) / C_m,
                (n_inf * (1 - n_inf) / k_K * u - v) / tau_n,
                (h_inf * (1 - h_inf) / k_M * u - w) / tau_h,
            )

        return jacobian_times


def spike_steps(voltage: Float[np.ndarray, " steps"]) -> Int[np.ndarray, " spikes"]:
    """Steps at which a clean membrane potential peaks above the middle of its range."""
    inner = voltage[1:-1]
    middle = (voltage.min() + voltage.max()) / 2
    return np.flatnonzero((inner > voltage[:-2]) & (inner >= voltage[2:]) & (inner > middle)) + 1


def long_pauses(voltage: Float[np.ndarray, " steps"]) -> Int[np.ndarray, " pauses"]:
    """Lengths in steps of the pauses between bursts: inter-spike intervals over five times their median.

    A tonically spiking or silent neuron has none.
    """
    intervals = np.diff(spike_steps(voltage))
    # ASSUME: five parts the two kinds well: at Table A1 pauses are twenty times the median interval.
    return intervals[intervals > 5 * np.median(intervals)] if intervals.size else intervals
