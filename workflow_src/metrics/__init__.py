"""Measures of orbits, one per file: NumPy in float64, arrays in, numbers out; no models.

- state_space_divergence: do two orbits visit the same places equally often?
- delay_embedding: the space in which that is asked of partially observed systems.
- forecast_rmse: how far is a short forecast off?
- lyapunov: how fast do neighbouring orbits part, and what forcing keeps them together?
"""
