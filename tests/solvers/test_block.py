"""The block solver against sequential evaluation: exact everywhere, by whatever it takes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.solvers.steps import Henon, gru, problem, relu
from workflow_src.solvers import chunks, rounds, sequential
from workflow_src.solvers.block import block as batch_block
from workflow_src.solvers.rounds import run_sequentially


def block(step, z0, inputs, guess, *, tolerance):
    """A batch of one sequence."""
    batch = jax.tree.map(lambda leaf: leaf[None], (z0, inputs, guess))
    return jax.tree.map(lambda leaf: leaf[0], batch_block(step, *batch, tolerance=tolerance))


def block_batch(step, z0, inputs, *, tolerance):
    shape = jax.tree.leaves(inputs)[0].shape[:2]
    start = jnp.broadcast_to(z0, (shape[0], *z0.shape))
    return batch_block(step, start, inputs, jnp.zeros((*shape, *z0.shape)), tolerance=tolerance)


class Affine(eqx.Module):
    """z -> A z + u with a diagonal A; some directions may forget slowly."""

    A: jax.Array

    def __call__(self, z, u):
        return self.A * z + u


class AtTheKink(eqx.Module):
    """All pre-activations are exactly zero on the orbit z = 0."""

    W: jax.Array

    def __call__(self, z, u):
        return 0.5 * z + jax.nn.relu(self.W @ z) + u


def no_last_resort(make, arrays, shape):
    found = run_sequentially(make, arrays, shape)
    return found._replace(kept=jax.tree.map(lambda leaf: jnp.full_like(leaf, jnp.nan), found.kept))


def loss_of(solver, weights, guess, tolerance):
    def loss(step, z0, inputs):
        if solver == "sequential":
            solution = sequential(step, z0, inputs)
        else:
            solution = block(step, z0, inputs, guess, tolerance=tolerance)
        return jnp.sum(weights * jnp.sin(solution.states)), solution

    return eqx.filter_jit(lambda *arguments: eqx.filter_value_and_grad(lambda a: loss(*a), has_aux=True)(arguments))


def assert_exact(step, z0, inputs, *, dim, tolerance, accuracy, guess=None):
    """States and gradients are those of sequential evaluation; the solution is returned."""
    length = jax.tree.leaves(inputs)[0].shape[0]
    weights = jnp.asarray(np.random.default_rng(0).normal(size=(length, dim)), z0.dtype)
    guess = jnp.zeros((length, dim), z0.dtype) if guess is None else guess
    (_, exact), slow = loss_of("sequential", weights, guess, tolerance)(step, z0, inputs)
    (_, found), fast = loss_of("block", weights, guess, tolerance)(step, z0, inputs)
    assert bool(found.report.converged)
    scale = float(jnp.max(jnp.abs(exact.states)))
    np.testing.assert_allclose(found.states, exact.states, rtol=accuracy, atol=accuracy * scale)
    scale = max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(slow))
    for a, b in zip(jax.tree.leaves(fast), jax.tree.leaves(slow), strict=True):
        np.testing.assert_allclose(a, b, rtol=accuracy, atol=accuracy * scale)
    return found


@pytest.mark.parametrize("make", [gru, relu])
@pytest.mark.parametrize(("dtype", "tolerance", "accuracy"), [("float64", 1e-13, 1e-9), ("float32", 1e-6, 1e-4)])
@pytest.mark.parametrize("length", [1, 37, 211])
def test_states_and_gradients_are_those_of_sequential_evaluation(make, dtype, tolerance, accuracy, length):
    step, z0, inputs = problem(make, 4, length, dtype)
    solution = assert_exact(step, z0, inputs, dim=4, tolerance=tolerance, accuracy=accuracy)
    rounds = int(solution.report.iterations)
    assert rounds == 0 if length < 64 else 2 <= rounds <= 3


def test_an_exact_guess_needs_no_second_round():
    step, z0, inputs = problem(gru, 4, 211, "float64")
    exact = sequential(step, z0, inputs).states
    assert int(block(step, z0, inputs, exact, tolerance=1e-10).report.iterations) == 1


@pytest.mark.parametrize("batch", [1, 2, 16, 64])
@pytest.mark.parametrize("steps", [1, 15, 33, 997, 8191, 99_999])
@pytest.mark.parametrize("forgetting", [16, chunks.FORGETTING, 400])
def test_chunks_cover_the_sequence_and_hardly_more(batch, steps, forgetting):
    shape = chunks.cut(batch, steps, 2 * 10 * 50, forgetting)
    assert shape.padded >= steps
    assert shape.padded <= 1.12 * steps + chunks.STRETCH
    assert shape.chunks == 1 or shape.length >= chunks.STRETCH


def test_a_step_that_offers_columns_runs_by_them():
    """And gives the gradients of the step itself."""

    class WithColumns(eqx.Module):
        step: eqx.Module

        def __call__(self, z, u):
            raise AssertionError("not by its columns")

        def columns(self, z, u):
            return jax.vmap(self.step, in_axes=-1, out_axes=-1)(z, u)

    step, z0, inputs = problem(relu, 4, 211, "float64")

    def gradient(step):
        states = lambda s: block(s, z0, inputs, jnp.zeros((211, 4)), tolerance=1e-13).states  # noqa: E731
        return jax.tree.leaves(eqx.filter_grad(lambda s: jnp.sum(jnp.sin(states(s))))(step))

    for a, b in zip(gradient(WithColumns(step)), gradient(step), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("slowest", "rounds"), [(0.999, 5), (1.0, 5)])
def test_slow_directions_are_joined_by_a_fitted_transfer(slowest, rounds):
    """Plain rounds would need as many as there are chunks; and a small defect is not taken for a small error."""
    step = Affine(jnp.array([0.3, 0.8, slowest]))
    inputs = jnp.asarray(np.random.default_rng(2).normal(size=(2000, 3)))
    shape = chunks.cut(1, 2000, 2 * 3 * 12)
    assert shape.chunks > 10
    solution = assert_exact(step, jnp.ones(3), inputs, dim=3, tolerance=1e-10, accuracy=1e-9)
    assert int(solution.report.iterations) <= rounds


def test_a_chaotic_map_is_solved_step_by_step():
    z0, inputs = jnp.array([0.3, 0.3]), jnp.zeros((300, 2))
    solution = block(Henon(jnp.array(1.4)), z0, inputs, jnp.zeros((300, 2)), tolerance=1e-6)
    exact = sequential(Henon(jnp.array(1.4)), z0, inputs).states
    assert bool(solution.report.converged)
    # Of the true orbit itself, to the last bits and not only near the attractor.
    np.testing.assert_allclose(solution.states[:30], exact[:30], rtol=1e-9)
    values = jax.vmap(Henon(jnp.array(1.4)))(solution.states[:-1], inputs[1:])
    np.testing.assert_allclose(solution.states[1:], values, rtol=1e-12, atol=1e-12)


def test_an_orbit_to_infinity_is_not_called_converged():
    step = Affine(jnp.array([3.0], jnp.float32))
    inputs = jnp.ones((500, 1), jnp.float32)
    solution = block(step, jnp.ones(1, jnp.float32), inputs, jnp.zeros((500, 1), jnp.float32), tolerance=1e-5)
    assert not bool(solution.report.converged)
    assert float(solution.report.residual) == np.inf


def test_newton_on_the_chunk_boundaries_settles_what_a_fit_cannot(monkeypatch):
    """Tangents give the transfer of each chunk; the rungs beside it are taken away."""
    step, z0, inputs = problem(relu, 4, 600, "float64")
    slow = eqx.tree_at(lambda s: s.A, step, jnp.array([0.999, 0.99, 0.5, 0.2]))
    monkeypatch.setattr(rounds, "LAST_FITTED", 2)
    monkeypatch.setattr(rounds, "run_sequentially", no_last_resort)
    solution = block(slow, z0, 0.1 * inputs, jnp.zeros((600, 4)), tolerance=1e-10)
    exact = sequential(slow, z0, 0.1 * inputs).states
    assert int(solution.report.iterations) > 2
    np.testing.assert_allclose(solution.states, exact, rtol=1e-8, atol=1e-8)


def test_the_error_bound_holds_where_the_defect_is_smaller_than_the_error():
    """A neutral direction adds up the defects of all chunks."""
    step = Affine(jnp.array([0.9999]))
    inputs = jnp.asarray(np.random.default_rng(3).normal(size=(3000, 1)))
    exact = sequential(step, jnp.ones(1), inputs).states
    for tolerance in (1e-2, 1e-5):
        found = block(step, jnp.ones(1), inputs, exact + tolerance / 20, tolerance=tolerance)
        assert float(jnp.max(jnp.abs(found.states - exact))) <= tolerance


def test_a_nan_in_one_sequence_leaves_the_others_alone():
    step, z0, inputs = problem(relu, 4, 211, "float64")
    batch = jnp.stack([inputs, inputs.at[70].set(jnp.nan), 2 * inputs])
    together = block_batch(step, z0, batch, tolerance=1e-10)
    assert together.report.converged.tolist() == [True, False, True]
    assert bool(jnp.all(jnp.isnan(together.states[1, 70:])))
    np.testing.assert_allclose(together.states[1, :70], sequential(step, z0, inputs).states[:70], rtol=1e-9, atol=1e-9)
    for lane in (0, 2):
        exact = sequential(step, z0, batch[lane]).states
        np.testing.assert_allclose(together.states[lane], exact, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("per_sequence", [False, True])
def test_a_batch_has_the_gradients_of_its_sequences(per_sequence):
    """Also where every sequence asks for its own gradient of the shared parameters."""
    step, z0, inputs = problem(relu, 4, 211, "float64")
    batch = jnp.stack([inputs, 0.5 * inputs, -inputs])

    def loss(step, u, solver):
        guess = jnp.zeros((211, 4))
        solution = sequential(step, z0, u) if solver == "s" else block(step, z0, u, guess, tolerance=1e-13)
        return jnp.sum(jnp.sin(solution.states))

    def gradient(solver):
        if per_sequence:
            return jax.vmap(lambda u: eqx.filter_grad(loss)(step, u, solver))(batch)
        if solver == "b":
            return eqx.filter_grad(lambda step: jnp.sum(jnp.sin(block_batch(step, z0, batch, tolerance=1e-13).states)))(
                step
            )
        return eqx.filter_grad(lambda step: jnp.sum(jax.vmap(lambda u: loss(step, u, solver))(batch)))(step)

    for a, b in zip(jax.tree.leaves(gradient("b")), jax.tree.leaves(gradient("s")), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_a_pack_of_steps_over_a_batch_is_that_of_each_alone():
    """One step forgets at once, one slowly, one never: the rungs of one do not touch the others."""
    step, z0, inputs = problem(relu, 4, 211, "float64")
    step = eqx.tree_at(lambda s: s.W1, step, 0.1 * step.W1)
    scales = jnp.array([[0.1] * 4, [0.9] * 4, [0.999, 0.5, 0.5, 0.5]])
    pack = eqx.filter_vmap(lambda A: eqx.tree_at(lambda s: s.A, step, A))(scales)
    batch = jnp.stack([inputs, -inputs]) * 0.1

    def loss(step, solver):
        if solver == "b":
            return jnp.sum(jnp.sin(block_batch(step, z0, batch, tolerance=1e-13).states))
        return jnp.sum(jax.vmap(lambda u: jnp.sum(jnp.sin(sequential(step, z0, u).states)))(batch))

    found, exact = (eqx.filter_jit(eqx.filter_vmap(lambda s, o=o: eqx.filter_grad(loss)(s, o)))(pack) for o in "bs")
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)


def test_a_pre_activation_of_exactly_zero_has_the_subgradient_zero():
    step = AtTheKink(jnp.ones((3, 3)))
    inputs = jnp.zeros((100, 3))
    solution = assert_exact(step, jnp.zeros(3), inputs, dim=3, tolerance=1e-12, accuracy=1e-12)
    np.testing.assert_array_equal(solution.states, 0)
