"""The training loop: packs of seeds by vmap, many updates per call, checkpoints between calls.

A run ends as diverged at the first non-finite loss or parameter: its parameters stay at the last finite ones, its
history is NaN from there, and the other seeds of its pack go on. An unconverged solve ends nothing; it is counted.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from workflow_src.logs import Progress
from workflow_src.models.base import AbstractModel
from workflow_src.models.build import build
from workflow_src.specs.run import RunSpec
from workflow_src.specs.training import TrainingSpec
from workflow_src.training.batches import random_windows
from workflow_src.training.forcing_schedule import followed
from workflow_src.training.loss import LossTerms, loss_and_gradient

MOST_UPDATES_PER_CALL = 100


class RunState(NamedTuple):
    """One run between two updates; stacked over the seeds of a pack.

    Attributes:
        forcing_strength: that of the last update; None unless the schedule is adaptive.
    """

    model: AbstractModel
    optimizer: optax.OptState
    alive: Bool[Array, "..."]
    diverged_at: Int[Array, "..."]
    forcing_strength: Float[Array, "..."] | None = None


class Trace(NamedTuple):
    """What is kept of an update; stacked over seeds and updates.

    Attributes:
        forcing_strength: None unless the schedule is adaptive.
    """

    loss: Array | np.ndarray
    loss_mse: Array | np.ndarray
    loss_mar: Array | np.ndarray
    loss_observation: Array | np.ndarray
    loss_singular_value: Array | np.ndarray
    newton_iterations: Array | np.ndarray
    newton_iterations_max: Array | np.ndarray
    converged_fraction: Array | np.ndarray
    residual: Array | np.ndarray
    gradient_norm: Array | np.ndarray
    forcing_strength: Array | np.ndarray | None = None


class Progressed(NamedTuple):
    """All that a training needs to go on: the pack's state and its history so far.

    Attributes:
        trace: fields of shape [seeds, updates so far].
        wall_time: seconds of training at each update so far, over all attempts; compilation left out.
        compilation_time: seconds of that, over all attempts.
    """

    state: RunState
    trace: Trace
    wall_time: Float[np.ndarray, " updates"]
    compilation_time: Float[np.ndarray, ""]

    @property
    def updates(self) -> int:
        return self.wall_time.shape[0]


def schedule_of(spec: TrainingSpec) -> optax.Schedule:
    """Cosine decay from the first learning rate to the last (App. H.4.2)."""
    ratio = spec.learning_rate_end / spec.learning_rate_start
    return optax.cosine_decay_schedule(spec.learning_rate_start, spec.updates, alpha=ratio)


def optimizer_of(spec: TrainingSpec) -> optax.GradientTransformation:
    """RAdam behind a clip of the global gradient norm."""
    return optax.chain(optax.clip_by_global_norm(spec.gradient_clip), optax.radam(schedule_of(spec)))


def run_keys(seed: int | Int[Array, ""]) -> tuple[PRNGKeyArray, PRNGKeyArray]:
    """The keys of a run: initialisation and batches."""
    key_init, key_batches = jax.random.split(jax.random.key(seed))
    return key_init, key_batches


def start(spec: RunSpec) -> RunState:
    """Fresh runs, one per seed of the pack."""

    def one(seed: Int[Array, ""]) -> RunState:
        model = build(spec.architecture, spec.obs_dim, key=run_keys(seed)[0])
        optimizer = optimizer_of(spec.training).init(eqx.filter(model, eqx.is_inexact_array))
        # The lower bound is below any first estimate, to which the strength rises at once.
        strength = jnp.full((), spec.training.forcing_strength, float) if spec.is_forced_adaptively else None
        return RunState(model, optimizer, jnp.array(True), jnp.full((), -1, int), strength)

    return eqx.filter_jit(eqx.filter_vmap(one))(jnp.array(spec.seeds))


def update(
    state: RunState, seed: Int[Array, ""], count: Int[Array, ""], trajectory: Float[Array, "steps N"], spec: RunSpec
) -> tuple[RunState, Trace]:
    """One update of one run. A run that has ended passes through unchanged, and its solver does not iterate."""
    key_windows, key_guess = jax.random.split(jax.random.fold_in(run_keys(seed)[1], count))
    windows = random_windows(trajectory, spec.sequence_length, spec.batch_size, key=key_windows)
    cap = jnp.where(state.alive, spec.training.max_iterations, 0)
    strength = followed(state.forcing_strength, state.model, windows, spec.training)
    (loss, terms), gradient = loss_and_gradient(state.model, windows, spec, cap, key_guess, strength)
    steps, optimizer = optimizer_of(spec.training).update(gradient, state.optimizer, None)
    model = eqx.apply_updates(state.model, steps)
    alive = state.alive & jnp.isfinite(loss) & _all_finite(model)
    diverged_at = jnp.where(state.alive & ~alive, count, state.diverged_at)
    kept, rest = eqx.partition((model, optimizer, strength), eqx.is_array)
    before = eqx.filter((state.model, state.optimizer, state.forcing_strength), eqx.is_array)
    kept = jax.tree.map(lambda new, old: jnp.where(alive, new, old), kept, before)
    trace = _trace_of(loss, terms, optax.tree.norm(gradient))._replace(forcing_strength=strength)
    model, optimizer, strength = eqx.combine(kept, rest)
    trace = jax.tree.map(lambda value: jnp.where(state.alive, value, jnp.nan), trace)
    return RunState(model, optimizer, alive, diverged_at, strength), trace


def updates_per_call(spec: RunSpec) -> int:
    """The largest divisor of the number of updates up to MOST_UPDATES_PER_CALL.

    All calls then run the same compiled program, so that a resumed training takes the same steps bit for bit.
    """
    most = min(MOST_UPDATES_PER_CALL, max(1, 2**17 // (spec.sequence_length * spec.batch_size)))
    return next(n for n in range(most, 0, -1) if spec.training.updates % n == 0)


def train(
    spec: RunSpec,
    trajectory: Float[np.ndarray, "steps N"],
    *,
    resume: Progressed | None = None,
    keep: Callable[[Progressed], Any] = lambda progressed: None,
    keep_every: float = 30.0,
    keep_every_updates: int = 5000,
    asked: Callable[[], bool] = lambda: False,
) -> Progressed:
    """Train a pack to its last update, or to where it is asked to stop.

    Args:
        trajectory: standardised training data.
        resume: where an earlier attempt stopped.
        keep: called with all that a later attempt needs, every `keep_every` seconds or `keep_every_updates` updates,
            and when the training stops unfinished.
        asked: whether to stop, asked between calls of the compiled program.
    Returns:
        The pack; finished unless it was asked to stop.
    """
    data = jnp.asarray(trajectory, jnp.result_type(float))
    seeds = jnp.array(spec.seeds)
    calls = updates_per_call(spec)
    state = resume.state if resume else start(spec)
    traces = [jax.tree.map(np.asarray, resume.trace)] if resume else []
    times = [resume.wall_time] if resume else []
    done = resume.updates if resume else 0
    before = float(resume.wall_time[-1]) if resume else 0.0

    @eqx.filter_jit
    def advance(state: RunState, first: Int[Array, ""], data: Array) -> tuple[RunState, Trace]:
        arrays, rest = eqx.partition(state, eqx.is_array)

        def one(arrays: Any, count: Int[Array, ""]) -> tuple[Any, Trace]:
            pack = eqx.combine(arrays, rest)
            new, trace = eqx.filter_vmap(update, in_axes=(0, 0, None, None, None))(pack, seeds, count, data, spec)
            return eqx.filter(new, eqx.is_array), trace

        arrays, trace = jax.lax.scan(one, arrays, first + jnp.arange(calls))
        return eqx.combine(arrays, rest), jax.tree.map(lambda value: value.T, trace)

    if resume and done == spec.training.updates:
        return resume
    began = time.monotonic()
    compiled = cast(Any, advance).lower(state, jnp.array(done), data).compile()
    compilation = np.asarray((resume.compilation_time if resume else 0.0) + time.monotonic() - began)
    progress = Progress(spec.training.updates, done)
    began = kept = time.monotonic()
    kept_at = done
    while done < spec.training.updates:
        state, trace = compiled(state, jnp.array(done), data)
        traces.append(jax.tree.map(np.asarray, trace))
        done += calls
        now = time.monotonic()
        first = times[-1][-1] if times else before
        times.append(np.linspace(first, before + now - began, calls + 1)[1:])
        progress.report(done, **_facts(traces[-1], state))
        stopping = asked()
        due = now - kept >= keep_every or done - kept_at >= keep_every_updates
        if (due or stopping) and done < spec.training.updates:
            keep(_progressed(state, traces, times, compilation))
            kept, kept_at = time.monotonic(), done
        if stopping:
            break
    return _progressed(state, traces, times, compilation)


def blank(spec: RunSpec, updates: int) -> Progressed:
    """A `Progressed` of the right shapes and types, into which a checkpoint is read."""
    dtype = jnp.result_type(float)
    trace = Trace(*(np.zeros((len(spec.seeds), updates), dtype) for _ in Trace._fields))
    trace = trace if spec.is_forced_adaptively else trace._replace(forcing_strength=None)
    return Progressed(eqx.filter_eval_shape(start, spec), trace, np.zeros(updates), np.zeros(()))


def _progressed(
    state: RunState, traces: list[Trace], times: list[np.ndarray], compilation: Float[np.ndarray, ""]
) -> Progressed:
    trace = jax.tree.map(lambda *parts: np.concatenate(parts, axis=1), *traces)
    return Progressed(state, trace, np.concatenate(times), compilation)


def _all_finite(tree: Any) -> Bool[Array, ""]:
    leaves = jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))
    return jnp.all(jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in leaves]))


def _trace_of(loss: Array, terms: LossTerms, gradient_norm: Array) -> Trace:
    report = terms.report
    dtype = loss.dtype
    return Trace(
        loss=loss,
        loss_mse=terms.mse,
        loss_mar=terms.mar.astype(dtype),
        loss_observation=terms.observation.astype(dtype),
        loss_singular_value=terms.singular_value.astype(dtype),
        newton_iterations=jnp.mean(report.iterations.astype(dtype)),
        newton_iterations_max=jnp.max(report.iterations).astype(dtype),
        converged_fraction=jnp.mean(report.converged.astype(dtype)),
        residual=jnp.max(report.residual),
        gradient_norm=gradient_norm,
    )


def _facts(trace: Trace, state: RunState) -> dict[str, Any]:
    """What the log and the status of the job say of the last update."""
    losses = trace.loss[:, -1][np.isfinite(trace.loss[:, -1])]
    iterations = trace.newton_iterations[:, -1]
    iterations = iterations[np.isfinite(iterations)]
    return {
        "loss": float(np.median(losses)) if losses.size else None,
        "iterations": float(iterations.mean()) if iterations.any() else None,
        "diverged": int(np.sum(~np.asarray(state.alive))),
    }
