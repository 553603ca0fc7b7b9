"""The block solver: chunks of the true map in lock-step, exact with a certificate, forward and adjoint.

See `rounds` for the algorithm. States and adjoint states are both recurrences, the second one backwards and linear,

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
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float, Int

from workflow_src.solvers import chunks, rounds
from workflow_src.solvers.chunks import Cut
from workflow_src.solvers.rounds import Recurrence, Solved
from workflow_src.solvers.solution import Report, Solution


def block(
    step: Callable[..., Float[Array, " M"]],
    z0: Float[Array, "B M"],
    inputs: Any,
    guess: Float[Array, "B T M"],
    *,
    tolerance: float,
) -> Solution:
    """Solve z_t = step(z_{t-1}, inputs_t) for t = 1..T in chunks of time, for a batch of sequences.

    Under `vmap` a pack of different steps (seeds) runs its first round together, and then each finishes by itself, so
    that none runs to the slowest.

    Args:
        step: one step of one sequence, an Equinox module. It may offer `columns`, the step of many states as columns of
            a matrix, and `forgetting`, the number of steps in which it loses its first state.
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
    batch, steps, _ = guess.shape
    shape = chunks.cut(batch, steps, work_of(step, *first), getattr(step, "forgetting", chunks.FORGETTING))
    solve = cast(Callable[..., tuple[Array, Array, Array]], _solve)
    states, rounds, defect = solve(static, shape, tolerance, arrays, z0, inputs, guess)
    return Solution(states, Report(rounds, defect, jnp.isfinite(defect)))


def work_of(step: Any, z0: Float[Array, " M"], inputs: Any) -> int:
    """Multiplications of one step, roughly."""
    first = jax.tree.map(lambda leaf: leaf[0], inputs)
    hidden = jax.eval_shape(step.pattern, z0, first).size if hasattr(step, "pattern") else 4 * z0.size
    return 2 * z0.size * hidden


@partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _solve(
    static: Any, shape: Cut, tolerance: float, arrays: Any, z0: Array, inputs: Any, guess: Array
) -> tuple[Float[Array, "B T M"], Int[Array, " B"], Float[Array, " B"]]:
    found, _ = _solve_padded(static, shape, tolerance, arrays, z0, inputs, guess)
    return _results(found, shape)


def _solve_padded(
    static: Any, shape: Cut, tolerance: float, arrays: Any, z0: Array, inputs: Any, guess: Array
) -> tuple[Solved, Any]:
    padded = chunks.pad(inputs, shape)
    ends = chunks.guessed_ends(guess, shape)
    make = partial(_forwards, static)
    return rounds.solve(make, (arrays, z0, padded, ends), shape, tolerance=tolerance, relative=False), padded


def _results(found: Solved, shape: Cut) -> tuple[Float[Array, "B T M"], Int[Array, " B"], Float[Array, " B"]]:
    return found.kept[:, : shape.steps], jnp.broadcast_to(found.rounds, shape.batch), found.defect


def _forwards(static: Any, given: Any, shape: Cut) -> Recurrence:
    """z_t = F(z_{t-1}); the states are kept."""
    arrays, z0, inputs, ends = given
    step = columns(eqx.combine(arrays, static))

    def walk(number: Array, z: Array, states: Array, first: Array) -> tuple[Array, Array]:
        at = number * shape.stretch

        def one(z: Array, u: Any) -> tuple[Array, Array]:
            z = step(z, u)
            return z, z

        z, orbit = jax.lax.scan(one, z, chunks.take(inputs, at, shape))
        return z, chunks.put(states, orbit, at, shape)

    def transfer(starts: Array, states: Array) -> Array:
        def push(z: Array, u: Any, tangents: Array) -> Array:
            return jax.vmap(jax.linearize(lambda z: step(z, u), z)[1])(tangents)

        return _transfer(push, starts, chunks.whole(states, shape), inputs, shape)

    def result(states: Array) -> Array:
        return chunks.whole(states, shape)

    states = jnp.zeros((shape.batch, shape.chunks, shape.length, z0.shape[1]), z0.dtype)
    return Recurrence(z0, ends[:, : shape.rows], states, walk, transfer, result, linear=False)


def _backwards(static: Any, given: Any, shape: Cut) -> Recurrence:
    """mu_{t-1} = J_t^T lambda_t with lambda_t = g_t + mu_t; the gradients that the steps pull back are kept.

    The recurrence is linear: after the first round only changes walk, and what they pull back is added.
    """
    some, rest, z0, gradients, states, inputs, asked_inputs = given

    def values(some: Any, z: Array, u: Any) -> Array:
        return columns(eqx.combine(some, rest, static))(z, u)

    starts = chunks.hand_over(z0, chunks.ends_of(states, shape), shape._replace(backwards=False))

    def entered(at: Array) -> Array:
        z = chunks.entered(states, starts, at, shape)
        # Whatever the padding runs into, nothing is pulled back from there.
        return jnp.where(chunks.inside(at, shape), z, 0) if shape.padded > shape.steps else z

    def walk(number: Array, adjoint: Array, kept: Any, first: Array) -> tuple[Array, Any]:
        at = shape.length - (number + 1) * shape.stretch
        total, to_inputs = kept

        def one(carry: tuple[Array, Any], at: tuple[Array, Array, Any]) -> tuple[tuple[Array, Any], Any]:
            adjoint, total = carry
            gradient, z, u = at
            asked = (some, z, u) if to_inputs is not None else (some, z)
            _, pull = jax.vjp(lambda some, z, u=u: values(some, z, u), *asked)
            parameters, back, *more = pull(adjoint + jnp.where(first, gradient, 0))
            return (back, jax.tree.map(jnp.add, total, parameters)), more

        part = chunks.take(gradients, at, shape), entered(at), chunks.take(inputs, at, shape)
        (adjoint, total), more = jax.lax.scan(one, (adjoint, total), part, reverse=True)
        if to_inputs is not None:
            before = chunks.take(chunks.whole(to_inputs, shape), at, shape)
            to_inputs = jax.tree.map(
                lambda leaf, old, new: chunks.put(leaf, old + new, at, shape), to_inputs, before, more[0]
            )
        return adjoint, (total, to_inputs)

    def transfer(_: Array, kept: Any) -> Array:
        def pull(z: Array, u: Any, tangents: Array) -> Array:
            return jax.vmap(jax.vjp(lambda z: values(some, z, u), z)[1])(tangents)[0]

        return _transfer(pull, starts, states, inputs, shape)

    def result(kept: Any) -> Any:
        return kept[0], chunks.whole(kept[1], shape)

    nothing = jnp.zeros_like(z0)
    ends = jnp.zeros((z0.shape[1], shape.rows), z0.dtype)
    totals = jax.tree.map(jnp.zeros_like, some), chunks.room(asked_inputs, shape)
    return Recurrence(nothing, ends, totals, walk, transfer, result, linear=True)


def _transfer(
    push: Callable[[Array, Any, Array], Array], starts: Array, states: Array, inputs: Any, shape: Cut
) -> Float[Array, "K B M M"]:
    """What all chunks make of the M unit vectors, in the order of their time."""
    M, R = starts.shape

    def stretch(number: Array, tangents: Array) -> Array:
        at = number * shape.stretch
        if shape.backwards:
            at = shape.length - at - shape.stretch
        part = chunks.entered(states, starts, at, shape), chunks.take(inputs, at, shape)
        return jax.lax.scan(lambda t, at: (push(*at, t), None), tangents, part, reverse=shape.backwards)[0]

    identity = jnp.broadcast_to(jnp.eye(M, dtype=starts.dtype)[:, :, None], (M, M, R))
    ends = jax.lax.fori_loop(0, shape.stretches, stretch, identity)
    return jnp.transpose(ends.reshape(M, M, shape.batch, shape.chunks), (3, 2, 1, 0))


def columns(step: Any) -> Callable[[Float[Array, "M R"], Any], Float[Array, "M R"]]:
    """The step of many states, the columns of a matrix: its own, if it offers one."""
    return step.columns if hasattr(step, "columns") else jax.vmap(step, in_axes=-1, out_axes=-1)


def _solve_forward(static: Any, shape: Cut, tolerance: float, *primals: Any) -> tuple[Any, Any]:
    arrays, z0, inputs, guess = jax.tree.map(lambda leaf: leaf.value, primals)
    found, padded = _solve_padded(static, shape, tolerance, arrays, z0, inputs, guess)
    wanted = jax.tree.map(lambda leaf: leaf.perturbed, (primals[0], primals[2]))
    return _results(found, shape), (arrays, z0, padded, found.kept, _Wanted.of(wanted))


def _solve_backward(static: Any, shape: Cut, tolerance: float, kept: Any, cotangents: Any) -> tuple[Any, ...]:
    arrays, z0, inputs, states, wanted = kept
    want_arrays, want_inputs = wanted.values()
    if isinstance(cotangents[0], SymbolicZero):
        return None, None, None, None
    some, rest = eqx.partition(arrays, want_arrays)
    asked_inputs = inputs if any(jax.tree.leaves(want_inputs)) else None
    gradients = chunks.pad(cotangents[0], shape, mode="constant")
    given = some, rest, z0, gradients, states, inputs, asked_inputs
    make = partial(_backwards, static)
    found = rounds.solve(make, given, shape._replace(backwards=True), tolerance=tolerance, relative=True)
    to_parameters, to_inputs = found.kept
    if to_inputs is not None:
        to_inputs = jax.tree.map(lambda leaf: leaf[:, : shape.steps], to_inputs)
    return eqx.combine(to_parameters, jax.tree.map(jnp.zeros_like, rest)), found.end, to_inputs, None


_solve.defvjp(_solve_forward, _solve_backward, symbolic_zeros=True)


class _Wanted(eqx.Module):
    """Which gradients are asked for, which the backward pass must know without computing with it."""

    flags: tuple[bool, ...] = eqx.field(static=True)
    structure: Any = eqx.field(static=True)

    @classmethod
    def of(cls, wanted: Any) -> "_Wanted":
        flags, structure = jax.tree.flatten(wanted)
        return cls(tuple(bool(flag) for flag in flags), structure)

    def values(self) -> Any:
        return jax.tree.unflatten(self.structure, self.flags)
