"""Adaptive forcing: the estimate of Prop. 1, how the strength follows it, and what a training does with it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.training.specs import LSSM, SHPLRNN, run_spec
from tests.training.test_gtf_deer import orbit, random_plrnn
from workflow_src import store
from workflow_src.metrics import lyapunov
from workflow_src.models import checkpoint
from workflow_src.steps import train as step
from workflow_src.training import loop
from workflow_src.training.batches import random_windows
from workflow_src.training.forcing_schedule import MOST_STATES, critical_forcing, followed

ADAPTIVE = {"forcing_schedule": "adaptive", "forcing_strength": 0.05}


def spec_of(**training):
    """Two runs with Jacobians of norms above one from the first update on."""
    return run_spec(SHPLRNN | {"init_scale": 0.9}, **({"updates": 3, "solver": "sequential"} | ADAPTIVE | training))


@pytest.fixture(scope="module")
def finished():
    return loop.train(spec_of(), orbit(500, 2))


@pytest.mark.parametrize(("latent_dim", "obs_dim"), [(3, 3), (4, 2)], ids=["M = N", "M > N"])
@pytest.mark.parametrize("steps", [20, 300], ids=["few states", "many states"])
def test_the_estimate_is_that_of_proposition_1(latent_dim, obs_dim, steps):
    model = random_plrnn(latent_dim, obs_dim, 2.0, seed=1)
    windows = np.stack([orbit(steps, obs_dim, seed) for seed in (1, 2)])
    states = windows.reshape(-1, obs_dim) @ np.linalg.pinv(model.B).T
    assert len(states) != MOST_STATES
    chosen = states[[round(k * (len(states) - 1) / 127 - 0.5 + 1e-9) for k in range(128)]] if steps == 300 else states
    W1, W2, h2 = (np.asarray(part) for part in (model.W1, model.W2, model.h2))
    jacobians = [np.diag(np.tanh(model.a)) + W1 @ np.diag(W2 @ z + h2 > 0) @ W2 for z in chosen]
    largest = max(np.linalg.norm(jacobian, 2) for jacobian in jacobians)
    assert largest > 1.5
    found = eqx.filter_jit(critical_forcing)(model, jnp.asarray(windows))
    assert float(found) == pytest.approx(lyapunov.critical_forcing(float(largest)), rel=1e-10)


def test_a_map_that_contracts_needs_no_forcing():
    model = random_plrnn(3, 3, 0.0, seed=1)
    assert float(eqx.filter_jit(critical_forcing)(model, jnp.asarray(orbit(20, 3))[None])) == 0


def test_the_strength_rises_at_once_decays_slowly_and_stays_within_its_bounds():
    """From 0.1 and from 0.9 towards an estimate in between, then with bounds in the way."""
    model, windows = random_plrnn(3, 3, 2.0, seed=1), jnp.asarray(orbit(20, 3))[None]
    steep = random_plrnn(3, 3, 1e4, seed=1)

    @eqx.filter_jit
    def all_of_them():
        low, high, bounded = (run_spec(**(ADAPTIVE | {"forcing_strength": a})).training for a in (0.05, 0.8, 0.9))
        before = jnp.array([0.1, 0.9])
        return (
            critical_forcing(model, windows),
            jax.vmap(lambda alpha: followed(alpha, model, windows, low))(before),
            followed(before[0], model, windows, high),
            followed(before[0], steep, windows, bounded),
        )

    critical, (risen, decayed), at_least, at_most = map(np.asarray, all_of_them())
    assert 0.1 < critical < 0.8
    assert risen == critical
    assert decayed == pytest.approx(critical + 0.999 * (0.9 - critical), rel=1e-12)
    assert at_least == 0.8
    assert at_most == 0.99
    assert followed(None, model, windows, run_spec().training) is None


def test_a_training_uses_and_records_the_strength_of_each_update(finished):
    strengths = finished.trace.forcing_strength
    assert strengths.shape == (2, 3)
    assert (strengths > 0.05).all()
    np.testing.assert_array_equal(finished.state.forcing_strength, strengths[:, -1])
    assert not np.allclose(*strengths, rtol=1e-3)
    spec = spec_of()
    key_windows = jax.random.split(jax.random.fold_in(loop.run_keys(1)[1], 0))[0]
    windows = random_windows(jnp.asarray(orbit(500, 2)), 31, 3, key=key_windows)
    model = jax.tree.map(lambda leaf: leaf[1], loop.start(spec).model)
    first = eqx.filter_jit(critical_forcing)(model, windows)
    np.testing.assert_allclose(strengths[1, 0], first, rtol=1e-10)
    constant = spec_of(forcing_schedule="constant", forcing_strength=float(first)).model_copy(update={"seeds": (1,)})
    np.testing.assert_allclose(
        loop.train(constant, orbit(500, 2)).trace.loss[0, 0], finished.trace.loss[1, 0], rtol=1e-8
    )


def test_a_pack_adapts_its_seeds_as_if_alone(finished):
    alone = loop.train(spec_of().model_copy(update={"seeds": (1,)}), orbit(500, 2))
    np.testing.assert_allclose(finished.trace.forcing_strength[1], alone.trace.forcing_strength[0], rtol=1e-8)


def test_a_resumed_adaptive_training_ends_with_the_same_bits(tmp_path):
    spec = spec_of(updates=200, sequence_length=11, batch_size=1)
    kept = []

    def keep(progressed):
        checkpoint.write(tmp_path / "unfinished.eqx", {}, progressed)
        kept.append(checkpoint.read_tree(tmp_path / "unfinished.eqx", loop.blank(spec, progressed.updates)))

    whole = loop.train(spec, orbit(500, 2), keep=keep, keep_every=0.0)
    resumed = loop.train(spec, orbit(500, 2), resume=kept[0])
    assert kept[0].updates == 100
    for a, b in zip(jax.tree.leaves(whole.state), jax.tree.leaves(resumed.state), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    for a, b in zip(whole.trace, resumed.trace, strict=True):
        assert a.tobytes() == b.tobytes()
    strengths = whole.trace.forcing_strength
    falls = np.diff(strengths) < 0
    assert falls.any()
    assert (np.diff(strengths)[falls] >= -0.001).all()


@pytest.mark.parametrize(
    ("architecture", "training", "expected"),
    [(SHPLRNN, {"forcing_strength": 0.3}, 0.3), (LSSM, {}, np.nan), (LSSM, ADAPTIVE, np.nan)],
    ids=["constant", "driven", "driven, adaptive"],
)
def test_every_history_tells_the_strength_where_there_is_one(architecture, training, expected, tmp_path):
    """Up to where a run diverged."""
    spec = run_spec(architecture, **training)
    blank = loop.blank(spec, 3)._replace(state=loop.start(spec))
    assert blank.state.forcing_strength is None
    blank.trace.converged_fraction[1, 2] = np.nan
    store.save(tmp_path / "history.nc", step._history(spec, blank))
    found = store.load(tmp_path / "history.nc")["forcing_strength"]
    np.testing.assert_array_equal(found, [[expected] * 3, [expected, expected, np.nan]])


def test_the_history_of_an_adaptive_training_holds_what_was_used(finished):
    found = step._history(spec_of(), finished)["forcing_strength"]
    np.testing.assert_array_equal(found, finished.trace.forcing_strength)
