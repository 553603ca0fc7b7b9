"""GTF-DEER against sequential GTF: the same loss, gradients and claims of the paper that are cheap to check."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.training.specs import LOW_RANK, SHPLRNN, run_spec
from workflow_src.forcing import forced_step, forgetting, teacher_signal
from workflow_src.metrics.lyapunov import contraction_bound, critical_forcing, lyapunov_exponent
from workflow_src.models.build import build
from workflow_src.models.shallow_plrnn import ShallowPLRNN
from workflow_src.solvers.choice import choose
from workflow_src.solvers.rounds import LAST_NEWTON
from workflow_src.training.forward import initial_guess, solve_forced
from workflow_src.training.loss import loss_and_gradient


def orbit(steps, dim, seed=0):
    """A smooth quasi-periodic series of unit scale."""
    times = np.arange(steps)[:, None] * np.array([0.11, 0.17, 0.23, 0.31])[:dim]
    return np.sin(times + np.random.default_rng(seed).uniform(0, 6, dim))


def shaken(model, size, dtype):
    """A model away from its initialisation: every parameter moved, the read-out no longer an identity."""
    leaves, tree = jax.tree.flatten(model)
    keys = jax.random.split(jax.random.key(11), len(leaves))
    moved = [
        (leaf + size * jax.random.normal(key, leaf.shape)).astype(dtype) for leaf, key in zip(leaves, keys, strict=True)
    ]
    return jax.tree.unflatten(tree, moved)


def random_plrnn(latent_dim, obs_dim, scale, seed):
    """A random model with Jacobians of norm above one."""
    keys = jax.random.split(jax.random.key(seed), 4)
    return ShallowPLRNN(
        obs_dim=obs_dim,
        latent_dim=latent_dim,
        a=jax.random.normal(keys[0], (latent_dim,)),
        W1=scale * jax.random.normal(keys[1], (latent_dim, 20)) / 20**0.5,
        W2=jax.random.normal(keys[2], (20, latent_dim)) / latent_dim**0.5,
        h1=jnp.zeros(latent_dim),
        h2=jax.random.normal(keys[3], (20,)),
        B=jnp.eye(obs_dim, latent_dim),
    )


def test_strong_forcing_forgets_soon_and_free_directions_late():
    assert forgetting(0.9, 3, 3) < forgetting(0.3, 3, 3) < forgetting(0.1, 3, 3) < forgetting(0.1, 4, 3)
    assert forgetting(0.3, 3, 3) == pytest.approx(np.log(1e-5) / np.log(0.7), abs=1)
    assert forgetting(jnp.array(0.9), 3, 3) == forgetting(0.0, 3, 3) == forgetting(0.9, 4, 3)
    assert forgetting(1.0, 3, 3) > 0


@pytest.mark.parametrize("architecture", [SHPLRNN, LOW_RANK], ids=["full", "low rank"])
@pytest.mark.parametrize("obs_dim", [6, 4, 1], ids=["M < N", "M = N", "M > N"])
def test_columns_are_forced_like_single_states(architecture, obs_dim):
    """And Pi, which is not multiplied with where it is the identity, is what Eq. (8) says."""
    spec = run_spec(architecture, obs_dim=obs_dim, sequence_length=77, batch_size=2)
    model = shaken(build(spec.architecture, obs_dim, key=jax.random.key(3)), 0.2, "float64")
    step = forced_step(model, 0.3)
    z, teacher = jax.random.normal(jax.random.key(5), (2, model.latent_dim, 7))
    together = step.columns(z, teacher)
    projector = jnp.linalg.pinv(model.B) @ model.B
    for column in range(7):
        one = step(z[:, column], teacher[:, column])
        np.testing.assert_allclose(together[:, column], one, rtol=1e-12, atol=1e-12)
        forced = z[:, column] + 0.3 * (teacher[:, column] - projector @ z[:, column])
        np.testing.assert_allclose(one, model.step(forced), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("architecture", [SHPLRNN, LOW_RANK], ids=["full", "low rank"])
@pytest.mark.parametrize("obs_dim", [4, 1], ids=["M = N", "M > N"])
@pytest.mark.parametrize(("dtype", "tolerance", "accuracy"), [("float64", 1e-12, 1e-9), ("float32", 1e-5, 1e-4)])
def test_loss_and_gradient_are_those_of_sequential_gtf(architecture, obs_dim, dtype, tolerance, accuracy):
    results = []
    windows = jnp.asarray(np.stack([orbit(77, obs_dim, seed) for seed in range(2)]), dtype)
    for solver in ("sequential", "deer", "block"):
        spec = run_spec(
            architecture, obs_dim=obs_dim, sequence_length=77, batch_size=2, solver=solver, tolerance=tolerance
        )
        model = shaken(build(spec.architecture, obs_dim, key=jax.random.key(1)), 0.1, dtype)
        (loss, terms), gradient = loss_and_gradient(model, windows, spec, 100, jax.random.key(0))
        assert bool(terms.report.converged.all())
        results.append((loss, gradient))
    (slow_loss, slow), *others = results
    scale = max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(slow))
    for fast_loss, fast in others:
        np.testing.assert_allclose(fast_loss, slow_loss, rtol=accuracy)
        for a, b in zip(jax.tree.leaves(fast), jax.tree.leaves(slow), strict=True):
            np.testing.assert_allclose(a, b, rtol=accuracy, atol=accuracy * scale)


@pytest.mark.parametrize("architecture", [SHPLRNN, LOW_RANK], ids=["full", "low rank"])
@pytest.mark.parametrize("obs_dim", [4, 1], ids=["M = N", "M > N"])
@pytest.mark.parametrize("alpha", [0.3, 1.0])
@pytest.mark.parametrize(("dtype", "tolerance", "accuracy"), [("float64", 1e-12, 1e-9), ("float32", 1e-5, 1e-4)])
def test_states_are_those_of_sequential_gtf(architecture, obs_dim, alpha, dtype, tolerance, accuracy):
    spec = run_spec(architecture, obs_dim=obs_dim)
    model = shaken(build(spec.architecture, obs_dim, key=jax.random.key(1)), 0.1, dtype)
    teacher = teacher_signal(model, jnp.asarray(orbit(78, obs_dim), dtype))
    slow, fast = (
        solve_forced(model, teacher, alpha, teacher[1:], solver=solver, tolerance=tolerance, max_iterations=100)
        for solver in ("sequential", "deer")
    )
    assert bool(fast.report.converged)
    assert fast.states.shape == (77, 4)
    scale = float(jnp.max(jnp.abs(slow.states)))
    np.testing.assert_allclose(fast.states, slow.states, rtol=accuracy, atol=accuracy * scale)


def test_the_read_out_learns_through_the_prediction_alone():
    """B^+ and Pi are constants: finite differences of the loss at a frozen teacher agree with its gradient in B."""
    spec = run_spec(solver="sequential", mar_strength=0.0, observation_strength=0.0, singular_value_strength=0.0)
    model = shaken(build(spec.architecture, 2, key=jax.random.key(1)), 0.1, "float64")
    x = jnp.asarray(orbit(31, 2))
    teacher = teacher_signal(model, x)
    _, gradient = loss_and_gradient(model, x[None], spec, 100, jax.random.key(0))
    states = solve_forced(
        model, teacher, 0.3, teacher[1:], solver="sequential", tolerance=1e-9, max_iterations=1
    ).states

    def error(B):
        return jnp.mean((states[4:] @ B.T - x[5:]) ** 2)

    np.testing.assert_allclose(gradient.B, jax.grad(error)(model.B), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("guess", ["zero", "normal", "pseudo_inverse"])
def test_full_forcing_converges_in_two_newton_iterations(guess):
    """Sec. 5.1: one to solve, one to verify, at alpha = 1 and M <= N."""
    model = random_plrnn(3, 3, 2.0, seed=4)
    teacher = teacher_signal(model, jnp.asarray(orbit(501, 3)))
    start = initial_guess(guess, teacher[1:], key=jax.random.key(0))
    report = solve_forced(model, teacher, 1.0, start, solver="deer", tolerance=1e-4, max_iterations=100).report
    assert int(report.iterations) == 2
    assert bool(report.converged)


def trained(dtype):
    """A chaotic shPLRNN that was trained on Lorenz-63, and data that it has not seen."""
    with np.load(Path(__file__).parent / "data/lorenz63_plrnn.npz") as arrays:
        parts = {name: jnp.asarray(arrays[name], dtype) for name in arrays.files}
    x = parts.pop("test")
    return ShallowPLRNN(obs_dim=3, latent_dim=3, **parts), x


@pytest.mark.parametrize(
    ("alpha", "dtype", "tolerance", "accuracy"), [(0.1, "float64", 1e-11, 1e-8), (0.3, "float32", 1e-5, 2e-4)]
)
def test_block_solves_a_trained_chaotic_map_under_forcing_by_its_chunks(alpha, dtype, tolerance, accuracy):
    """States and gradients are those of sequential evaluation, over a prime number of steps."""
    model, x = trained(dtype)
    x = jnp.tile(x, (3, 1))[:1010]
    choice = choose(batch=1, steps=1009, latent_dim=3, hidden_dim=50, forgetting=forgetting(alpha, 3, 3))
    assert choice.solver == "block"

    def loss(model, solver):
        teacher = teacher_signal(model, x)
        found = solve_forced(model, teacher, alpha, teacher[1:], solver=solver, tolerance=tolerance, max_iterations=100)
        return jnp.mean((jax.vmap(model.observe)(found.states) - x[1:]) ** 2), found

    value_and_gradient = eqx.filter_jit(eqx.filter_value_and_grad(loss, has_aux=True))
    (_, exact), slow = value_and_gradient(model, "sequential")
    (_, found), fast = value_and_gradient(model, "block")
    assert bool(found.report.converged)
    assert 2 <= int(found.report.iterations) < LAST_NEWTON
    np.testing.assert_allclose(found.states, exact.states, rtol=accuracy, atol=accuracy)
    scale = max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(slow))
    for a, b in zip(jax.tree.leaves(fast), jax.tree.leaves(slow), strict=True):
        np.testing.assert_allclose(a, b, atol=10 * accuracy * scale)


def test_block_solves_a_trained_chaotic_map_without_forcing_step_by_step():
    model, x = trained("float64")
    teacher = teacher_signal(model, jnp.tile(x, (3, 1))[:2000])
    found = solve_forced(model, teacher, 0.0, teacher[1:], solver="block", tolerance=1e-4, max_iterations=100)
    assert bool(found.report.converged)
    before = jnp.concatenate([teacher[:1], found.states[:-1]])
    np.testing.assert_allclose(found.states, jax.vmap(model.step)(before), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_trained_chaotic_map_without_forcing_is_reported_as_not_converged(dtype):
    """Sec. 3.1.3: Newton over a long chaotic orbit does not converge within the cap, and says so. Forced, it does."""
    model, x = trained(dtype)
    _, states = jax.lax.scan(lambda z, _: (model.step(z), z), x[0], length=3000)
    assert bool(jnp.all(jnp.abs(states) < 5)), "the orbit stays on the attractor"
    assert lyapunov_exponent(np.asarray(jax.vmap(model.jacobian)(states))) > 0.005
    teacher = teacher_signal(model, jnp.tile(x, (3, 1))[:2500])

    def report(alpha):
        return solve_forced(
            model, teacher, alpha, teacher[1:], solver="deer", tolerance=1e-4, max_iterations=100
        ).report

    free, forced = report(0.0), report(0.3)
    assert not bool(free.converged)
    assert int(free.iterations) == 100
    assert bool(forced.converged)
    assert int(forced.iterations) < 10


@pytest.mark.parametrize("seed", range(5))
def test_forced_exponents_obey_proposition_1(seed):
    """lambda~ <= log((1 - alpha) sigma_max) < 0 for alpha > alpha*, Eqs. (15) and (16)."""
    model = random_plrnn(3, 3, 2.0, seed=seed)
    teacher = teacher_signal(model, jnp.asarray(orbit(800, 3, seed)))
    norms = np.abs(model.A).max() + np.linalg.norm(model.W1, 2) * np.linalg.norm(model.W2, 2)
    alpha = critical_forcing(float(norms)) + 0.01
    step = forced_step(model, alpha)
    _, states = jax.lax.scan(lambda z, signal: (step(z, signal), z), teacher[0], teacher)
    exponent = lyapunov_exponent(np.asarray(jax.vmap(step.jacobian)(states, teacher)))
    assert exponent <= contraction_bound(float(norms), alpha) < 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("alpha", [0.1, 0.4])
def test_forced_exponents_obey_proposition_1_with_the_norm_along_the_orbit(seed, alpha):
    """sigma_max of the Jacobians that the orbit meets is far below the product of norms: the bound is tighter."""
    model = random_plrnn(3, 3, 2.0, seed=seed)
    teacher = teacher_signal(model, jnp.asarray(orbit(800, 3, seed)))
    step = forced_step(model, alpha)
    _, states = jax.lax.scan(lambda z, signal: (step(z, signal), z), teacher[0], teacher)
    unforced = np.asarray(jax.vmap(lambda z, signal: model.jacobian(step.force(z, signal)))(states, teacher))
    sigma_max = float(np.linalg.norm(unforced, 2, axis=(1, 2)).max())
    exponent = lyapunov_exponent(np.asarray(jax.vmap(step.jacobian)(states, teacher)))
    everywhere = np.abs(model.A).max() + np.linalg.norm(model.W1, 2) * np.linalg.norm(model.W2, 2)
    assert exponent <= contraction_bound(sigma_max, alpha) < contraction_bound(float(everywhere), alpha) - 0.5


def test_the_bound_of_proposition_1_is_reached_by_a_scaled_rotation():
    """J = sigma Q with Q orthogonal: lambda~ = log((1 - alpha) sigma) exactly."""
    rotation = jnp.linalg.qr(jax.random.normal(jax.random.key(0), (3, 3)))[0]
    jacobians = np.broadcast_to(np.asarray(0.7 * 1.2 * rotation), (500, 3, 3))
    assert lyapunov_exponent(jacobians) == pytest.approx(contraction_bound(1.2, 0.3), abs=1e-12)


def test_partial_forcing_damps_the_observed_directions_only():
    """Eq. (9): J~ = J (I - alpha Pi), with Pi the projector on the row space of B."""
    spec = run_spec(obs_dim=2)
    model = shaken(build(spec.architecture, 2, key=jax.random.key(1)), 0.1, "float64")
    step = forced_step(model, 1.0)
    z, signal = jnp.arange(4.0), teacher_signal(model, jnp.ones((1, 2)))[0]
    np.testing.assert_allclose(step.jacobian(z, signal), jax.jacfwd(step)(z, signal), rtol=1e-12)
    np.testing.assert_allclose(step.jacobian(z, signal) @ model.B.T, 0, atol=1e-12)
    np.testing.assert_allclose(model.B @ step.force(z, signal), jnp.ones(2), rtol=1e-12)
    assert eqx.tree_equal(step.pattern(z, signal), model.pattern(step.force(z, signal)))
