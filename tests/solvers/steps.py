"""Recurrences to try the solvers on."""

import equinox as eqx
import jax
import jax.numpy as jnp


class GRUStep(eqx.Module):
    """A smooth recurrence that offers neither Jacobian nor pattern."""

    cell: eqx.nn.GRUCell

    def __call__(self, z, u):
        return self.cell(u, z)


class ReLUStep(eqx.Module):
    """A contracting piecewise-linear map."""

    A: jax.Array
    W1: jax.Array
    W2: jax.Array

    def __call__(self, z, u):
        return self.A * z + self.W1 @ jax.nn.relu(self.W2 @ z) + u


class Logistic(eqx.Module):
    """x -> r x (1 - x), chaotic at r = 3.9."""

    r: jax.Array

    def __call__(self, z, u):
        return self.r * z * (1 - z) + 0 * u


class Henon(eqx.Module):
    """The Henon map at its chaotic parameters."""

    a: jax.Array

    def __call__(self, z, u):
        return jnp.array([1 - self.a * z[0] ** 2 + z[1], 0.3 * z[0]]) + 0 * u


def gru(dim, dtype):
    cell = eqx.nn.GRUCell(2, dim, key=jax.random.key(3), dtype=dtype)
    return GRUStep(cell), 2


def relu(dim, dtype):
    keys = jax.random.split(jax.random.key(5), 3)
    step = ReLUStep(
        0.5 * jax.random.uniform(keys[0], (dim,), dtype),
        0.4 * jax.random.normal(keys[1], (dim, 2 * dim), dtype) / dim,
        jax.random.normal(keys[2], (2 * dim, dim), dtype),
    )
    return step, dim


def problem(make, dim, length, dtype):
    step, input_dim = make(dim, dtype)
    keys = jax.random.split(jax.random.key(7), 2)
    z0 = jax.random.normal(keys[0], (dim,), dtype)
    inputs = jax.random.normal(keys[1], (length, input_dim), dtype)
    return step, z0, inputs
