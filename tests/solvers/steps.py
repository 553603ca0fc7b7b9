"""Recurrences to try the solvers on, their arrays made by NumPy, and solves compiled whole.

JAX outside `jit` compiles every operation by itself, and that takes most of a test's time.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from workflow_src.solvers import sequential, solve


class GRUStep(eqx.Module):
    """A smooth recurrence, the gated recurrent unit, that offers neither Jacobian nor pattern."""

    W: jax.Array
    U: jax.Array
    b: jax.Array

    def __call__(self, z, u):
        from_input, from_state = self.W @ u + self.b, self.U @ z
        reset, keep = jax.nn.sigmoid(from_input[:2] + from_state[:2])
        new = jnp.tanh(from_input[2] + reset * from_state[2])
        return new + keep * (z - new)


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
    rng, width = np.random.default_rng(3), dim**-0.5
    shapes = (3, dim, 2), (3, dim, dim), (3, dim)
    return GRUStep(*(jnp.asarray(rng.uniform(-width, width, shape), dtype) for shape in shapes)), 2


def relu(dim, dtype):
    rng = np.random.default_rng(5)
    arrays = (
        0.5 * rng.uniform(size=dim),
        0.4 * rng.normal(size=(dim, 2 * dim)) / dim,
        rng.normal(size=(2 * dim, dim)),
    )
    return ReLUStep(*(jnp.asarray(array, dtype) for array in arrays)), dim


def problem(make, dim, length, dtype):
    step, input_dim = make(dim, dtype)
    rng = np.random.default_rng(7)
    z0, inputs = rng.normal(size=dim), rng.normal(size=(length, input_dim))
    return step, jnp.asarray(z0, dtype), jnp.asarray(inputs, dtype)


@eqx.filter_jit
def evaluate(solver, step, z0, inputs, guess, *, tolerance, max_iterations=100):
    return solve(solver, step, z0, inputs, guess, tolerance=tolerance, max_iterations=max_iterations)


@eqx.filter_jit
def states_of(step, z0, inputs):
    """The exact orbit."""
    return sequential(step, z0, inputs).states


@eqx.filter_jit
def value_and_gradient(solver, step, z0, inputs, guess, *, tolerance, max_iterations=100):
    """The solution, and the gradient of a sum over it with respect to step, z0 and inputs."""
    weights = jnp.cos(jnp.arange(guess.size, dtype=guess.dtype)).reshape(guess.shape)

    def loss(arguments):
        solution = solve(solver, *arguments, guess, tolerance=tolerance, max_iterations=max_iterations)
        return jnp.sum(weights * solution.states**2), solution

    (_, solution), gradient = eqx.filter_value_and_grad(loss, has_aux=True)((step, z0, inputs))
    return solution, gradient


def assert_gradients_agree(found, exact, accuracy):
    """Within the accuracy of the largest gradient."""
    found, exact = (jax.tree.leaves(jax.tree.map(np.asarray, tree)) for tree in (found, exact))
    scale = max(np.max(np.abs(leaf)) for leaf in exact)
    for a, b in zip(found, exact, strict=True):
        np.testing.assert_allclose(a, b, rtol=accuracy, atol=accuracy * scale)
