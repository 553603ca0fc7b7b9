"""Newton for increments against sequential evaluation, its adjoint against BPTT, its certificates and its failures."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from workflow_src.forcing import forced_step, teacher_signal
from workflow_src.models.shallow_plrnn import ShallowPLRNN
from workflow_src.solvers import chunked_affine as chunked
from workflow_src.solvers import newton, sequential, solve

ACCURACY = [("float64", 1e-12, 1e-9), ("float32", 1e-5, 1e-4)]


class GRUStep(eqx.Module):
    """A smooth recurrence that offers neither Jacobian nor pattern."""

    cell: eqx.nn.GRUCell

    def __call__(self, z, u):
        return self.cell(u, z)


class ReLUStep(eqx.Module):
    """A piecewise-linear map that offers its pattern and no Jacobian."""

    A: jax.Array
    W1: jax.Array
    W2: jax.Array

    def __call__(self, z, u):
        return self.A * z + self.W1 @ jax.nn.relu(self.W2 @ z) + u

    def pattern(self, z, u):
        return self.W2 @ z > 0


class Henon(eqx.Module):
    """The Henon map at its chaotic parameters."""

    a: jax.Array

    def __call__(self, z, u):
        return jnp.array([1 - self.a * z[0] ** 2 + z[1], 0.3 * z[0]]) + 0 * u


def gru(dtype):
    return GRUStep(eqx.nn.GRUCell(4, 4, key=jax.random.key(3), dtype=dtype))


def relu(dtype, key=5, slow=0.5):
    keys = jax.random.split(jax.random.key(key), 3)
    return ReLUStep(
        slow * (1 - 0.2 * jax.random.uniform(keys[0], (4,), dtype)).at[0].set(1),
        0.1 * jax.random.normal(keys[1], (4, 8), dtype).at[:, :].multiply(1 - slow),
        jax.random.normal(keys[2], (8, 4), dtype),
    )


def slow_relu(dtype):
    """Chunks do not forget how they were entered: one unit contracts by 0.999 a step."""
    return relu(dtype, slow=0.999)


def plrnn(dtype, obs_dim):
    keys = jax.random.split(jax.random.key(2), 4)
    model = ShallowPLRNN(
        obs_dim=obs_dim,
        latent_dim=4,
        a=jax.random.normal(keys[0], (4,), dtype),
        W1=jax.random.normal(keys[1], (4, 10), dtype) / 10,
        W2=jax.random.normal(keys[2], (10, 4), dtype) / 2,
        h1=jnp.zeros(4, dtype),
        h2=jax.random.normal(keys[3], (10,), dtype),
        B=jnp.eye(obs_dim, 4, dtype=dtype),
    )
    return forced_step(model, 0.3)


def fully_forced(dtype):
    return plrnn(dtype, 4)


def partly_forced(dtype):
    return plrnn(dtype, 2)


def problem(make, length, dtype="float64"):
    keys = jax.random.split(jax.random.key(7), 2)
    return make(dtype), jax.random.normal(keys[0], (4,), dtype), jax.random.normal(keys[1], (length, 4), dtype)


@eqx.filter_jit
def value_and_gradient(step, z0, inputs, solver, tolerance):
    weights = jnp.cos(jnp.arange(inputs.shape[0] * 4.0)).reshape(-1, 4).astype(inputs.dtype)

    def loss(arguments):
        step, z0, inputs = arguments
        guess = jnp.zeros_like(inputs)
        solution = solve(solver, step, z0, inputs, guess, tolerance=tolerance, max_iterations=100)
        return jnp.sum(weights * solution.states**2), solution

    (_, solution), gradient = eqx.filter_value_and_grad(loss, has_aux=True)((step, z0, inputs))
    return solution, gradient


def assert_gradients_agree(found, exact, accuracy):
    scale = max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(exact))
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(a, b, rtol=accuracy, atol=accuracy * scale)


@pytest.mark.parametrize(("dtype", "tolerance", "accuracy"), ACCURACY)
@pytest.mark.parametrize("make", [gru, slow_relu, fully_forced, partly_forced])
def test_states_and_gradients_are_those_of_sequential_evaluation(make, dtype, tolerance, accuracy):
    """At a prime length, which no chunk divides."""
    arguments = problem(make, 331, dtype)
    exact, slow = value_and_gradient(*arguments, "sequential", tolerance)
    found, fast = value_and_gradient(*arguments, "newton", tolerance)
    assert bool(found.report.converged)
    assert float(found.report.residual) <= tolerance
    assert found.states.dtype == dtype
    # A residual of the tolerance is an error of tolerance / (1 - 0.999) at most.
    scale = float(jnp.max(jnp.abs(exact.states)))
    np.testing.assert_allclose(found.states, exact.states, rtol=accuracy, atol=accuracy * scale)
    assert_gradients_agree(fast, slow, accuracy)


@pytest.mark.parametrize("length", [1, 17])
def test_short_sequences_are_one_or_two_chunks(length):
    arguments = problem(slow_relu, length)
    exact, slow = value_and_gradient(*arguments, "sequential", 1e-12)
    found, fast = value_and_gradient(*arguments, "newton", 1e-12)
    np.testing.assert_allclose(found.states, exact.states, rtol=1e-12, atol=1e-12)
    assert_gradients_agree(fast, slow, 1e-10)


@pytest.mark.parametrize("make", [gru, slow_relu])
def test_an_exact_guess_costs_no_iteration_and_keeps_its_gradient(make):
    """No linear solve was made, so the adjoint has to find its transfer matrices by itself."""
    step, z0, inputs = problem(make, 300)
    exact = sequential(step, z0, inputs).states

    def loss(z0, solver):
        solution = solve(solver, step, z0, inputs, exact, tolerance=1e-9, max_iterations=50)
        return jnp.sum(solution.states[-100:]), solution.report

    gradient, report = jax.jit(jax.grad(loss, has_aux=True), static_argnums=1)(z0, "newton")
    assert int(report.iterations) == 0
    assert bool(report.converged)
    np.testing.assert_allclose(gradient, jax.grad(loss, has_aux=True)(z0, "sequential")[0], rtol=1e-9, atol=1e-12)


@pytest.fixture(scope="module")
def run():
    """One compilation for the tests that share a step and length."""
    return eqx.filter_jit(
        lambda step, z0, inputs, guess, tolerance, cap: newton(
            step, z0, inputs, guess, tolerance=tolerance, max_iterations=cap
        )
    )


def test_convergence_at_the_last_allowed_iteration_counts(run):
    step, z0, inputs = problem(gru, 300)
    guess = jnp.zeros((300, 4))
    needed = run(step, z0, inputs, guess, jnp.array(1e-9), jnp.array(100)).report.iterations
    assert int(needed) > 1
    for cap, converged in ((needed, True), (needed - 1, False)):
        report = run(step, z0, inputs, guess, jnp.array(1e-9), cap).report
        assert int(report.iterations) == int(cap)
        assert bool(report.converged) is converged
        assert (float(report.residual) <= 1e-9) is converged


def test_a_cap_of_zero_returns_the_guess(run):
    step, z0, inputs = problem(gru, 300)
    guess = jnp.ones((300, 4))
    solution = run(step, z0, inputs, guess, jnp.array(1e-9), jnp.array(0))
    np.testing.assert_array_equal(solution.states, guess)
    assert not bool(solution.report.converged)


def test_a_residual_within_the_tolerance_stops_before_the_pattern_settles(run):
    step, z0, inputs = problem(relu, 300)
    guess = jnp.zeros((300, 4))
    loose = run(step, z0, inputs, guess, jnp.array(1e-2), jnp.array(100)).report
    exact = run(step, z0, inputs, guess, jnp.array(0.0), jnp.array(100)).report
    assert bool(loose.converged)
    assert 1e-9 < float(loose.residual) <= 1e-2
    assert int(loose.iterations) < int(exact.iterations)


@pytest.mark.parametrize("make", [relu, slow_relu, gru])
def test_an_unchanged_pattern_stops_at_rounding_whatever_the_tolerance(run, make):
    """And a step without a pattern has no such certificate."""
    step, z0, inputs = problem(make, 300)
    solution = run(step, z0, inputs, jnp.zeros((300, 4)), jnp.array(-1.0), jnp.array(30))
    assert bool(solution.report.converged) is hasattr(step, "pattern")
    assert (int(solution.report.iterations) < 30) is hasattr(step, "pattern")
    scale = float(jnp.max(jnp.abs(solution.states)))
    assert float(solution.report.residual) <= 1e-13 * max(scale, 1)
    exact = sequential(step, z0, inputs).states
    np.testing.assert_allclose(solution.states, exact, rtol=1e-10, atol=1e-11 * scale)


def test_a_map_affine_everywhere_takes_one_iteration_and_one_for_rounding_at_most():
    step, z0, inputs = problem(relu, 50)
    step = eqx.tree_at(lambda s: s.W2, step, jnp.zeros((8, 4)))
    report = newton(step, z0, inputs, jnp.ones((50, 4)), tolerance=0.0, max_iterations=30).report
    assert int(report.iterations) <= 2
    assert bool(report.converged)


@pytest.mark.parametrize("length", [200, 5000])
def test_a_chaotic_map_is_never_called_converged_where_it_is_not_solved(length):
    z0, nothing = jnp.full(2, 0.3, jnp.float32), jnp.zeros((length, 2), jnp.float32)
    solution = newton(Henon(jnp.float32(1.4)), z0, nothing, nothing, tolerance=1e-4, max_iterations=100)
    assert not bool(solution.report.converged)
    assert not float(solution.report.residual) <= 1e-3


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_trained_chaotic_map_converges_under_forcing_only(dtype):
    """Sec. 3.1.3. Its pattern certifies nothing on the way: it ends converged to the true orbit or not converged."""
    with np.load(Path(__file__).parents[1] / "training/data/lorenz63_plrnn.npz") as arrays:
        parts = {name: jnp.asarray(arrays[name], dtype) for name in arrays.files}
    x = jnp.tile(parts.pop("test"), (3, 1))[:2500]
    model = ShallowPLRNN(obs_dim=3, latent_dim=3, **parts)
    teacher = teacher_signal(model, x)

    @jax.jit
    def run(alpha):
        step = forced_step(model, alpha)
        return newton(step, teacher[0], teacher[:-1], teacher[1:], tolerance=1e-4, max_iterations=100)

    assert not bool(run(0.0).report.converged)
    forced = run(0.3)
    assert bool(forced.report.converged)
    assert int(forced.report.iterations) < 10
    exact = sequential(forced_step(model, 0.3), teacher[0], teacher[:-1]).states
    np.testing.assert_allclose(forced.states, exact, rtol=1e-3, atol=1e-3)


def test_one_diverged_sequence_of_a_batch_leaves_the_others_alone():
    step, z0, inputs = problem(slow_relu, 300)
    batch = jnp.stack([inputs, inputs.at[7].set(jnp.nan), 2 * inputs])

    def one(u):
        return newton(step, z0, u, jnp.zeros((300, 4)), tolerance=1e-10, max_iterations=30)

    together, alone = jax.jit(jax.vmap(one))(batch), jax.jit(one)
    assert together.report.converged.tolist() == [True, False, True]
    assert float(together.report.residual[1]) == np.inf
    for lane in (0, 2):
        expected = alone(batch[lane])
        assert int(together.report.iterations[lane]) == int(expected.report.iterations)
        np.testing.assert_allclose(together.states[lane], expected.states, rtol=1e-10, atol=1e-10)


def test_a_nan_is_reported_even_in_large_float32_arrays():
    step, z0, inputs = problem(relu, 20_000, "float32")
    inputs = inputs.at[9_000].set(jnp.nan)
    solution = newton(step, z0, inputs, jnp.zeros_like(inputs), tolerance=1e-4, max_iterations=3)
    assert not bool(solution.report.converged)
    assert float(solution.report.residual) == np.inf


def test_batches_and_packs_of_steps_have_the_gradients_of_their_members():
    """Seeds outside, sequences inside, one slow seed that needs transfer matrices beside one that does not."""
    members = [relu("float64"), slow_relu("float64")]
    arrays = jax.tree.map(lambda *leaves: jnp.stack(leaves), *members)
    _, z0, inputs = problem(relu, 300)
    batch = jnp.stack([inputs, 0.5 * inputs[::-1]])

    def loss(step, solver):
        def one(u):
            return solve(solver, step, z0, u, jnp.zeros((300, 4)), tolerance=1e-12, max_iterations=100)

        solution = jax.vmap(one)(batch)
        return jnp.mean(solution.states**2), solution.report

    def gradients(solver):
        return jax.jit(jax.vmap(jax.grad(lambda step: loss(step, solver), has_aux=True)))(arrays)

    (found, report), (exact, _) = gradients("newton"), gradients("sequential")
    assert report.converged.all()
    for seed in range(2):
        assert_gradients_agree(*(jax.tree.map(lambda leaf, i=seed: leaf[i], tree) for tree in (found, exact)), 1e-9)


@pytest.mark.parametrize("make", [gru, slow_relu])
def test_gradient_at_a_loose_tolerance_is_that_of_the_returned_iterate(make):
    """The adjoint is the exact dense solution of Eq. (37) at the final state, with transfer matrices of an earlier."""
    length, dim = 60, 4
    step, z0, inputs = problem(make, length)
    weights = np.random.default_rng(0).normal(size=(length, dim))

    def loss(inputs):
        solution = newton(step, z0, inputs, jnp.zeros((length, dim)), tolerance=1e-12, max_iterations=1)
        return jnp.sum(weights * solution.states), solution

    gradient, solution = jax.grad(loss, has_aux=True)(inputs)
    assert float(solution.report.residual) > 1e-3
    previous = jnp.concatenate([z0[None], solution.states[:-1]])
    jacobians = jax.vmap(jax.jacfwd(step))(previous, inputs)
    system = np.eye(length * dim)
    for t in range(1, length):
        system[t * dim : (t + 1) * dim, (t - 1) * dim : t * dim] = -np.asarray(jacobians[t])
    adjoint = np.linalg.solve(system.T, weights.ravel()).reshape(length, dim)
    to_inputs = jax.vmap(jax.jacfwd(step, argnums=1))(previous, inputs)
    np.testing.assert_allclose(gradient, np.einsum("tm,tmk->tk", adjoint, to_inputs), rtol=1e-10, atol=1e-11)


def test_the_guess_gets_no_gradient():
    step, z0, inputs = problem(gru, 20)

    def loss(guess):
        return jnp.sum(newton(step, z0, inputs, guess, tolerance=1e-3, max_iterations=2).states)

    np.testing.assert_array_equal(jax.grad(loss)(jnp.ones((20, 4))), 0)


def test_a_pre_activation_of_zero_has_the_same_subgradient_everywhere():
    """relu'(0) = 0: an orbit at rest at the kink of every unit, in Jacobian-vector products, Jacobians and pattern."""
    model = eqx.tree_at(lambda m: m.h2, plrnn("float64", 4).model, jnp.zeros(10))
    step = forced_step(model, 0.3)
    nothing = jnp.zeros((40, 4))
    found, fast = value_and_gradient(step, jnp.zeros(4), nothing + 0.0, "newton", 1e-12)
    np.testing.assert_array_equal(found.states, 0)

    def end(z0):
        return jnp.sum(newton(step, z0, nothing, nothing, tolerance=1e-12, max_iterations=5).states)

    linear = 0.7 * model.A
    np.testing.assert_allclose(jax.grad(end)(jnp.zeros(4)), sum(linear**t for t in range(1, 41)), rtol=1e-12)
    assert all(bool(jnp.all(leaf == 0)) for leaf in jax.tree.leaves(fast))


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "adjoint"])
@pytest.mark.parametrize("given", ["none", "exact", "not finite"])
@pytest.mark.parametrize("length", [1, 29, 160])
def test_gaps_are_closed_with_whatever_transfer_matrices_are_given(reverse, given, length):
    """Rotations forget nothing, so that chunks need the right matrices, and form them where they were not given."""
    rng = np.random.default_rng(length)
    matrices, vectors = np.linalg.qr(rng.normal(size=(length, 3, 3)))[0], rng.normal(size=(length, 3))
    expected, v = np.zeros_like(vectors), np.zeros(3)
    for t in reversed(range(length)) if reverse else range(length):
        v = (v if reverse else matrices[t] @ v) + vectors[t]
        expected[t] = v
        v = matrices[t].T @ v if reverse else v

    shape = chunked.Cut(length, -(-length // 20), 20)
    J, b = chunked.arrange((jnp.asarray(matrices), jnp.asarray(vectors)), shape)
    b = jnp.where(chunked.inside(shape), b, 0)

    def sweep(starts, part):
        def one(v, at):
            J, b = at
            v = (v if reverse else jnp.einsum("ijk,jk->ik", J, v)) + b
            return (jnp.einsum("jik,jk->ik", J, v) if reverse else v), v

        ends, vectors = jax.lax.scan(one, starts, (J[part], b[part]), reverse=reverse)
        return vectors, ends

    def build():
        return chunked.transfer_matrices(lambda J: J, J, shape, "float64")

    transfer = {"none": jnp.zeros_like, "exact": lambda _: build(), "not finite": lambda P: P * jnp.nan}[given](build())
    solved = chunked.solve(sweep, transfer, build, reverse=reverse)
    assert bool(solved.closed)
    np.testing.assert_allclose(chunked.join(solved.vectors, shape), expected, rtol=1e-11, atol=1e-12)
