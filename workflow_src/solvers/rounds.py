"""A recurrence solved in rounds of all chunks, and proved by what the chunks hand over.

All chunks run at once with the true map, each from a guess of its first state; each then hands its last state to the
next chunk, and all run again from what they were handed. Where the map forgets its initial state, as a forced one
does, the new orbit soon falls onto the old one and the round ends there: it costs as many steps as the map needs to
forget, and no Jacobian. Chunks are true orbits, so nothing overflows on the way, and after r rounds the first r chunks
are exact.

Directions that forget slowly need to know what a change of the first state does to the end of a chunk. That is fitted
to the rounds themselves, as one matrix for all chunks; then it is computed by propagated tangents (Newton's method on
the chunk boundaries: multiple shooting). What even that does not settle runs step by step.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Bool, Float, Int

from workflow_src.solvers.chunks import Cut, edge, hand_over, largest, undivided

# Rounds: the first from the guess, the second from what it handed over, then with a fitted transfer, then Newton's.
LAST_FITTED, LAST_NEWTON = 7, 11


class Recurrence(NamedTuple):
    """A recurrence over B sequences, cut in some way.

    Attributes:
        z0: what the first chunk of each sequence begins with.
        ends: guess of the state behind each chunk.
        kept: PyTree that the walk writes to, before the first round.
        walk: a stretch of all chunks: its number, the states in front of it, what is kept and whether it is the first
            round, to the states behind it and what is kept.
        transfer: first states and what is kept to the derivative of each chunk's end by its first state.
        result: what is kept to what is returned, which must not depend on the cut.
        linear: whether it is a change of the first states that walks, and adds to what there is.
    """

    z0: Float[Array, "B M"]
    ends: Float[Array, "M R"]
    kept: Any
    walk: Callable[[Int[Array, ""], Float[Array, "M R"], Any, Bool[Array, ""]], tuple[Float[Array, "M R"], Any]]
    transfer: Callable[[Float[Array, "M R"], Any], Float[Array, "K B M M"]]
    result: Callable[[Any], Any]
    linear: bool


class Orbits(NamedTuple):
    """Orbits of all chunks.

    Attributes:
        starts, ends: states in front of the first step of each chunk, and behind its last.
        moved: by how much the last round changed them.
        kept: what the rounds wrote.
        marks: states behind each stretch, to compare with; they are not read from `kept`, as what is both read and
            written in a loop is copied there. A linear recurrence needs none.
        defect: largest distance between two states that should be one.
        error: bound of the distance to the exact orbit, from how fast orbits met; inf before there is one.
        rounds: how often the chunks ran.
    """

    starts: Float[Array, "M R"]
    ends: Float[Array, "M R"]
    moved: tuple[Float[Array, "M R"], Float[Array, "M R"]]
    kept: Any
    marks: Float[Array, "stretches M R"] | None
    defect: Float[Array, " B"]
    error: Float[Array, " B"]
    rounds: Int[Array, ""]


class Solved(NamedTuple):
    """A solved recurrence.

    Attributes:
        kept: the result of what the rounds wrote.
        end: the state behind the last step.
        defect: largest distance between two states that should be one; inf where a state is not finite.
        rounds: how often the chunks ran.
    """

    kept: Any
    end: Float[Array, "B M"]
    defect: Float[Array, " B"]
    rounds: Int[Array, ""]


# A recurrence from its arrays, cut.
Maker = Callable[[Any, Cut], Recurrence]


def solve(make: Maker, arrays: Any, shape: Cut, *, tolerance: float, relative: bool) -> Solved:
    """Solve a recurrence; its chunks agree within the tolerance, or have run one after the other.

    Under `vmap` a pack of recurrences runs its first round together, and then each finishes by itself, so that none
    runs to the slowest.

    Args:
        make: of `shape` and of the same sequences in one chunk.
        tolerance: bound of the error, in units of the states, or relative to the largest of them.
    """

    def limit(orbits: Orbits) -> Float[Array, " B"]:
        if not relative:
            return jnp.full(shape.batch, tolerance, orbits.starts.dtype)
        largest = magnitude(orbits, shape)
        # A lost sequence has no magnitude, and never meets any tolerance.
        return max(tolerance, rounding(largest.dtype)) * jnp.where(jnp.isfinite(largest), largest, 0)

    def begin(arrays: Any) -> Orbits:
        recurrence = make(arrays, shape)
        return first_round(recurrence, unstarted(recurrence, shape), shape)

    def finish(arrays: Any, begun: Orbits) -> Solved:
        recurrence = make(arrays, shape)
        done = join_up(recurrence, begun, limit, shape)
        joined = solved(recurrence, done, shape)

        def in_turn() -> Solved:
            return run_sequentially(make, arrays, shape)._replace(rounds=done.rounds)

        return jax.lax.cond(jnp.all(done.error <= limit(done)), lambda: joined, in_turn)

    if shape.chunks == 1:
        return run_sequentially(make, arrays, shape)

    @custom_vmap
    def one(arrays: Any) -> Solved:
        return finish(arrays, unstarted(make(arrays, shape), shape))

    @one.def_vmap
    def pack(size: int, batched: Any, arrays: Any) -> Any:
        arrays = jax.tree.map(
            lambda is_batched, leaf: leaf if is_batched else jnp.broadcast_to(leaf, (size, *jnp.shape(leaf))),
            batched[0],
            arrays,
        )
        found = jax.lax.map(lambda each: finish(*each), (arrays, jax.vmap(begin)(arrays)))
        return found, jax.tree.map(lambda _: True, found)

    return one(arrays)


def unstarted(recurrence: Recurrence, shape: Cut) -> Orbits:
    """Orbits that have yet to run."""
    starts = hand_over(recurrence.z0, recurrence.ends, shape)
    nothing = jnp.zeros_like(starts)
    far = jnp.full(shape.batch, jnp.inf, starts.dtype)
    marks = None if recurrence.linear else jnp.zeros((shape.stretches, *starts.shape), starts.dtype)
    return Orbits(starts, nothing, (nothing, nothing), recurrence.kept, marks, far, far, jnp.array(0))


def first_round(recurrence: Recurrence, orbits: Orbits, shape: Cut) -> Orbits:
    """All chunks from the first states that they have, to their ends."""
    first = jnp.array(True)
    start = jnp.zeros_like(orbits.starts) if recurrence.linear else orbits.starts

    def stretch(number: Array, carry: tuple[Any, ...]) -> tuple[Any, ...]:
        z, kept, marks = carry
        z, kept = recurrence.walk(number, z, kept, first)
        return z, kept, marked(marks, z, number)

    carry = (start, orbits.kept, orbits.marks)
    ends, kept, marks = jax.lax.fori_loop(0, shape.stretches, stretch, carry)
    return orbits._replace(ends=ends, kept=kept, marks=marks, rounds=orbits.rounds + 1)


def marked(
    marks: Float[Array, "stretches M R"] | None, z: Float[Array, "M R"], number: Int[Array, ""]
) -> Float[Array, "stretches M R"] | None:
    return None if marks is None else jax.lax.dynamic_update_index_in_dim(marks, z, number, 0)


def join_up(
    recurrence: Recurrence, orbits: Orbits, tolerance: Callable[[Orbits], Float[Array, " B"]], shape: Cut
) -> Orbits:
    """Rounds until the error of every sequence is within the tolerance, or no kind of round is left."""
    z0 = recurrence.z0

    def one(orbits: Orbits) -> Orbits:
        kinds = [
            lambda: orbits.starts,
            lambda: hand_over(z0, orbits.ends, shape),
            lambda: shift(z0, orbits, fitted_transfer(orbits, shape), shape),
            lambda: shift(z0, orbits, recurrence.transfer(orbits.starts, orbits.kept), shape),
        ]
        kind = jnp.where(orbits.rounds < 2, orbits.rounds, jnp.where(orbits.rounds < LAST_FITTED, 2, 3))
        limit = jnp.where(orbits.rounds == 0, -jnp.inf, tolerance(orbits))
        return run_chunks(recurrence, orbits, jax.lax.switch(kind, kinds), limit, shape)

    def apart(orbits: Orbits) -> Bool[Array, ""]:
        # More rounds do not help a sequence that is not finite.
        hopeful = jnp.isfinite(largest(orbits.ends, shape)) | (orbits.rounds < 3)
        return jnp.any(hopeful & ~(orbits.error <= tolerance(orbits))) & (orbits.rounds < LAST_NEWTON)

    return jax.lax.while_loop(apart, one, orbits)


def run_chunks(
    recurrence: Recurrence,
    before: Orbits,
    starts: Float[Array, "M R"],
    tolerance: Float[Array, " B"],
    shape: Cut,
) -> Orbits:
    """One round from new first states, until all orbits have met their old ones within the tolerance."""
    moved = starts - before.starts
    change = largest(moved, shape)
    first = before.rounds == 0

    def stretch(carry: tuple[Any, ...]) -> tuple[Any, ...]:
        number, z, kept, marks, _, _ = carry
        z, kept = recurrence.walk(number, z, kept, first)
        old = None if marks is None else jax.lax.dynamic_index_in_dim(marks, number, keepdims=False)
        met = largest(z if old is None else distance(z, old), shape)
        error = bound(met, change, shape.stretches / (number + 1), shape)
        return number + 1, z, kept, marked(marks, z, number), met, error

    def apart(carry: tuple[Any, ...]) -> Bool[Array, ""]:
        return (carry[0] < shape.stretches) & ~jnp.all(carry[-1] <= tolerance)

    far = jnp.full(shape.batch, jnp.inf, starts.dtype)
    begun = (
        jnp.array(0),
        moved if recurrence.linear else starts,
        before.kept,
        before.marks,
        far,
        far,
    )
    number, z, kept, marks, met, error = jax.lax.while_loop(apart, stretch, begun)
    # The ends of orbits that met stay as they were. Others are judged by what they hand over now.
    reached = number == shape.stretches
    ends = jnp.where(reached, before.ends + z if recurrence.linear else z, before.ends)
    handed = hand_over(edge(starts, shape, last=shape.backwards), ends, shape)
    gap = largest(handed - starts if recurrence.linear else distance(handed, starts), shape)
    joined = error <= tolerance
    return Orbits(
        starts,
        ends,
        (moved, ends - before.ends),
        kept,
        marks,
        jnp.where(joined, met, gap),
        jnp.where(joined, error, bound(gap, change, 1.0, shape)),
        before.rounds + 1,
    )


def shift(
    z0: Float[Array, "B M"], orbits: Orbits, transfer: Float[Array, "K B M M"], shape: Cut
) -> Float[Array, "M R"]:
    """First states that agree with each other, if a change s of a first state changes the end by transfer @ s."""

    def by_chunk(rows: Float[Array, "M R"]) -> Float[Array, "K B M"]:
        return jnp.transpose(rows.reshape(-1, shape.batch, shape.chunks), (2, 1, 0))

    def one(start: Array, chunk: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        old, end, P = chunk
        return end + jnp.einsum("bij,bj->bi", P, start - old), start

    order = by_chunk(orbits.starts), by_chunk(orbits.ends), transfer
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


def run_sequentially(make: Maker, arrays: Any, shape: Cut) -> Solved:
    """Step by step: no guess, no defect, and no use of many rows."""
    whole = undivided(shape)
    recurrence = make(arrays, whole)
    done = first_round(recurrence, unstarted(recurrence, whole), whole)
    return solved(recurrence, done._replace(defect=jnp.zeros_like(done.defect), rounds=jnp.array(0)), whole)


def solved(recurrence: Recurrence, orbits: Orbits, shape: Cut) -> Solved:
    """The result of orbits that agree."""
    defect = jnp.where(jnp.isfinite(magnitude(orbits, shape)), orbits.defect, jnp.inf)
    end = edge(orbits.ends, shape, last=not shape.backwards)
    return Solved(recurrence.result(orbits.kept), end, defect, orbits.rounds)


def magnitude(orbits: Orbits, shape: Cut) -> Float[Array, " B"]:
    """Largest state at the ends of stretches, or of chunks where nothing is marked; inf where one is not finite."""
    seen = orbits.ends[None] if orbits.marks is None else orbits.marks
    lost = ~jnp.all(jnp.isfinite(seen), axis=0)
    return largest(jnp.where(lost, jnp.inf, jnp.max(jnp.abs(seen), axis=0)), shape)


def distance(z: Float[Array, "M R"], other: Float[Array, "M R"]) -> Float[Array, "M R"]:
    """Difference of states; zero where it is no more than rounding, nearer than which no orbit comes to another.

    Rounding is that of the states compared: elsewhere an orbit may have run away to states so large that next to their
    rounding any gap would count as none.
    """
    scale = jnp.max(jnp.abs(z), axis=0, keepdims=True)
    difference = z - other
    return jnp.where(jnp.abs(difference) <= rounding(z.dtype) * scale, 0, difference)


def rounding(dtype: Any) -> float:
    """Relative distance of two orbits that are one."""
    return 8 * float(jnp.finfo(dtype).eps)


def bound(
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
