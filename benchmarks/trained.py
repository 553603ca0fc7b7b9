"""Trained models of the cases: a short training through `sequential`, kept in a cache.

How fast a parallel solver is depends on how soon the forced map forgets, and so on what the model has learned. The
training is that of the project in small: generalised teacher forcing, RAdam, cosine decay.
"""

import hashlib
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from benchmarks import data
from benchmarks.cases import Recipe
from benchmarks.evaluation import loss_of
from benchmarks.machine import on_cpu
from workflow_src.models.shallow_plrnn import ShallowPLRNN

SEQUENCE_LENGTH, BATCH_SIZE, PER_CALL = 200, 16, 100
LEARNING_RATE, LAST_RATE_RATIO, CLIP = 2e-3, 0.01, 1.0
INIT_SCALE = 0.02
MAR_STRENGTH, OBSERVATION_STRENGTH = 1e-3, 1e-3
VERSION = 1  # of all of the above; a change of them is a change of it


def trained(recipe: Recipe, cache: Path = data.CACHE) -> tuple[ShallowPLRNN, dict[str, Any]]:
    """The recipe's model, arrays of NumPy in float32, and facts about it for the record."""
    key = hashlib.sha256(repr((VERSION, sorted(asdict(recipe).items()))).encode()).hexdigest()[:12]
    path = cache / f"model_{key}.npy"
    with on_cpu(), jax.enable_x64(False):
        start, unravel = ravel_pytree(_initial(recipe))
        if path.exists():
            saved = np.load(path)
        else:
            model, loss = _train(recipe, data.trajectory(recipe, data.SHORTEST, cache))
            saved = np.append(np.asarray(ravel_pytree(model)[0]), np.float32(loss))
            data.save(path, saved)
        assert saved.size == start.size + 1, f"{path} is of another version; delete it"
        model = jax.tree.map(np.asarray, unravel(jnp.asarray(saved[:-1])))
    facts = {
        "training_loss": float(saved[-1]),
        "updates": recipe.updates,
        "sha256": hashlib.sha256(saved.tobytes()).hexdigest()[:16],
    }
    return model, facts


def _initial(recipe: Recipe) -> ShallowPLRNN:
    key = jax.random.key(0)
    return ShallowPLRNN.initialise(recipe.latent_dim, recipe.hidden_dim, recipe.obs_dim, scale=INIT_SCALE, key=key)


def _train(recipe: Recipe, trajectory: Float[np.ndarray, "steps N"]) -> tuple[ShallowPLRNN, float]:
    """The model after the last update, its slow units made as slow as asked for, and the loss that it had."""
    schedule = optax.cosine_decay_schedule(LEARNING_RATE, recipe.updates, alpha=LAST_RATE_RATIO)
    optimizer = optax.chain(optax.clip_by_global_norm(CLIP), optax.radam(schedule))
    x, length = jnp.asarray(trajectory), min(SEQUENCE_LENGTH, len(trajectory) // 2)

    def loss(model: ShallowPLRNN, windows: Array) -> Array:
        return loss_of(model, windows, "sequential", recipe.forcing_strength)[0] + _regularisation(model, recipe)

    def update(carry: Any, count: Array) -> tuple[Any, Array]:
        model, memory = carry
        key = jax.random.fold_in(jax.random.key(1), count)
        starts = jax.random.randint(key, (BATCH_SIZE,), 0, len(x) - length + 1)
        windows = jax.vmap(lambda start: jax.lax.dynamic_slice_in_dim(x, start, length))(starts)
        value, gradient = jax.value_and_grad(loss)(model, windows)
        step, memory = optimizer.update(gradient, memory)
        return (optax.apply_updates(model, step), memory), value

    model = _initial(recipe)
    carry = model, optimizer.init(model)
    advance = jax.jit(partial(jax.lax.scan, update))
    value = jnp.array([jnp.nan])
    for first in range(0, recipe.updates, PER_CALL):
        carry, value = advance(carry, jnp.arange(first, min(first + PER_CALL, recipe.updates)))
    model = carry[0]
    if recipe.slow_units:
        model = eqx.tree_at(
            lambda model: model.a, model, model.a.at[-recipe.slow_units :].set(np.arctanh(recipe.slow_diagonal))
        )
    return model, float(value[-1])


def _regularisation(model: ShallowPLRNN, recipe: Recipe) -> Float[Array, ""]:
    """Eqs. (49) and (57) but for the connectivity: slow units near a line of fixed points, not read out."""
    if not recipe.slow_units:
        return jnp.zeros(())
    slow = slice(-recipe.slow_units, None)
    attractor = jnp.sum((1 - model.A[slow]) ** 2) + jnp.sum(model.h1[slow] ** 2)
    return MAR_STRENGTH * attractor + OBSERVATION_STRENGTH * jnp.sum(model.B[:, slow] ** 2)
