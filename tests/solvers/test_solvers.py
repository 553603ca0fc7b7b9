"""DEER against sequential evaluation, its adjoint against BPTT, and its honesty about failure."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.solvers.steps import Henon, Logistic, gru, problem, relu
from workflow_src.solvers import deer, sequential, solve
from workflow_src.solvers.affine_scan import solve_adjoint, solve_affine


@pytest.mark.parametrize("make", [gru, relu])
@pytest.mark.parametrize(("dtype", "tolerance", "accuracy"), [("float64", 1e-12, 1e-9), ("float32", 1e-5, 1e-4)])
@pytest.mark.parametrize("length", [1, 37])
def test_states_and_gradients_are_those_of_sequential_evaluation(make, dtype, tolerance, accuracy, length):
    step, z0, inputs = problem(make, 4, length, dtype)
    weights = jnp.asarray(np.random.default_rng(0).normal(size=(length, 4)), dtype)

    def loss(arguments, solver):
        step, z0, inputs = arguments
        guess = jnp.zeros((length, 4), dtype)
        solution = solve(solver, step, z0, inputs, guess, tolerance=tolerance, max_iterations=100)
        return jnp.sum(weights * solution.states**2), solution

    (_, exact), slow = eqx.filter_value_and_grad(loss, has_aux=True)((step, z0, inputs), "sequential")
    (_, found), fast = eqx.filter_value_and_grad(loss, has_aux=True)((step, z0, inputs), "deer")
    assert bool(found.report.converged)
    np.testing.assert_allclose(found.states, exact.states, rtol=accuracy, atol=accuracy)
    scale = max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(slow))
    for a, b in zip(jax.tree.leaves(fast), jax.tree.leaves(slow), strict=True):
        np.testing.assert_allclose(a, b, rtol=accuracy, atol=accuracy * scale)


def test_gradient_at_a_loose_tolerance_is_that_of_the_returned_iterate():
    """The adjoint uses the Jacobians of the final state: it is the exact dense solution of Eq. (37) there."""
    length, dim = 23, 3
    step, z0, inputs = problem(gru, dim, length, "float64")
    weights = jnp.asarray(np.random.default_rng(0).normal(size=(length, dim)))

    def loss(inputs):
        guess = jnp.zeros((length, dim))
        solution = deer(step, z0, inputs, guess, tolerance=1e-12, max_iterations=2)
        return jnp.sum(weights * solution.states), solution.states

    gradient, states = jax.grad(loss, has_aux=True)(inputs)
    previous = jnp.concatenate([z0[None], states[:-1]])
    jacobians = jax.vmap(jax.jacfwd(step))(previous, inputs)
    system = np.eye(length * dim)
    for t in range(1, length):
        system[t * dim : (t + 1) * dim, (t - 1) * dim : t * dim] = -np.asarray(jacobians[t])
    adjoint = np.linalg.solve(system.T, np.asarray(weights).ravel()).reshape(length, dim)
    to_inputs = jax.vmap(jax.jacfwd(step, argnums=1))(previous, inputs)
    np.testing.assert_allclose(gradient, np.einsum("tm,tmk->tk", adjoint, to_inputs), rtol=1e-10, atol=1e-12)


def test_quasi_gradient_is_the_dense_solution_with_diagonal_jacobians():
    """Eq. (44) against the linear system Jcal^T lambda = g assembled with the diagonals only."""
    length, dim = 19, 4
    step, z0, inputs = problem(relu, dim, length, "float64")
    weights = jnp.asarray(np.random.default_rng(1).normal(size=(length, dim)))

    def loss(step, solver):
        guess = jnp.zeros((length, dim))
        solution = solve(solver, step, z0, inputs, guess, tolerance=1e-13, max_iterations=500)
        return jnp.sum(weights * solution.states), solution

    (_, solution), gradient = eqx.filter_value_and_grad(loss, has_aux=True)(step, "quasi_deer")
    assert bool(solution.report.converged)
    previous = jnp.concatenate([z0[None], solution.states[:-1]])
    system = np.eye(length * dim)
    for t in range(1, length):
        diagonal = np.diag(np.diag(np.asarray(jax.jacfwd(step)(previous[t], inputs[t]))))
        system[t * dim : (t + 1) * dim, (t - 1) * dim : t * dim] = -diagonal
    adjoint = np.linalg.solve(system.T, np.asarray(weights).ravel()).reshape(length, dim)
    to_parameters = jax.vmap(lambda z, u: eqx.filter_jacfwd(lambda s: s(z, u))(step))(previous, inputs)
    for name in ("A", "W1", "W2"):
        derivative = np.asarray(getattr(to_parameters, name))
        expected = np.tensordot(adjoint, derivative, axes=((0, 1), (0, 1)))
        np.testing.assert_allclose(getattr(gradient, name), expected, rtol=1e-9, atol=1e-11)
    exact = eqx.filter_grad(lambda s: loss(s, "sequential")[0])(step)
    assert not np.allclose(gradient.W1, exact.W1, rtol=1e-3)


def test_quasi_deer_finds_the_same_states():
    step, z0, inputs = problem(relu, 4, 50, "float64")
    guess = jnp.zeros((50, 4))
    found = solve("quasi_deer", step, z0, inputs, guess, tolerance=1e-12, max_iterations=500)
    newton = solve("deer", step, z0, inputs, guess, tolerance=1e-12, max_iterations=500)
    assert bool(found.report.converged)
    np.testing.assert_allclose(found.states, sequential(step, z0, inputs).states, rtol=1e-9, atol=1e-9)
    assert int(found.report.iterations) > int(newton.report.iterations)


@pytest.mark.parametrize(("chaos", "dim"), [(Logistic(jnp.float32(3.9)), 1), (Henon(jnp.float32(1.4)), 2)])
@pytest.mark.parametrize("length", [200, 5000])
def test_a_chaotic_map_is_never_called_converged_where_it_is_not_solved(chaos, dim, length):
    """The public seq1d reports success here, at residuals up to 1e16."""
    z0 = jnp.full(dim, 0.3, jnp.float32)
    inputs = jnp.zeros((length, dim), jnp.float32)
    solution = deer(chaos, z0, inputs, jnp.zeros((length, dim), jnp.float32), tolerance=1e-4, max_iterations=100)
    assert not bool(solution.report.converged)
    assert int(solution.report.iterations) == 100
    assert not float(solution.report.residual) <= 1e-3


def test_a_nan_is_reported_even_in_large_float32_arrays():
    """A maximum over NaN is -inf in some CPU backends, which would pass any test of smallness."""
    step, z0, inputs = problem(relu, 4, 20_000, "float32")
    inputs = inputs.at[9_000].set(jnp.nan)
    solution = deer(step, z0, inputs, jnp.zeros((20_000, 4), jnp.float32), tolerance=1e-4, max_iterations=3)
    assert not bool(solution.report.converged)
    assert float(solution.report.residual) == np.inf


def test_one_diverged_sequence_of_a_batch_leaves_the_others_alone():
    step, z0, inputs = problem(relu, 4, 40, "float64")
    batch = jnp.stack([inputs, inputs.at[7].set(jnp.nan), 2 * inputs])
    guess = jnp.zeros((40, 4))

    def one(u):
        return deer(step, z0, u, guess, tolerance=1e-10, max_iterations=30)

    together = jax.vmap(one)(batch)
    assert together.report.converged.tolist() == [True, False, True]
    for lane in (0, 2):
        alone = one(batch[lane])
        assert int(together.report.iterations[lane]) == int(alone.report.iterations)
        np.testing.assert_allclose(together.states[lane], alone.states, rtol=1e-12, atol=1e-12)


def test_an_exact_guess_needs_one_iteration_to_notice():
    step, z0, inputs = problem(gru, 4, 64, "float64")
    exact = sequential(step, z0, inputs).states
    assert int(deer(step, z0, inputs, exact, tolerance=1e-8, max_iterations=100).report.iterations) == 1


def test_a_cap_of_zero_returns_the_guess():
    step, z0, inputs = problem(gru, 4, 64, "float64")
    guess = jnp.ones((64, 4))
    solution = deer(step, z0, inputs, guess, tolerance=1e-8, max_iterations=jnp.array(0))
    np.testing.assert_array_equal(solution.states, guess)
    assert not bool(solution.report.converged)


@pytest.mark.parametrize("length", [1, 2, 13, 128])
def test_scans_solve_the_affine_recurrence_and_its_adjoint(length):
    rng = np.random.default_rng(length)
    jacobians, vectors, z0 = rng.normal(size=(length, 3, 3)), rng.normal(size=(length, 3)), rng.normal(size=3)
    jacobians *= 0.4
    for matrices in (jacobians, np.diagonal(jacobians, axis1=1, axis2=2)):
        dense = matrices if matrices.ndim == 3 else np.stack([np.diag(d) for d in matrices])
        state, states = z0, []
        for matrix, vector in zip(dense, vectors, strict=True):
            state = matrix @ state + vector
            states.append(state)
        adjoint, adjoints = vectors[-1], [vectors[-1]]
        for t in range(length - 2, -1, -1):
            adjoint = vectors[t] + dense[t + 1].T @ adjoint
            adjoints.append(adjoint)
        found = solve_affine(jnp.array(matrices), jnp.array(vectors), jnp.array(z0))
        np.testing.assert_allclose(found, np.array(states), rtol=1e-11, atol=1e-12)
        found = solve_adjoint(jnp.array(matrices), jnp.array(vectors))
        np.testing.assert_allclose(found, np.array(adjoints[::-1]), rtol=1e-11, atol=1e-12)
