"""A recurrence solved in chunks of time that advance in lock-step, and proved by what they hand over.

The sequence is cut into K chunks of C steps. All chunks run at once with the true map, each from a guess of its first
state; each then hands its last state to the next chunk, and all run again from what they were handed. Where the map
forgets its initial state, as a forced one does, the new orbit soon falls onto the old one and the round ends there: it
costs as many steps as the map needs to forget, and no Jacobian. Chunks are true orbits, so nothing overflows on the
way, and after r rounds the first r chunks are exact.

Directions that forget slowly need to know what a change of the first state does to the end of a chunk. That is fitted
to the rounds themselves, as one matrix for all chunks; then it is computed by propagated tangents (Newton's method on
the chunk boundaries: multiple shooting). What even that does not settle runs step by step.

Arrays are [C, ..., R]: time first, the R = B K rows of all sequences and chunks last, where they are contiguous. A
recurrence that runs backwards in time, as the adjoint one does, takes the same chunks from the last to the first, and
their steps in reverse: its arrays are flipped along C.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

# Steps between two looks at whether new and old orbits have met.
STRIDE = 16
# Rounds: the first from the guess, the second from what it handed over, then with a fitted transfer, then Newton's.
LAST_FITTED, LAST_NEWTON = 7, 11


class Cut(NamedTuple):
    """How B sequences of T steps are cut: `chunks` of `length` steps each, the last one padded.

    Attributes:
        backwards: whether the last chunk comes first.
    """

    batch: int
    steps: int
    chunks: int
    length: int
    backwards: bool = False


class Place(NamedTuple):
    """Where a step is taken.

    Attributes:
        entered, left: the states in front of and behind it in the round before.
        first: whether there was no round before.
        inside: whether it belongs to the sequence and not to the padding.
    """

    entered: Float[Array, "M R"]
    left: Float[Array, "M R"]
    first: Bool[Array, ""]
    inside: Bool[Array, " R"]


class Motion(NamedTuple):
    """The recurrence, for all rows at once.

    Attributes:
        advance: state, input and place of a step to the next state and what the step adds to the sum.
        sum: PyTree of zeros.
    """

    advance: Callable[[Float[Array, "M R"], Any, Place], tuple[Float[Array, "M R"], Any]]
    sum: Any = ()


class Orbits(NamedTuple):
    """Orbits of all chunks.

    Attributes:
        starts: state in front of the first step of each chunk.
        states: states behind each step.
        moved: by how much the last round changed starts and ends.
        sum: what the steps of all rounds added up.
        defect: largest distance between two states that should be one.
        error: bound of the distance to the exact orbit, from how fast orbits met; inf before there is one.
        rounds: how often the chunks ran.
    """

    starts: Float[Array, "M R"]
    states: Float[Array, "C M R"]
    moved: tuple[Float[Array, "M R"], Float[Array, "M R"]]
    sum: Any
    defect: Float[Array, " B"]
    error: Float[Array, " B"]
    rounds: Int[Array, ""]


def cut(batch: int, steps: int, work: int) -> Cut:
    """The number of chunks that balances steps in turn against rows at once.

    A step of all chunks costs some overhead and the work of its rows; a solve takes about C + `forgetting` of them.

    Args:
        work: multiplications of one step of one sequence.
    """
    forgetting, overhead = 64, 40000
    best = round(math.sqrt(steps * overhead / (forgetting * batch * work)))
    chunks = min(best, steps // (2 * STRIDE))
    if chunks <= 1:
        return Cut(batch, steps, 1, steps)
    length = STRIDE * math.ceil(steps / (chunks * STRIDE))
    return Cut(batch, steps, math.ceil(steps / length), length)


def arrange(inputs: Any, shape: Cut) -> Any:
    """[B, T, ...] to [C, ..., R]; the padding repeats the last step."""

    def one(leaf: Array) -> Array:
        missing = shape.chunks * shape.length - shape.steps
        padded = jnp.concatenate([leaf, jnp.repeat(leaf[:, -1:], missing, axis=1)], axis=1) if missing else leaf
        rows = padded.reshape(shape.batch * shape.chunks, shape.length, *leaf.shape[2:])
        return jnp.moveaxis(rows, 0, -1)

    return jax.tree.map(one, inputs)


def inside(shape: Cut) -> Bool[Array, "C R"]:
    """Which steps belong to the sequences and not to the padding."""
    within = jnp.arange(shape.length)[:: -1 if shape.backwards else 1, None]
    step = shape.length * jnp.arange(shape.chunks)[None] + within
    return jnp.tile(step < shape.steps, (1, shape.batch))


def join(states: Float[Array, "C M R"], shape: Cut) -> Float[Array, "B T M"]:
    """The inverse of `arrange`, without the padding."""
    rows = jnp.transpose(states, (2, 0, 1))
    return rows.reshape(shape.batch, shape.chunks * shape.length, states.shape[1])[:, : shape.steps]


def guessed_ends(guess: Float[Array, "B T M"], shape: Cut) -> Float[Array, "M R"]:
    """The guess of the state behind each chunk; that of the last one is of no use to any."""
    ends = guess[:, jnp.minimum(shape.length * jnp.arange(1, shape.chunks + 1), shape.steps) - 1]
    return ends.reshape(-1, guess.shape[2]).T


def unstarted(ends: Float[Array, "M R"], z0: Float[Array, "B M"], motion: Motion, shape: Cut) -> Orbits:
    """Orbits that have yet to run, from guesses of the state behind each chunk."""
    starts = hand_over(z0, ends, shape)
    nothing = jnp.zeros_like(starts)
    far = jnp.full(shape.batch, jnp.inf, z0.dtype)
    states = jnp.zeros((shape.length, *starts.shape), z0.dtype)
    return Orbits(starts, states, (nothing, nothing), motion.sum, far, far, jnp.array(0))


def first_round(motion: Motion, inputs: Any, orbits: Orbits, shape: Cut) -> Orbits:
    """All chunks from the first states that they have, to their ends."""
    return run_chunks(
        motion, inputs, orbits, orbits.starts, jnp.full(shape.batch, -jnp.inf, orbits.starts.dtype), shape
    )


def second_round(
    motion: Motion, z0: Float[Array, "B M"], inputs: Any, orbits: Orbits, tolerance: Float[Array, " B"], shape: Cut
) -> Orbits:
    """All chunks from the states that they were handed."""
    return run_chunks(motion, inputs, orbits, hand_over(z0, orbits.states[-1], shape), tolerance, shape)


def join_up(
    motion: Motion,
    z0: Float[Array, "B M"],
    inputs: Any,
    orbits: Orbits,
    tolerance: Callable[[Orbits], Float[Array, " B"]],
    shape: Cut,
) -> Orbits:
    """Rounds until the error of every sequence is within the tolerance, or no kind of round is left."""

    def one(orbits: Orbits) -> Orbits:
        kinds = [
            lambda: orbits.starts,
            lambda: hand_over(z0, orbits.states[-1], shape),
            lambda: shift(z0, orbits, fitted_transfer(orbits, shape), shape),
            lambda: shift(z0, orbits, tangent_transfer(motion, orbits, inputs, shape), shape),
        ]
        kind = jnp.where(orbits.rounds < 2, orbits.rounds, jnp.where(orbits.rounds < LAST_FITTED, 2, 3))
        limit = jnp.where(orbits.rounds == 0, -jnp.inf, tolerance(orbits))
        return run_chunks(motion, inputs, orbits, jax.lax.switch(kind, kinds), limit, shape)

    def apart(orbits: Orbits) -> Bool[Array, ""]:
        # More rounds do not help a sequence that is not finite.
        hopeful = jnp.isfinite(_largest(orbits.states[-1], shape)) | (orbits.rounds < 3)
        return jnp.any(hopeful & ~(orbits.error <= tolerance(orbits))) & (orbits.rounds < LAST_NEWTON)

    return jax.lax.while_loop(apart, one, orbits)


def run_chunks(
    motion: Motion,
    inputs: Any,
    before: Orbits,
    starts: Float[Array, "M R"],
    tolerance: Float[Array, " B"],
    shape: Cut,
) -> Orbits:
    """One round from new first states, until all orbits have met their old ones within the tolerance."""
    change = _largest(starts - before.starts, shape)
    first = before.rounds == 0

    def one(carry: tuple[Array, Array, Any], at: tuple[Any, Array, Array]) -> tuple[tuple[Array, Array, Any], Array]:
        z, entered, total = carry
        u, left, inside = at
        new, gained = motion.advance(z, u, Place(entered, left, first, inside))
        return (new, left, jax.tree.map(jnp.add, total, gained)), new

    def block(carry: tuple[Any, ...]) -> tuple[Any, ...]:
        done, z, entered, total, states, _, _ = carry
        part = jax.tree.map(
            lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, done, STRIDE), (inputs, states, inside(shape))
        )
        (z, entered, total), new = jax.lax.scan(one, (z, entered, total), part)
        states = jax.lax.dynamic_update_slice_in_dim(states, new, done, axis=0)
        met = _largest(z - entered, shape)
        return done + STRIDE, z, entered, total, states, met, _bound(met, change, shape.length / (done + STRIDE), shape)

    def apart(carry: tuple[Any, ...]) -> Bool[Array, ""]:
        return (carry[0] < shape.length) & ~jnp.all(carry[-1] <= tolerance)

    far = jnp.full(shape.batch, jnp.inf, starts.dtype)
    begun = (jnp.array(0), starts, before.starts, before.sum, before.states, far, far)
    _, _, _, total, states, met, error = jax.lax.while_loop(apart, block, begun)
    # The ends of orbits that met stay as they were. Others are judged by what they hand over now.
    gap = _largest(hand_over(_first_of(starts, shape), states[-1], shape) - starts, shape)
    joined = error <= tolerance
    return Orbits(
        starts,
        states,
        (starts - before.starts, states[-1] - before.states[-1]),
        total,
        jnp.where(joined, met, gap),
        jnp.where(joined, error, _bound(gap, change, 1.0, shape)),
        before.rounds + 1,
    )


def hand_over(z0: Float[Array, "B M"], ends: Float[Array, "M R"], shape: Cut) -> Float[Array, "M R"]:
    """The state that each chunk gets from the one before it."""
    chunks, first = ends.reshape(-1, shape.batch, shape.chunks), z0.T[:, :, None]
    ordered = [chunks[:, :, 1:], first] if shape.backwards else [first, chunks[:, :, :-1]]
    return jnp.concatenate(ordered, axis=2).reshape(ends.shape)


def shift(
    z0: Float[Array, "B M"], orbits: Orbits, transfer: Float[Array, "K B M M"], shape: Cut
) -> Float[Array, "M R"]:
    """First states that agree with each other, if a change s of a first state changes the end by transfer @ s."""

    def by_chunk(rows: Float[Array, "M R"]) -> Float[Array, "K B M"]:
        return jnp.transpose(rows.reshape(-1, shape.batch, shape.chunks), (2, 1, 0))

    def one(start: Array, chunk: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        old, end, P = chunk
        return end + jnp.einsum("bij,bj->bi", P, start - old), start

    order = by_chunk(orbits.starts), by_chunk(orbits.states[-1]), transfer
    _, starts = jax.lax.scan(one, z0, order, reverse=shape.backwards)
    return jnp.transpose(starts, (2, 1, 0)).reshape(orbits.starts.shape)


def fitted_transfer(orbits: Orbits, shape: Cut) -> Float[Array, "K B M M"]:
    """The one matrix that best maps the last changes of first states to those of ends, over all chunks."""
    s, e = orbits.moved
    # A chunk that lost its orbit tells nothing about the others.
    known = jnp.all(jnp.isfinite(s) & jnp.isfinite(e), axis=0, keepdims=True)
    s, e = jnp.where(known, s, 0), jnp.where(known, e, 0)
    gram = s @ s.T
    ridge = 10 * jnp.finfo(s.dtype).eps * jnp.trace(gram) + jnp.finfo(s.dtype).tiny
    matrix = jnp.linalg.solve(gram + ridge * jnp.eye(len(s), dtype=s.dtype), s @ e.T).T
    return jnp.broadcast_to(matrix, (shape.chunks, shape.batch, *matrix.shape))


def tangent_transfer(motion: Motion, orbits: Orbits, inputs: Any, shape: Cut) -> Float[Array, "K B M M"]:
    """The exact derivative of each chunk's end by its first state, by M propagated tangents."""
    entered = jnp.concatenate([orbits.starts[None], orbits.states[:-1]])
    M, R = orbits.starts.shape

    def one(tangents: Array, at: tuple[Array, Array, Any]) -> tuple[Array, None]:
        z, left, u = at
        place = Place(z, left, jnp.array(False), jnp.ones(R, bool))
        _, push = jax.linearize(lambda z: motion.advance(z, u, place)[0], z)
        return jax.vmap(push)(tangents), None

    identity = jnp.broadcast_to(jnp.eye(M, dtype=entered.dtype)[:, :, None], (M, M, R))
    columns, _ = jax.lax.scan(one, identity, (entered, orbits.states, inputs))
    return jnp.transpose(columns.reshape(M, M, shape.batch, shape.chunks), (3, 2, 1, 0))


def run_sequentially(motion: Motion, z0: Float[Array, "B M"], inputs: Any, shape: Cut) -> Orbits:
    """The chunks one after the other: no guess, no defect, and no use of many rows."""
    undone = unstarted(jnp.zeros((z0.shape[1], shape.batch * shape.chunks), z0.dtype), z0, motion, shape)
    nothing = jnp.zeros_like(z0.T)

    def one(carry: tuple[Array, Any], at: tuple[Any, Array]) -> tuple[tuple[Array, Any], Array]:
        z, total = carry
        u, inside = at
        new, gained = motion.advance(z, u, Place(nothing, nothing, jnp.array(True), inside))
        return (new, jax.tree.map(jnp.add, total, gained)), new

    def chunk_by_chunk(leaf: Array) -> Array:
        split = leaf.reshape(*leaf.shape[:-1], shape.batch, shape.chunks)
        ordered = jnp.moveaxis(split, -1, 0)[:: -1 if shape.backwards else 1]
        return ordered.reshape(shape.chunks * shape.length, *split.shape[1:-1])

    rows = jax.tree.map(chunk_by_chunk, (inputs, inside(shape)))
    (_, total), states = jax.lax.scan(one, (z0.T, motion.sum), rows)
    ordered = states.reshape(shape.chunks, shape.length, *nothing.shape)[:: -1 if shape.backwards else 1]
    states = jnp.moveaxis(ordered, 0, -1).reshape(undone.states.shape)
    finite = jnp.isfinite(_largest(jnp.max(jnp.abs(states), axis=0), shape))
    defect = jnp.where(finite, 0.0, jnp.inf).astype(z0.dtype)
    return undone._replace(
        starts=hand_over(z0, states[-1], shape), states=states, sum=total, defect=defect, error=defect
    )


def magnitude(orbits: Orbits, shape: Cut) -> Float[Array, " B"]:
    """Largest magnitude of the states of each sequence."""
    return _largest(jnp.max(jnp.abs(orbits.states), axis=0), shape)


def _first_of(starts: Float[Array, "M R"], shape: Cut) -> Float[Array, "B M"]:
    return starts.reshape(-1, shape.batch, shape.chunks)[:, :, -1 if shape.backwards else 0].T


def _largest(difference: Float[Array, "M R"], shape: Cut) -> Float[Array, " B"]:
    """Largest magnitude per sequence; inf where an entry is not finite (a maximum over NaN is not reliable)."""
    by_sequence = difference.reshape(-1, shape.batch, shape.chunks)
    finite = jnp.all(jnp.isfinite(by_sequence), axis=(0, 2))
    return jnp.where(finite, jnp.max(jnp.abs(by_sequence), axis=(0, 2)), jnp.inf)


def _bound(
    now: Float[Array, " B"], before: Float[Array, " B"], spans: Float[Array, ""] | float, shape: Cut
) -> Float[Array, " B"]:
    """Bound of the error that is left of a change which a span of steps shrank from `before` to `now`.

    Later chunks inherit what is left, shrunk by the factor q of a whole chunk: now (1 + q + q^2 + ...). Without a
    change there is no q; then it is taken for a map that does not expand.

    Args:
        spans: how many spans make a chunk.
    """
    moved = before > 0
    q = jnp.where(moved, now / jnp.where(moved, before, 1), 0) ** spans
    series = jnp.where(q < 1, jnp.minimum(1 / jnp.where(q < 1, 1 - q, 1), shape.chunks), jnp.inf)
    return now * jnp.where(moved, series, shape.chunks)
