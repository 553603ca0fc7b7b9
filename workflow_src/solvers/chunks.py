"""Sequences cut into chunks of time that advance in lock-step: what is where.

B sequences of T steps are cut into K chunks of C steps, and stay where they are, as arrays [B, P, ...] padded to
P = K C. What advances is a stretch of a few steps of all chunks, taken out as [S, ..., R]: time first, the R = B K rows
of all sequences and chunks last, where they are contiguous.

A recurrence that runs backwards in time, as the adjoint one does, takes the same chunks from the last to the first.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

# Steps of a stretch, roughly; after it new and old orbits are compared.
STRETCH = 16
# Rows that fill the vector units of a CPU evenly.
ALIGNMENT = 16
# A step of all chunks costs as much as so many rows more: measured on two cores of an x86 CPU; elsewhere ASSUME 20
# microseconds of launches against 4 nanoseconds per row, as no GPU was measured.
OVERHEAD, OVERHEAD_OF_LAUNCHES = 65, 5000
# Steps in which a recurrence forgets its first state, if it does not say.
FORGETTING = 64


class Cut(NamedTuple):
    """How B sequences of T steps are cut: `chunks` of `stretches` of `stretch` steps each, the last ones padded.

    Attributes:
        backwards: whether the last chunk comes first.
    """

    batch: int
    steps: int
    chunks: int
    stretches: int
    stretch: int = STRETCH
    backwards: bool = False

    @property
    def length(self) -> int:
        """Steps of a chunk, C."""
        return self.stretches * self.stretch

    @property
    def rows(self) -> int:
        return self.batch * self.chunks

    @property
    def padded(self) -> int:
        """Steps of a sequence with its padding."""
        return self.chunks * self.length


def cut(batch: int, steps: int, work: int, forgetting: int = FORGETTING) -> Cut:
    """The number of chunks that balances steps in turn against rows at once.

    A step of all chunks costs as much as some rows more, the fewer the more work a row is; a solve takes about
    C + `forgetting` of them.

    Args:
        work: multiplications of one step of one sequence.
        forgetting: steps in which the recurrence loses its first state.
    """
    overhead = (OVERHEAD if jax.default_backend() == "cpu" else OVERHEAD_OF_LAUNCHES) / (1 + work / 4000)
    rows = math.sqrt(batch * steps * overhead / forgetting)
    multiple = ALIGNMENT // math.gcd(batch, ALIGNMENT)
    chunks = min(rows / batch, steps / (2 * STRETCH))
    chunks = round(chunks / multiple) * multiple if chunks >= multiple else math.floor(chunks)
    chunks = max(chunks, 1)
    length = math.ceil(steps / chunks)

    # Any stretch of about that length will do: the one that wastes least on padding. Chunks that lie a power of two
    # apart would compete for the same lines of the cache.
    def waste(stretch: int) -> tuple[bool, int, int]:
        padded = stretch * math.ceil(length / stretch)
        return padded % 32 == 0, padded, abs(stretch - STRETCH)

    stretch = min(range(3 * STRETCH // 4, 5 * STRETCH // 4 + 1), key=waste)
    stretch = min(stretch, length)
    return Cut(batch, steps, chunks, math.ceil(length / stretch), stretch)


def undivided(shape: Cut) -> Cut:
    """The same sequences, padding and all, in one chunk each."""
    return shape._replace(chunks=1, stretches=shape.chunks * shape.stretches)


def pad(inputs: Any, shape: Cut, *, mode: str = "edge") -> Any:
    """[B, T, ...] to [B, P, ...]; the padding repeats the last step, or is zero in the mode "constant"."""

    def one(leaf: Array) -> Array:
        missing = [(0, 0), (0, shape.padded - shape.steps), *[(0, 0)] * (leaf.ndim - 2)]
        return jnp.pad(leaf, missing, mode=mode)

    return jax.tree.map(one, inputs)


def take(arrays: Any, first: Int[Array, ""], shape: Cut, steps: int | None = None) -> Any:
    """Steps `first` and following of all chunks, a stretch of them or so many: [B, P, ...] to [S, ..., R]."""
    steps = shape.stretch if steps is None else steps

    def one(leaf: Array) -> Array:
        cut = leaf.reshape(shape.batch, shape.chunks, shape.length, *leaf.shape[2:])
        part = jax.lax.dynamic_slice_in_dim(cut, first, steps, axis=2)
        part = jnp.transpose(part, (2, *range(3, cut.ndim), 0, 1))
        return part.reshape(*part.shape[:-2], shape.rows)

    return jax.tree.map(one, arrays)


def room(arrays: Any, shape: Cut) -> Any:
    """Zeros to write the steps of all chunks to: [B, T, ...] to [B, K, C, ...]."""

    def one(leaf: Array) -> Array:
        return jnp.zeros((shape.batch, shape.chunks, shape.length, *leaf.shape[2:]), leaf.dtype)

    return jax.tree.map(one, arrays)


def put(
    written: Float[Array, "B K C *F"], part: Float[Array, "S *F R"], first: Int[Array, ""], shape: Cut
) -> Float[Array, "B K C *F"]:
    """Steps `first` and following of all chunks written there."""
    part = part.reshape(*part.shape[:-1], shape.batch, shape.chunks)
    part = jnp.transpose(part, (part.ndim - 2, part.ndim - 1, *range(part.ndim - 2)))
    return jax.lax.dynamic_update_slice_in_dim(written, part, first, axis=2)


def whole(written: Any, shape: Cut) -> Any:
    """What was written, as padded sequences: [B, K, C, ...] to [B, P, ...]."""
    return jax.tree.map(lambda leaf: leaf.reshape(shape.batch, shape.padded, *leaf.shape[3:]), written)


def ends_of(states: Float[Array, "B P M"], shape: Cut) -> Float[Array, "M R"]:
    """The states behind the last steps of all chunks."""
    cut = states.reshape(shape.rows, shape.length, states.shape[2])
    return cut[:, -1].T


def entered(
    states: Float[Array, "B P M"], starts: Float[Array, "M R"], first: Int[Array, ""], shape: Cut
) -> Float[Array, "S M R"]:
    """The states in front of the steps `first` and following."""
    here = take(states, first, shape, shape.stretch - 1)
    before = take(states, jnp.maximum(first - 1, 0), shape, 1)
    return jnp.concatenate([jnp.where(first == 0, starts, before), here])


def inside(first: Int[Array, ""], shape: Cut) -> Bool[Array, "S 1 R"]:
    """Which of the steps `first` and following belong to the sequences and not to the padding."""
    within = first + jnp.arange(shape.stretch)[:, None, None]
    chunk = jnp.tile(jnp.arange(shape.chunks), shape.batch)[None, None]
    return chunk * shape.length + within < shape.steps


def guessed_ends(guess: Float[Array, "B T M"], shape: Cut) -> Float[Array, "M R"]:
    """The guess of the state behind each chunk; that of the last one is of no use to any."""
    ends = guess[:, jnp.minimum(shape.length * jnp.arange(1, shape.chunks + 1), shape.steps) - 1]
    return ends.reshape(-1, guess.shape[2]).T


def hand_over(z0: Float[Array, "B M"], ends: Float[Array, "M R"], shape: Cut) -> Float[Array, "M R"]:
    """The state that each chunk gets from the one before it."""
    chunks, first = ends.reshape(-1, shape.batch, shape.chunks), z0.T[:, :, None]
    ordered = [chunks[:, :, 1:], first] if shape.backwards else [first, chunks[:, :, :-1]]
    return jnp.concatenate(ordered, axis=2).reshape(ends.shape)


def edge(rows: Float[Array, "M R"], shape: Cut, *, last: bool) -> Float[Array, "B M"]:
    """What belongs to the last chunk of each sequence, or to the first, in the order of time."""
    return rows.reshape(-1, shape.batch, shape.chunks)[:, :, -1 if last else 0].T


def largest(difference: Float[Array, "M R"], shape: Cut) -> Float[Array, " B"]:
    """Largest magnitude per sequence; inf where an entry is not finite (a maximum over NaN is not reliable)."""
    by_sequence = difference.reshape(-1, shape.batch, shape.chunks)
    finite = jnp.all(jnp.isfinite(by_sequence), axis=(0, 2))
    return jnp.where(finite, jnp.max(jnp.abs(by_sequence), axis=(0, 2)), jnp.inf)
