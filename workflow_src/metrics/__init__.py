"""Measures of orbits, one per file: NumPy in float64, arrays in, numbers out; no models.

- state_space_divergence: do two orbits visit the same places equally often?
- delay_embedding: the space in which that is asked of partially observed systems.
- power_spectrum: do two orbits move at the same frequencies?
- forecast_rmse: how far is a short forecast off, and how does that grow with its lead?
- lyapunov: how fast do neighbouring orbits part, and what forcing keeps them together?
"""
