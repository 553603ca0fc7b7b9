"""DEER against sequential evaluation, its adjoint against BPTT, and its honesty about failure."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.solvers.steps import (
    Henon,
    Logistic,
    assert_gradients_agree,
    evaluate,
    gru,
    problem,
    relu,
    states_of,
    value_and_gradient,
)
from workflow_src.solvers import deer, solve
from workflow_src.solvers.affine_scan import solve_adjoint, solve_affine


@pytest.mark.parametrize("make", [gru, relu])
@pytest.mark.parametrize(("dtype", "tolerance", "accuracy"), [("float64", 1e-12, 1e-9), ("float32", 1e-5, 1e-4)])
@pytest.mark.parametrize("length", [1, 37])
def test_states_and_gradients_are_those_of_sequential_evaluation(make, dtype, tolerance, accuracy, length):
    arguments = (*problem(make, 4, length, dtype), np.zeros((length, 4), dtype))
    exact, slow = value_and_gradient("sequential", *arguments, tolerance=tolerance)
    found, fast = value_and_gradient("deer", *arguments, tolerance=tolerance)
    assert bool(found.report.converged)
    np.testing.assert_allclose(found.states, exact.states, rtol=accuracy, atol=accuracy)
    assert_gradients_agree(fast, slow, accuracy)


def test_gradient_at_a_loose_tolerance_is_that_of_the_returned_iterate():
    """The adjoint uses the Jacobians of the final state: it is the exact dense solution of Eq. (37) there."""
    length, dim = 23, 3
    step, z0, inputs = problem(gru, dim, length, "float64")
    weights = np.random.default_rng(0).normal(size=(length, dim))

    def loss(inputs):
        guess = jnp.zeros((length, dim))
        solution = deer(step, z0, inputs, guess, tolerance=1e-12, max_iterations=2)
        return jnp.sum(weights * solution.states), solution.states

    gradient, states = jax.jit(jax.grad(loss, has_aux=True))(inputs)
    previous = np.concatenate([np.asarray(z0)[None], states[:-1]])
    jacobians, to_inputs = jax.jit(jax.vmap(jax.jacfwd(step, argnums=(0, 1))))(previous, inputs)
    system = np.eye(length * dim)
    for t in range(1, length):
        system[t * dim : (t + 1) * dim, (t - 1) * dim : t * dim] = -np.asarray(jacobians[t])
    adjoint = np.linalg.solve(system.T, weights.ravel()).reshape(length, dim)
    np.testing.assert_allclose(gradient, np.einsum("tm,tmk->tk", adjoint, to_inputs), rtol=1e-10, atol=1e-12)


def test_quasi_gradient_is_the_dense_solution_with_diagonal_jacobians():
    """Eq. (44) against the linear system Jcal^T lambda = g assembled with the diagonals only."""
    length, dim = 19, 4
    step, z0, inputs = problem(relu, dim, length, "float64")
    weights = np.random.default_rng(1).normal(size=(length, dim))

    @eqx.filter_jit
    def gradient_of(solver, step):
        def loss(step):
            given = z0, inputs, jnp.zeros((length, dim))
            solution = solve(solver, step, *given, tolerance=1e-13, max_iterations=500)
            return jnp.sum(weights * solution.states), solution

        return eqx.filter_grad(loss, has_aux=True)(step)

    @eqx.filter_jit
    def derivatives(step, previous, inputs):
        """With respect to the state and to the parameters."""
        to_parameters = jax.vmap(lambda z, u: eqx.filter_jacfwd(lambda s: s(z, u))(step))
        return jax.vmap(jax.jacfwd(step))(previous, inputs), to_parameters(previous, inputs)

    gradient, solution = gradient_of("quasi_deer", step)
    assert bool(solution.report.converged)
    jacobians, to_parameters = derivatives(step, np.concatenate([np.asarray(z0)[None], solution.states[:-1]]), inputs)
    system = np.eye(length * dim)
    for t in range(1, length):
        system[t * dim : (t + 1) * dim, (t - 1) * dim : t * dim] = -np.diag(np.diag(jacobians[t]))
    adjoint = np.linalg.solve(system.T, weights.ravel()).reshape(length, dim)
    for name in ("A", "W1", "W2"):
        derivative = np.asarray(getattr(to_parameters, name))
        expected = np.tensordot(adjoint, derivative, axes=((0, 1), (0, 1)))
        np.testing.assert_allclose(getattr(gradient, name), expected, rtol=1e-9, atol=1e-11)
    exact, _ = gradient_of("sequential", step)
    assert not np.allclose(gradient.W1, exact.W1, rtol=1e-3)


def test_quasi_deer_finds_the_same_states():
    given = (*problem(relu, 4, 50, "float64"), np.zeros((50, 4)))
    found = evaluate("quasi_deer", *given, tolerance=1e-12, max_iterations=500)
    newton = evaluate("deer", *given, tolerance=1e-12, max_iterations=500)
    assert bool(found.report.converged)
    np.testing.assert_allclose(found.states, states_of(*given[:3]), rtol=1e-9, atol=1e-9)
    assert int(found.report.iterations) > int(newton.report.iterations)


@pytest.mark.parametrize(("chaos", "dim"), [(Logistic(np.float32(3.9)), 1), (Henon(np.float32(1.4)), 2)])
@pytest.mark.parametrize("length", [200, 5000])
def test_a_chaotic_map_is_never_called_converged_where_it_is_not_solved(chaos, dim, length):
    """The public seq1d reports success here, at residuals up to 1e16."""
    z0, nothing = np.full(dim, 0.3, np.float32), np.zeros((length, dim), np.float32)
    solution = evaluate("deer", chaos, z0, nothing, nothing, tolerance=1e-4)
    assert not bool(solution.report.converged)
    assert int(solution.report.iterations) == 100
    assert not float(solution.report.residual) <= 1e-3


def test_a_nan_is_reported_even_in_large_float32_arrays():
    """A maximum over NaN is -inf in some CPU backends, which would pass any test of smallness."""
    step, z0, inputs = problem(relu, 4, 20_000, "float32")
    inputs = np.array(inputs)
    inputs[9_000] = np.nan
    solution = evaluate("deer", step, z0, inputs, np.zeros_like(inputs), tolerance=1e-4, max_iterations=3)
    assert not bool(solution.report.converged)
    assert float(solution.report.residual) == np.inf


def test_one_diverged_sequence_of_a_batch_leaves_the_others_alone():
    step, z0, inputs = problem(relu, 4, 40, "float64")
    inputs = np.asarray(inputs)
    batch = np.stack([inputs, inputs, 2 * inputs])
    batch[1, 7] = np.nan

    def one(u):
        return deer(step, z0, u, jnp.zeros((40, 4)), tolerance=1e-10, max_iterations=30)

    together, each_alone = jax.jit(jax.vmap(one))(batch), jax.jit(one)
    assert together.report.converged.tolist() == [True, False, True]
    for lane in (0, 2):
        alone = each_alone(batch[lane])
        assert int(together.report.iterations[lane]) == int(alone.report.iterations)
        np.testing.assert_allclose(together.states[lane], alone.states, rtol=1e-12, atol=1e-12)


def test_an_exact_guess_needs_one_iteration_to_notice():
    given = problem(gru, 4, 64, "float64")
    solution = evaluate("deer", *given, states_of(*given), tolerance=1e-8, max_iterations=np.array(100))
    assert int(solution.report.iterations) == 1


def test_a_cap_of_zero_returns_the_guess():
    guess = np.ones((64, 4))
    given = problem(gru, 4, 64, "float64")
    solution = evaluate("deer", *given, guess, tolerance=1e-8, max_iterations=np.array(0))
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
        found = jax.jit(solve_affine)(matrices, vectors, z0)
        np.testing.assert_allclose(found, np.array(states), rtol=1e-11, atol=1e-12)
        found = jax.jit(solve_adjoint)(matrices, vectors)
        np.testing.assert_allclose(found, np.array(adjoints[::-1]), rtol=1e-11, atol=1e-12)
