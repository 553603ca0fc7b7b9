"""State space duality: the Mamba-2 recurrence in matrix form, Dao & Gu 2024, arXiv 2405.21060, Sec. 6.

    S_t = exp(l_t) S_{t-1} + u_t B_t^T,    y_t = S_t C_t,    S_0 = 0,    l_t <= 0

Within a chunk y_i = sum_{j <= i} exp(l_{j+1} + .. + l_i) (C_i . B_j) u_j is a product of small matrices. Chunks are
joined by a parallel scan over their last states, so the states in between are never stored.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# The chunk's matrices need memory in proportion to its length, the states between chunks inversely.
CHUNK = 32


def ssd(
    log_decay: Float[Array, "T heads"],
    u: Float[Array, "T heads channels"],
    B: Float[Array, "T states"],
    C: Float[Array, "T states"],
    *,
    chunk: int = CHUNK,
) -> Float[Array, "T heads channels"]:
    """All outputs y_1 .. y_T; B and C are shared by the heads.

    Args:
        log_decay: logarithm l_t of each head's decay, not positive.
        u: what enters the state at t.
        B: where in the state it is written.
        C: where in the state the output is read.
        chunk: steps that are handled by one matrix product. A matter of speed and memory, not of the result.
    """
    T = log_decay.shape[0]
    chunk = min(chunk, T)
    # Padded steps come last, write nothing (u = 0) and forget nothing (l = 0).
    log_decay, u, B, C = (_split(v, chunk) for v in (log_decay, u, B, C))
    y, last_states = jax.vmap(_within_chunk)(log_decay, u, B, C)
    first_states = _states_before(jnp.sum(log_decay, axis=1), last_states)
    y = y + jax.vmap(_from_state)(log_decay, first_states, C)
    return y.reshape(-1, *y.shape[2:])[:T]


def segment_sums(v: Float[Array, " Q"]) -> Float[Array, "Q Q"]:
    """Entry (i, j) is v_{j+1} + .. + v_i for i >= j, and zero above the diagonal.

    Summed up term by term: differences of one running sum cancel in single precision. A matrix product does that faster
    than a cumulative sum, which takes as many additions.
    """
    Q = v.shape[0]
    return jnp.tri(Q, dtype=v.dtype) @ jnp.where(jnp.tri(Q, k=-1, dtype=bool), v[:, None], 0)


def _split(v: Float[Array, "T ..."], chunk: int) -> Float[Array, "chunks Q ..."]:
    padding = [(0, -v.shape[0] % chunk)] + [(0, 0)] * (v.ndim - 1)
    return jnp.pad(v, padding).reshape(-1, chunk, *v.shape[1:])


def _within_chunk(
    log_decay: Float[Array, "Q heads"],
    u: Float[Array, "Q heads channels"],
    B: Float[Array, "Q states"],
    C: Float[Array, "Q states"],
) -> tuple[Float[Array, "Q heads channels"], Float[Array, "heads channels states"]]:
    """Outputs and last state of a chunk that starts from the zero state."""
    sums = jax.vmap(segment_sums, in_axes=1)(log_decay)
    decay = jnp.tril(jnp.exp(sums))
    y = jnp.einsum("hij,jhp->ihp", decay * (C @ B.T)[None], u)
    until_end = decay[:, -1].T
    return y, jnp.einsum("jhp,js->hps", until_end[:, :, None] * u, B)


def _states_before(
    log_decay: Float[Array, "chunks heads"], last_states: Float[Array, "chunks heads channels states"]
) -> Float[Array, "chunks heads channels states"]:
    """The state in which each chunk starts, given the decay over each chunk and what it adds to the state."""

    def compose(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[Array, Array]:
        return second[0] * first[0], second[0] * first[1] + second[1]

    decay = jnp.exp(log_decay)[:, :, None, None]
    _, states = jax.lax.associative_scan(compose, (decay, last_states))
    return jnp.concatenate([jnp.zeros_like(states[:1]), states[:-1]])


def _from_state(
    log_decay: Float[Array, "Q heads"],
    state: Float[Array, "heads channels states"],
    C: Float[Array, "Q states"],
) -> Float[Array, "Q heads channels"]:
    """What the state before a chunk adds to the chunk's outputs."""
    since_start = jnp.exp(jnp.cumsum(log_decay, axis=0))
    return since_start[:, :, None] * jnp.einsum("hps,is->ihp", state, C)
