"""Forcing as the paper leaves it open: another strength in the warm-up, and gradients through the pseudo-inverse."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.training.specs import SHPLRNN, run_spec
from tests.training.test_gtf_deer import orbit, shaken
from workflow_src.forcing import forced_step, forgetting, teacher_signal, varying_forced_step
from workflow_src.models.build import build
from workflow_src.training.forward import predict, solver_of
from workflow_src.training.loss import loss_and_gradient

WARMING = {"warmup_forcing_strength": 0.9}
LEARNING = {"pseudo_inverse_gradient": True}
OPTIONS = {"warm-up": WARMING, "inverse": LEARNING, "both": WARMING | LEARNING}
LOSS = {"mar_strength": 0.0, "mar_connectivity_strength": 0.0, "observation_strength": 0.0}
STEPS = 41


def setting(solver="sequential", *, sizes=(4, 2), **training):
    """Specification, model and data; M and N are the sizes."""
    latent_dim, obs_dim = sizes
    spec = run_spec(
        SHPLRNN | {"latent_dim": latent_dim},
        obs_dim=obs_dim,
        sequence_length=STEPS,
        batch_size=1,
        solver=solver,
        tolerance=1e-12,
        forcing_strength=0.2,
        warmup_steps=7,
        singular_value_strength=0.0,
        **LOSS,
        **training,
    )
    model = shaken(build(spec.architecture, obs_dim, key=jax.random.key(1)), 0.1, "float64")
    return spec, model, jnp.asarray(orbit(STEPS, obs_dim))


def by_hand(model, x, options):
    """Predictions by Eqs. (5), (6) and (8), one step after the other."""
    known = lambda B: B if "pseudo_inverse_gradient" in options else jax.lax.stop_gradient(B)  # noqa: E731
    inverse = jnp.linalg.pinv(known(model.B))
    # The states that see x_1 .. x_7, and all later ones.
    alpha = np.full(STEPS, 0.2)
    alpha[:7] = options.get("warmup_forcing_strength", 0.2)

    def one(z, given):
        x, alpha = given
        forced = z + alpha * (inverse @ x - inverse @ (known(model.B) @ z))
        new = jnp.tanh(model.a) * forced + model.W1 @ jax.nn.relu(model.W2 @ forced + model.h2) + model.h1
        return new, z

    _, states = jax.lax.scan(one, inverse @ x[0], (x, alpha))
    return states @ model.B.T


@functools.cache
def expected(sizes, name):
    """Loss, predictions and gradient of the loss."""
    _, model, x = setting(sizes=sizes)

    @eqx.filter_jit
    @eqx.filter_value_and_grad(has_aux=True)
    def loss(model, x):
        predictions = by_hand(model, x, OPTIONS[name])
        return jnp.mean((predictions[7:] - x[7:]) ** 2), predictions

    (value, predictions), gradient = loss(model, x)
    return value, predictions, gradient


@pytest.mark.parametrize(
    ("solver", "sizes", "name"),
    [
        *[(solver, (4, 2), "both") for solver in ("sequential", "block", "newton", "deer")],
        *[("sequential", (4, 2), "warm-up"), ("sequential", (4, 2), "inverse")],
        *[("block", (4, 4), "both"), ("deer", (3, 4), "both")],
    ],
)
def test_losses_and_gradients_are_those_of_a_loop_by_hand(solver, sizes, name):
    spec, model, x = setting(solver, sizes=sizes, **OPTIONS[name])
    found = eqx.filter_jit(lambda model, x: loss_and_gradient(model, x[None], spec, 100, jax.random.key(0)))
    (loss, terms), gradient = found(model, x)
    wanted_loss, _, wanted = expected(sizes, name)
    assert bool(terms.report.converged.all())
    np.testing.assert_allclose(loss, wanted_loss, rtol=1e-9)
    for a, b in zip(jax.tree.leaves(gradient), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


def test_diagonal_jacobians_lead_to_the_same_states_through_the_warm_up():
    spec, model, x = setting("quasi_deer", max_iterations=500, **WARMING)
    found = eqx.filter_jit(
        lambda model, x: predict(
            model, x[None], spec.training, solver="quasi_deer", max_iterations=500, key_guess=jax.random.key(0)
        )
    )
    predictions, report = found(model, x)
    assert bool(report.converged.all())
    np.testing.assert_allclose(predictions[0], expected((4, 2), "warm-up")[1], rtol=1e-9, atol=1e-9)


def test_each_option_changes_the_gradient():
    gradients = [expected((4, 2), name)[2] for name in OPTIONS]
    for one in range(3):
        for other in range(one):
            assert not np.allclose(gradients[one].B, gradients[other].B, rtol=1e-3)


def test_chunks_are_cut_for_the_weaker_of_two_strengths():
    def chosen(**training):
        spec = run_spec(obs_dim=4, sequence_length=5000, batch_size=1, solver="auto", **training)
        return solver_of(spec)

    weak, strong = chosen(forcing_strength=0.1), chosen(forcing_strength=0.9)
    assert chosen(forcing_strength=0.9, warmup_forcing_strength=0.1) == weak
    assert chosen(forcing_strength=0.1, warmup_forcing_strength=0.9) == weak != strong
    _, model, _ = setting(sizes=(4, 4))
    assert varying_forced_step(model, weakest=0.1).forgetting == forgetting(0.1, 4, 4)
    assert forced_step(model, jnp.array(0.5), weakest=0.1).forgetting == forgetting(0.1, 4, 4)
    assert forced_step(model, 0.5).forgetting == forgetting(0.5, 4, 4)


def test_with_as_many_observations_as_states_nothing_is_projected():
    """Pi = I whatever B is: there is nothing to learn through it, and the gradient goes through B^+ alone."""
    _, model, _ = setting(sizes=(4, 4))
    assert forced_step(model, 0.1, pseudo_inverse_gradient=True).projector is None
    assert varying_forced_step(model, weakest=0.1, pseudo_inverse_gradient=True).projector is None


@pytest.mark.parametrize("gradient", [False, True])
def test_the_teacher_signal_is_a_constant_unless_it_is_to_be_learned(gradient):
    _, model, x = setting()

    @eqx.filter_jit
    @eqx.filter_grad
    def slope(model):
        return jnp.sum(jnp.sin(teacher_signal(model, x, pseudo_inverse_gradient=gradient)))

    assert bool(jnp.any(slope(model).B != 0)) is gradient
