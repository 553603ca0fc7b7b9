"""Affine recurrences v_t = J_t v_{t-1} + b_t, or their adjoints, in chunks of time that advance in lock-step.

The T steps are cut into K chunks of C. A sweep runs through all chunks at once, each from a guess of the vector in
front of it that a shorter sweep over the end of the chunk before made. Inside a chunk the result is exact; what is
wrong are only the K gaps between what one chunk hands over and the next one started from. With the transfer matrices
P_k = J_{kC+C} ... J_{kC+1} of the chunks a scan over the K boundaries closes the gaps, and a second sweep finishes.

P costs T M^3 and the Jacobians themselves, a sweep matrix-vector products only. So P is a preconditioner here: gaps are
closed with the matrices at hand, those of an earlier solve or zero, as long as each sweep makes them ten times smaller,
and P is formed anew where they do not serve. Where a chunk forgets how it was entered, as under strong forcing, there
are no gaps after the first sweep. Either way those left at the end are measured.

Arrays are [C, ..., K]: time inside the chunk first, the chunks last, where they are contiguous. Nothing is unrolled, so
the compile time does not depend on T.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from workflow_src.solvers.solution import largest

Vectors = Float[Array, "M K"]
Transfer = Float[Array, "M M K"]

# Gaps at this multiple of the rounding unit are closed.
ROUNDING = 16
# Sweeps with the same transfer matrices.
MOST_SWEEPS = 8
# Steps that the shorter sweep takes.
WARM_UP = 64


class Cut(NamedTuple):
    """How T steps are cut: `chunks` of `length` steps each, the last one padded."""

    steps: int
    chunks: int
    length: int


class Solved(NamedTuple):
    """Vectors of all steps, the transfer matrices that closed the gaps, and whether they are closed."""

    vectors: Float[Array, "C M K"]
    transfer: Transfer
    closed: Bool[Array, ""]


class _Sweeps(NamedTuple):
    starts: Vectors
    vectors: Float[Array, "C M K"]
    gaps: Vectors
    size: Float[Array, ""]
    helpful: Bool[Array, ""]
    closed: Bool[Array, ""]
    made: Int[Array, ""]


def cut(steps: int, work: int) -> Cut:
    """The number of chunks that balances steps in turn against rows at once.

    Args:
        work: multiplications of one matrix-vector product.
    """
    # C steps in turn cost an overhead each, K boundaries about half of it; rows cost nothing before they fill a core.
    overhead = 40_000
    chunks = max(1, min(round(math.sqrt(steps)), round(4 * overhead / work), steps // 8))
    length = math.ceil(steps / chunks)
    return Cut(steps, math.ceil(steps / length), length)


def arrange(tree: Any, shape: Cut) -> Any:
    """[T, ...] to [C, ..., K]; the padding repeats the last step."""

    def one(leaf: Array) -> Array:
        missing = shape.chunks * shape.length - shape.steps
        padded = jnp.concatenate([leaf, jnp.repeat(leaf[-1:], missing, axis=0)]) if missing else leaf
        return jnp.moveaxis(padded.reshape(shape.chunks, shape.length, *leaf.shape[1:]), 0, -1)

    return jax.tree.map(one, tree)


def join(vectors: Float[Array, "C M K"], shape: Cut) -> Float[Array, "T M"]:
    """The inverse of `arrange`, without the padding."""
    return jnp.transpose(vectors, (2, 0, 1)).reshape(-1, vectors.shape[1])[: shape.steps]


def inside(shape: Cut) -> Bool[Array, "C 1 K"]:
    """Which steps belong to the sequence and not to the padding."""
    step = jnp.arange(shape.chunks)[None, None] * shape.length + jnp.arange(shape.length)[:, None, None]
    return step < shape.steps


def solve(
    sweep: Callable[[Vectors, slice], tuple[Float[Array, "c M K"], Vectors]],
    transfer: Transfer,
    build: Callable[[], Transfer],
    *,
    reverse: bool = False,
    tolerance: float | Float[Array, ""] = 0.0,
) -> Solved:
    """Solve the recurrence with nothing in front of the first chunk, or, in reverse, behind the last one.

    Args:
        sweep: from the vectors that chunks are entered with to those of a range of their steps, and those handed over.
        transfer: transfer matrices to begin with, of a similar recurrence in the forward direction, or zero.
        build: forms those of this recurrence, in the forward direction; runs only where the given ones do not serve.
        reverse: chunks hand over to the one before them, by transposed matrices.
        tolerance: gaps up to this size, or that of rounding, count as closed.
    Returns:
        The result of the last sweep; with gaps that did not close, `closed` is False.
    """
    eps = jnp.finfo(transfer.dtype).eps

    def once(sweeps: _Sweeps, transfer: Transfer) -> _Sweeps:
        starts = sweeps.starts + _propagate(transfer, sweeps.gaps, reverse=reverse)
        vectors, ends = sweep(starts, slice(None))
        gaps = _handed_over(ends, reverse=reverse) - starts
        size = largest(gaps)
        limit = jnp.maximum(tolerance, ROUNDING * eps * jnp.max(jnp.abs(vectors)))
        closed = jnp.all(jnp.abs(gaps) <= limit)
        helpful = jnp.isfinite(size) & (size <= 0.1 * sweeps.size)
        return _Sweeps(starts, vectors, gaps, size, helpful, closed, sweeps.made + 1)

    def attempt(carry: tuple[_Sweeps, Transfer, Int[Array, ""]]) -> tuple[_Sweeps, Transfer, Int[Array, ""]]:
        _, transfer, attempts = carry
        # A loop of one round at most, because under `vmap` a `cond` runs both of its branches.
        _, transfer = jax.lax.while_loop(
            lambda carry: carry[0], lambda _: (jnp.array(False), build()), (attempts > 0, transfer)
        )
        sweeps = jax.lax.while_loop(
            lambda s: ~s.closed & s.helpful & (s.made < MOST_SWEEPS), lambda s: once(s, transfer), begin
        )
        return sweeps, transfer, attempts + 1

    nothing = jnp.zeros(transfer.shape[1:], transfer.dtype)
    vectors = jax.eval_shape(lambda starts: sweep(starts, slice(None)), nothing)[0]
    entered = sweep(nothing, slice(WARM_UP) if reverse else slice(-WARM_UP, None))[1]
    begin = _Sweeps(
        starts=_handed_over(entered, reverse=reverse),
        vectors=jnp.zeros(vectors.shape, vectors.dtype),
        gaps=nothing,
        size=jnp.array(jnp.inf, transfer.dtype),
        helpful=jnp.array(True),
        closed=jnp.array(False),
        made=jnp.array(0),
    )
    sweeps, transfer, _ = jax.lax.while_loop(
        lambda carry: ~carry[0].closed & (carry[2] < 2), attempt, (begin, transfer, jnp.array(0))
    )
    return Solved(sweeps.vectors, transfer, sweeps.closed)


def transfer_matrices(jacobian: Callable[[Any], Transfer], steps: Any, shape: Cut, dtype: Any) -> Transfer:
    """P_k, the product of the Jacobians of each chunk, which are formed one step at a time and not kept.

    Args:
        jacobian: Jacobians of one step of all chunks.
        steps: what it takes, with leading axis C.
    """
    M = jax.eval_shape(jacobian, jax.tree.map(lambda leaf: leaf[0], steps)).shape[0]
    identity = jnp.broadcast_to(jnp.eye(M, dtype=dtype)[:, :, None], (M, M, shape.chunks))

    def one(P: Transfer, at: tuple[Any, Array]) -> tuple[Transfer, None]:
        step, inside = at
        return jnp.where(inside[None], _product(jacobian(step), P), P), None

    return jax.lax.scan(one, identity, (steps, inside(shape)))[0]


def _product(J: Transfer, P: Transfer) -> Transfer:
    return jnp.einsum("ijk,jlk->ilk", J, P)


def _handed_over(ends: Vectors, *, reverse: bool) -> Vectors:
    edge = jnp.zeros_like(ends[:, :1])
    return jnp.concatenate([ends[:, 1:], edge] if reverse else [edge, ends[:, :-1]], axis=1)


def _propagate(transfer: Transfer, gaps: Vectors, *, reverse: bool) -> Vectors:
    """By how much the chunks have to be entered differently: e_k = gap_k + P_{k-1} e_{k-1}, or P_{k+1}^T e_{k+1}."""

    def one(passed: Array, boundary: tuple[Array, Array]) -> tuple[Array, Array]:
        gap, P = boundary
        change = gap + passed
        return (P.T if reverse else P) @ change, change

    by_chunk = (gaps.T, jnp.moveaxis(transfer, -1, 0))
    return jax.lax.scan(one, jnp.zeros_like(gaps[:, 0]), by_chunk, reverse=reverse)[1].T
