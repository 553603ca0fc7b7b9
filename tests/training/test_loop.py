"""The training loop: packs, divergence, batches, resumption."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.training.specs import LOW_RANK, LSSM, MAMBA, SHPLRNN, run_spec
from tests.training.test_gtf_deer import orbit
from workflow_src.training import loop
from workflow_src.training.batches import random_windows


def leaves(state):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(state.model)]


@pytest.mark.parametrize("architecture", [SHPLRNN, LOW_RANK, LSSM, MAMBA], ids=lambda a: a["architecture"])
def test_every_architecture_learns(architecture):
    spec = run_spec(architecture, updates=400, learning_rate_start=3e-2, solver="sequential", seeds=(3,))
    finished = loop.train(spec, orbit(500, 2))
    loss = finished.trace.loss_mse[0]
    assert np.isfinite(loss).all()
    assert loss[-10:].mean() < 0.5 * loss[:5].mean()
    assert finished.updates == 400


def test_solvers_train_the_same_model():
    models = []
    for solver in ("sequential", "deer"):
        finished = loop.train(run_spec(solver=solver), orbit(500, 2))
        models.append(leaves(finished.state))
    for a, b in zip(*models, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_the_history_holds_the_terms_of_the_loss_and_the_solver():
    spec = run_spec(updates=10)
    trace = loop.train(spec, orbit(500, 2)).trace
    total = trace.loss_mse + trace.loss_mar + trace.loss_observation + trace.loss_singular_value
    np.testing.assert_allclose(trace.loss, total, rtol=1e-12)
    assert trace.loss.shape == (2, 10)
    assert (trace.newton_iterations >= 1).all()
    assert (trace.newton_iterations_max >= trace.newton_iterations).all()
    assert (trace.converged_fraction == 1).all()
    assert (trace.residual < 1e-8).all()
    assert (trace.gradient_norm > 0).all()


@pytest.mark.parametrize("architecture", [SHPLRNN, LSSM, MAMBA], ids=lambda a: a["architecture"])
def test_fresh_runs_have_the_types_of_later_ones(architecture):
    """A weakly typed number among them would compile the whole training twice."""
    assert not any(leaf.weak_type for leaf in jax.tree.leaves(loop.start(run_spec(architecture))))


def test_a_pack_trains_its_seeds_as_if_alone():
    pack = loop.train(run_spec(seeds=(0, 1)), orbit(500, 2))
    alone = loop.train(run_spec(seeds=(1,)), orbit(500, 2))
    for a, b in zip(leaves(pack.state), leaves(alone.state), strict=True):
        np.testing.assert_allclose(a[1], b[0], rtol=1e-8, atol=1e-10)
    assert not np.allclose(pack.trace.loss[0], pack.trace.loss[1])


def test_a_diverged_seed_is_recorded_and_leaves_its_pack_alone(monkeypatch):
    """One seed starts from parameters that overflow; the other must train as it does without it."""
    healthy_start = loop.start

    def poisoned(spec):
        state = healthy_start(spec)
        model = jax.tree.map(lambda leaf: leaf.at[0].set(1e200), state.model)
        return state._replace(model=model)

    monkeypatch.setattr(loop, "start", poisoned)
    spec = run_spec(seeds=(0, 1))
    sick = loop.train(spec, orbit(500, 2))
    monkeypatch.undo()
    sound = loop.train(spec, orbit(500, 2))
    assert np.asarray(sick.state.diverged_at).tolist() == [0, -1]
    assert np.isnan(sick.trace.loss[0, 1:]).all()
    assert np.isfinite(sick.trace.loss[1]).all()
    for a, b in zip(leaves(sick.state), leaves(sound.state), strict=True):
        np.testing.assert_allclose(a[1], b[1], rtol=1e-8, atol=1e-10)
        assert (a[0] == 1e200).all(), "the last finite parameters stay"


def test_an_unconverged_solve_is_counted_and_ends_nothing():
    trace = loop.train(run_spec(max_iterations=1, forcing_strength=0.0), orbit(500, 2)).trace
    assert (trace.converged_fraction < 1).any()
    assert np.isfinite(trace.loss).all()


def test_windows_are_pieces_of_the_trajectory_from_its_first_to_its_last():
    data = jnp.arange(40.0)[:, None]
    windows = random_windows(data, 36, 400, key=jax.random.key(0))
    assert windows.shape == (400, 36, 1)
    np.testing.assert_array_equal(jnp.diff(windows[..., 0], axis=1), 1)
    assert set(np.asarray(windows[:, 0, 0]).tolist()) == {0.0, 1.0, 2.0, 3.0, 4.0}


@pytest.mark.parametrize(("updates", "expected"), [(300, 100), (6, 6), (101, 1), (250, 50)])
def test_calls_divide_the_updates_evenly(updates, expected):
    assert loop.updates_per_call(run_spec(updates=updates)) == expected


def test_a_resumed_training_ends_with_the_same_bits():
    spec = run_spec(updates=200, sequence_length=11, batch_size=1)
    kept = []
    whole = loop.train(spec, orbit(500, 2), keep=kept.append, keep_every=0.0)
    assert [progressed.updates for progressed in kept] == [100]
    resumed = loop.train(spec, orbit(500, 2), resume=kept[0])
    for a, b in zip(leaves(whole.state), leaves(resumed.state), strict=True):
        assert a.tobytes() == b.tobytes()
    for a, b in zip(jax.tree.leaves(whole.trace), jax.tree.leaves(resumed.trace), strict=True):
        assert a.tobytes() == b.tobytes()
    assert (np.diff(resumed.wall_time) > 0).all()
    assert resumed.wall_time[:100].tolist() == kept[0].wall_time.tolist()
    assert resumed.compilation_time > kept[0].compilation_time > 0
