"""The block solver: chunks of the true map in lock-step, exact with a certificate, forward and adjoint.

See `chunks` for the algorithm. States and adjoint states are both recurrences, the second one backwards and linear,

    z_t = F(z_{t-1}),    lambda_t = g_t + J_{t+1}^T lambda_{t+1},    Eq. (42)

and are solved alike. No Jacobian matrix is formed in either, and the gradient with respect to the parameters of F is
added up during the backward rounds, so that nothing of the size of sequence times hidden units is ever stored.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float, Int

from workflow_src.solvers import chunks
from workflow_src.solvers.chunks import Cut, Motion, Orbits, Place
from workflow_src.solvers.solution import Report, Solution

# The motion of all rows, from the arrays of a step.
Mover = Callable[[Any], Motion]


def block(
    step: Callable[..., Float[Array, " M"]],
    z0: Float[Array, "B M"],
    inputs: Any,
    guess: Float[Array, "B T M"],
    *,
    tolerance: float,
) -> Solution:
    """Solve z_t = step(z_{t-1}, inputs_t) for t = 1..T in chunks of time, for a batch of sequences.

    Under `vmap` a pack of different steps (seeds) runs its first rounds together, and then each finishes by itself, so
    that none runs to the slowest.

    Args:
        step: one step of one sequence, an Equinox module.
        z0: the states before the first step; differentiable.
        inputs: PyTree of arrays with leading axes B and T; differentiable.
        guess: the chunks start from it; gets no gradient.
        tolerance: bound of the error at which chunks count as joined, in the adjoint relative to its largest state.
    Returns:
        States that solve the recurrence; `iterations` counts the rounds of all chunks. Where the chunks do not join the
        sequence runs step by step, so that no solve ends unconverged but one whose states are not finite.
    """
    arrays, static = eqx.partition(step, eqx.is_inexact_array)
    first = jax.tree.map(lambda leaf: leaf[0], (z0, inputs))
    solve = cast(Callable[..., tuple[Array, Array, Array]], _solve)
    states, rounds, defect = solve(static, work_of(step, *first), tolerance, arrays, z0, inputs, guess)
    return Solution(states, Report(rounds, defect, jnp.isfinite(defect)))


def work_of(step: Any, z0: Float[Array, " M"], inputs: Any) -> int:
    """Multiplications of one step, roughly."""
    first = jax.tree.map(lambda leaf: leaf[0], inputs)
    hidden = jax.eval_shape(step.pattern, z0, first).size if hasattr(step, "pattern") else 4 * z0.size
    return 2 * z0.size * hidden


@partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _solve(
    static: Any, work: int, tolerance: float, arrays: Any, z0: Array, inputs: Any, guess: Array
) -> tuple[Float[Array, "B T M"], Int[Array, " B"], Float[Array, " B"]]:
    found, shape, _ = _solve_arranged(static, work, tolerance, arrays, z0, inputs, guess)
    return chunks.join(found.states, shape), jnp.broadcast_to(found.rounds, shape.batch), found.defect


def _solve_arranged(
    static: Any, work: int, tolerance: float, arrays: Any, z0: Array, inputs: Any, guess: Array
) -> tuple[Orbits, Cut, Any]:
    batch, steps, _ = guess.shape
    shape = chunks.cut(batch, steps, work)
    arranged = chunks.arrange(inputs, shape)

    def motion(arrays: Any) -> Motion:
        step = jax.vmap(eqx.combine(arrays, static), in_axes=-1, out_axes=-1)
        return Motion(lambda z, u, place: (step(z, u), ()))

    ends = chunks.guessed_ends(guess, shape)
    return orbits(motion, arrays, z0, arranged, ends, shape, tolerance=tolerance, relative=False), shape, arranged


def _solve_forward(static: Any, work: int, tolerance: float, *primals: Any) -> tuple[Any, Any]:
    arrays, z0, inputs, guess = jax.tree.map(lambda leaf: leaf.value, primals)
    found, shape, arranged = _solve_arranged(static, work, tolerance, arrays, z0, inputs, guess)
    wanted = jax.tree.map(lambda leaf: leaf.perturbed, (primals[0], primals[2]))
    solved = chunks.join(found.states, shape), jnp.broadcast_to(found.rounds, shape.batch), found.defect
    return solved, (arrays, arranged, found.starts, found.states, _Static.of(wanted, shape))


def _solve_backward(static: Any, work: int, tolerance: float, kept: Any, cotangents: Any) -> tuple[Any, ...]:
    arrays, inputs, starts, states, (want_arrays, want_inputs), shape = (*kept[:-1], *kept[-1].values())
    gradients = cotangents[0]
    if isinstance(gradients, SymbolicZero):
        return None, None, None, None

    def motion(arrays: Any) -> Motion:
        some, rest = arrays

        def advance(adjoint: Array, at: tuple[Array, Array, Any], place: Place) -> tuple[Array, Any]:
            gradient, z, u = at

            def values(some: Any, z: Array) -> Array:
                return jax.vmap(eqx.combine(some, rest, static), in_axes=-1, out_axes=-1)(z, u)

            # The recurrence is linear: what is new is propagated and counted, and added to what there is.
            inside = place.inside[None]
            new = adjoint - jnp.where(place.first, 0, place.entered)
            parameters, back = jax.vjp(values, some, z)[1](jnp.where(inside, new, 0))
            return jnp.where(inside, jnp.where(place.first, gradient, place.left) + back, adjoint), parameters

        return Motion(advance, jax.tree.map(jnp.zeros_like, some))

    # Step t pulls lambda_t back to z_{t-1}, where the loss gradient of z_{t-1} joins it; z_0 has none of its own.
    entered = jnp.concatenate([starts[None], states[:-1]])
    behind = jnp.concatenate([jnp.zeros_like(gradients[:, :1]), gradients[:, :-1]], axis=1)
    at = chunks.arrange(behind, shape), entered, inputs
    some, rest = eqx.partition(arrays, want_arrays)
    found = orbits(
        motion,
        (some, rest),
        gradients[:, -1],
        jax.tree.map(lambda leaf: jnp.flip(leaf, 0), at),
        jnp.zeros_like(starts),
        shape._replace(backwards=True),
        tolerance=tolerance,
        relative=True,
    )
    before = chunks.join(jnp.flip(found.states, 0), shape)
    to_inputs = None
    if any(jax.tree.leaves(want_inputs)):
        adjoints = jnp.concatenate([before[:, 1:], gradients[:, -1:]], axis=1)
        step = eqx.combine(arrays, static)

        def pull(z: Array, u: Any, adjoint: Array) -> Any:
            return jax.vjp(lambda u: step(z, u), u)[1](adjoint)[0]

        z, u = jax.tree.map(lambda leaf: chunks.join(leaf, shape), (entered, inputs))
        to_inputs = jax.vmap(jax.vmap(pull))(z, u, adjoints)
    return eqx.combine(found.sum, jax.tree.map(jnp.zeros_like, rest)), before[:, 0], to_inputs, None


_solve.defvjp(_solve_forward, _solve_backward, symbolic_zeros=True)


class _Static(eqx.Module):
    """What the backward pass must know without computing with it: which gradients are asked for, and the cut."""

    flags: tuple[bool, ...] = eqx.field(static=True)
    structure: Any = eqx.field(static=True)
    shape: Cut = eqx.field(static=True)

    @classmethod
    def of(cls, wanted: Any, shape: Cut) -> "_Static":
        flags, structure = jax.tree.flatten(wanted)
        return cls(tuple(bool(flag) for flag in flags), structure, shape)

    def values(self) -> tuple[Any, Cut]:
        return jax.tree.unflatten(self.structure, self.flags), self.shape


def orbits(
    mover: Mover,
    arrays: Any,
    z0: Float[Array, "B M"],
    inputs: Any,
    ends: Float[Array, "M R"],
    shape: Cut,
    *,
    tolerance: float,
    relative: bool,
) -> Orbits:
    """Solve a recurrence; the orbits agree within the tolerance, or have run one chunk after the other.

    Args:
        inputs: arranged.
        ends: guess of the state behind each chunk.
        tolerance: bound of the error, in units of the states, or relative to the largest of them.
    """

    def limit(orbits: Orbits) -> Float[Array, " B"]:
        # A lost sequence has no magnitude, and never meets any tolerance.
        largest = chunks.magnitude(orbits, shape)
        largest = jnp.where(jnp.isfinite(largest), largest, 0)
        # Nearer than rounding no orbit comes to another.
        rounding = 8 * jnp.finfo(z0.dtype).eps * largest
        return jnp.maximum(tolerance * (largest if relative else jnp.ones_like(largest)), rounding)

    def begin(arrays: Any, z0: Array, inputs: Any, ends: Array) -> Orbits:
        motion = mover(arrays)
        begun = chunks.first_round(motion, inputs, chunks.unstarted(ends, z0, motion, shape), shape)
        return chunks.second_round(motion, z0, inputs, begun, limit(begun), shape)

    def finish(arrays: Any, z0: Array, inputs: Any, begun: Orbits) -> Orbits:
        motion = mover(arrays)
        done = chunks.join_up(motion, z0, inputs, begun, limit, shape)

        def in_turn() -> Orbits:
            return chunks.run_sequentially(motion, z0, inputs, shape)._replace(rounds=done.rounds, moved=done.moved)

        return jax.lax.cond(jnp.all(done.error <= limit(done)), lambda: done, in_turn)

    if shape.chunks == 1:
        return chunks.run_sequentially(mover(arrays), z0, inputs, shape)

    @custom_vmap
    def one_step(arrays: Any, z0: Array, inputs: Any, ends: Array) -> Orbits:
        return finish(arrays, z0, inputs, chunks.unstarted(ends, z0, mover(arrays), shape))

    @one_step.def_vmap
    def pack_of_steps(size: int, batched: Any, *arguments: Any) -> Any:
        arrays, z0, inputs, ends = _all_batched(size, batched, arguments)
        begun = jax.vmap(begin)(arrays, z0, inputs, ends)
        found = jax.lax.map(lambda one: finish(*one), (arrays, z0, inputs, begun))
        return found, jax.tree.map(lambda _: True, found)

    return one_step(arrays, z0, inputs, ends)


def _all_batched(size: int, batched: Any, values: Any) -> Any:
    def one(is_batched: bool, value: Array) -> Array:
        return value if is_batched else jnp.broadcast_to(value, (size, *jnp.shape(value)))

    return jax.tree.map(one, tuple(batched), tuple(values))
