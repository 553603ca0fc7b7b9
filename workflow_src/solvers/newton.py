"""Newton's method over the whole sequence, for increments, without stored Jacobians.

    r_t = F(z_{t-1}) - z_t,    delta_t = J_t delta_{t-1} + r_t,    z_t <- z_t + delta_t,    t = 1..T, z_0 fixed

The iterates are those of `deer`, Eqs. (10) and (11). What differs is the arithmetic:

- The recurrence is solved for the increment, so errors of the linear solve are corrected by the next iteration instead
  of being the floor of the residual.
- It stops by the residual, tested before an iteration: an exact guess costs none. For a map whose Jacobians have norms
  below rho < 1 the distance to the exact orbit is at most the largest |r_t| / (1 - rho).
- A piecewise-linear step has the same affine piece wherever it has the same activation pattern. If no step's pattern
  changed in an iteration, the affine recurrence that was solved is the true one: the residual is that of the linear
  solve, rounding, whatever the tolerance. That stops the iterations as well.
- The linear solve takes Jacobian-vector products in chunks of time, and M x M products only where it has to; the
  adjoint solve takes over its transfer matrices. See `chunked_affine`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from workflow_src.solvers import chunked_affine as chunked
from workflow_src.solvers.chunked_affine import Cut, Transfer, Vectors
from workflow_src.solvers.solution import Report, Solution, largest

# Multiple of the rounding unit, relative to the states around the step, up to which a residual under an unchanged
# pattern is taken for rounding. Above it the linear solve lost digits, to overflow at the worst, and proves nothing.
ROUNDING = 256


class _Iterate(NamedTuple):
    z: Float[Array, "C M K"]
    residual: Float[Array, "C M K"]
    pattern: Bool[Array, "C L K"] | None
    transfer: Transfer
    converged: Bool[Array, ""]
    iterations: Int[Array, ""]


def newton(
    step: Callable[..., Float[Array, " M"]],
    z0: Float[Array, " M"],
    inputs: Any,
    guess: Float[Array, "T M"],
    *,
    tolerance: float | Float[Array, ""],
    max_iterations: int | Int[Array, ""],
) -> Solution:
    """Solve z_t = step(z_{t-1}, inputs_t) for t = 1..T.

    Args:
        step: one step of the recurrence, an Equinox module. It may offer `jacobian(z, input)`, else forward-mode
            differentiation is used, and `pattern(z, input)`, if it is affine wherever its pattern is the same.
        z0: the state before the first step; differentiable.
        inputs: PyTree of arrays with leading axis T; differentiable.
        guess: initial iterate z_1 .. z_T; gets no gradient.
        tolerance: stop once no component of the residual is larger.
        max_iterations: cap; may be traced. With 0 the guess is returned as it is. An iterate that is not finite ends
            the iterations too, not converged.
    Returns:
        The last iterate, converged or not: what to do about it is the caller's choice. Gradients are those of the
        adjoint recursion, Eqs. (42) and (45), with the Jacobians of this iterate. `iterations` counts linear solves.
    """
    arrays, static = eqx.partition(step, eqx.is_array)
    frozen = jax.lax.stop_gradient((arrays, z0, inputs))
    shape = chunked.cut(guess.shape[0], _work_of(step, z0, inputs))
    here = _Along(static, frozen, shape)

    def judge(z: Array, transfer: Transfer, before: Array | None, iterations: Array) -> _Iterate:
        residual, pattern = here.residual(z)
        converged = jnp.all(jnp.abs(residual) <= tolerance)
        if before is not None:
            unchanged = jnp.all((pattern == before) | ~chunked.inside(shape))
            scale = jnp.max(jnp.abs(z), axis=1, keepdims=True)
            scale = jnp.maximum(scale, jnp.max(jnp.abs(here.previous(z)), axis=1, keepdims=True))
            rounding = jnp.all(jnp.abs(residual) <= ROUNDING * jnp.finfo(z.dtype).eps * scale)
            converged |= unchanged & rounding
        return _Iterate(z, residual, pattern, transfer, converged, iterations)

    def iterate(at: _Iterate) -> _Iterate:
        previous = here.previous(at.z)
        solved = chunked.solve(
            partial(here.push, previous, at.residual),
            at.transfer,
            partial(here.transfer, previous),
            # What is left of a gap is residual of the next iterate, where it is tested.
            tolerance=0.1 * tolerance,
        )
        return judge(at.z + solved.vectors, solved.transfer, at.pattern, at.iterations + 1)

    def unfinished(at: _Iterate) -> Bool[Array, ""]:
        # `converged` is an all() of comparisons, which are false for NaN. Such an iterate cannot become finite again,
        # and in a batch it would keep the others waiting.
        return ~at.converged & jnp.all(jnp.isfinite(at.residual)) & (at.iterations < max_iterations)

    M = z0.shape[0]
    start = chunked.arrange(jax.lax.stop_gradient(guess), shape)
    begun = judge(start, jnp.zeros((M, M, shape.chunks), z0.dtype), None, jnp.array(0))
    last = jax.lax.while_loop(unfinished, iterate, begun)

    final, transfer = jax.lax.stop_gradient((chunked.join(last.z, shape), last.transfer))
    values = jax.vmap(step)(jnp.concatenate([z0[None], final[:-1]]), inputs)
    states: Any = _solution_of(static, shape, values, final, frozen, transfer)
    residual = largest(chunked.join(jax.lax.stop_gradient(last.residual), shape))
    return Solution(states, Report(last.iterations, residual, last.converged))


class _Along(NamedTuple):
    """The recurrence along an iterate, for all chunks at once and one step inside them at a time.

    Attributes:
        static: what the step is besides its arrays.
        frozen: arrays of the step, z_0 and inputs [T, ...].
        shape: how the sequence is cut.
    """

    static: Any
    frozen: tuple[Any, Float[Array, " M"], Any]
    shape: Cut

    @property
    def step(self) -> Any:
        return eqx.combine(self.frozen[0], self.static)

    @property
    def inputs(self) -> Any:
        return chunked.arrange(self.frozen[2], self.shape)

    def previous(self, z: Float[Array, "C M K"]) -> Float[Array, "C M K"]:
        """The state in front of every step."""
        entered = jnp.concatenate([self.frozen[1][:, None], z[-1, :, :-1]], axis=1)
        return jnp.concatenate([entered[None], z[:-1]])

    def residual(self, z: Float[Array, "C M K"]) -> tuple[Float[Array, "C M K"], Bool[Array, "C L K"] | None]:
        """F(z_{t-1}) - z_t, zero in the padding, and the activation pattern of every step."""
        step = self.step

        def one(_: None, at: tuple[Array, Array, Any, Array]) -> tuple[None, Any]:
            z, previous, u, inside = at
            r = jnp.where(inside, _rows(step)(previous, u) - z, 0)
            return None, (r, _rows(step.pattern)(previous, u) if hasattr(step, "pattern") else None)

        return jax.lax.scan(one, None, (z, self.previous(z), self.inputs, chunked.inside(self.shape)))[1]

    def push(
        self, previous: Float[Array, "C M K"], offsets: Float[Array, "C M K"], starts: Vectors, part: slice
    ) -> tuple[Float[Array, "c M K"], Vectors]:
        """J_t v_{t-1} + b_t through a part of all chunks."""
        step = _rows(self.step)

        def one(v: Vectors, at: tuple[Array, Any, Array, Array]) -> tuple[Vectors, Vectors]:
            z, u, offset, inside = at
            pushed = jax.jvp(lambda z: step(z, u), (z,), (v,))[1]
            new = jnp.where(inside, pushed + offset, 0)
            return new, new

        steps = (previous, self.inputs, offsets, chunked.inside(self.shape))
        ends, vectors = jax.lax.scan(one, starts, jax.tree.map(lambda leaf: leaf[part], steps))
        return vectors, ends

    def pull(
        self, previous: Float[Array, "C M K"], gradients: Float[Array, "C M K"], starts: Vectors, part: slice
    ) -> tuple[Float[Array, "c M K"], Vectors]:
        """lambda_t = g_t + J_{t+1}^T lambda_{t+1} through a part of all chunks; they hand over J_t^T lambda_t."""
        step = _rows(self.step)

        def one(passed: Vectors, at: tuple[Array, Any, Array, Array]) -> tuple[Vectors, Vectors]:
            z, u, gradient, inside = at
            adjoint = jnp.where(inside, gradient + passed, 0)
            return jax.vjp(lambda z: step(z, u), z)[1](adjoint)[0], adjoint

        steps = (previous, self.inputs, gradients, chunked.inside(self.shape))
        ends, adjoints = jax.lax.scan(one, starts, jax.tree.map(lambda leaf: leaf[part], steps), reverse=True)
        return adjoints, ends

    def transfer(self, previous: Float[Array, "C M K"]) -> Transfer:
        """Transfer matrices of the chunks."""
        step = self.step
        jacobian = _rows(step.jacobian if hasattr(step, "jacobian") else jax.jacfwd(step))
        steps = (previous, self.inputs)
        return chunked.transfer_matrices(lambda at: jacobian(*at), steps, self.shape, previous.dtype)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _solution_of(static: Any, shape: Cut, values: Array, final: Array, frozen: Any, transfer: Transfer) -> Array:
    """The solution `final` of z = F(z), seen as a function of the values F(z) that it solves for."""
    return final


def _solution_of_forward(static: Any, shape: Cut, values: Array, *rest: Any) -> tuple[Array, Any]:
    return rest[0], rest


def _solution_of_backward(static: Any, shape: Cut, kept: Any, gradients: Array) -> tuple[Array, None, None, None]:
    final, frozen, transfer = kept
    here = _Along(static, frozen, shape)
    previous = here.previous(chunked.arrange(final, shape))
    solved = chunked.solve(
        partial(here.pull, previous, chunked.arrange(gradients, shape)),
        transfer,
        partial(here.transfer, previous),
        reverse=True,
    )
    return chunked.join(solved.vectors, shape), None, None, None


_solution_of.defvjp(_solution_of_forward, _solution_of_backward)


def _rows(one: Callable[..., Array]) -> Callable[..., Array]:
    """The same for all chunks, which are the last axis."""
    return jax.vmap(one, in_axes=-1, out_axes=-1)


def _work_of(step: Any, z0: Float[Array, " M"], inputs: Any) -> int:
    """Multiplications of one step, roughly."""
    first = jax.tree.map(lambda leaf: leaf[0], inputs)
    hidden = jax.eval_shape(step.pattern, z0, first).size if hasattr(step, "pattern") else 4 * z0.size
    return 2 * z0.size * hidden
