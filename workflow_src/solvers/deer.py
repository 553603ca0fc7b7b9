"""DEER: Newton's method over the whole sequence, Eqs. (10), (11) and (13), Algorithm 3.

    z_t^(k+1) = F(z_{t-1}^(k)) + J_t^(k) (z_{t-1}^(k+1) - z_{t-1}^(k)),   t = 1..T, z_0 fixed

Each iteration linearises the recurrence along the last iterate and solves the affine one by a parallel scan (Lim et al.
2024, arXiv 2309.12252). With diagonal Jacobians it is quasi-DEER (Gonzalez et al. 2024, arXiv 2407.19115).

The public implementation of this algorithm, seq1d, clips iterates to +-1e8 and replaces NaN by zero, after which its
step test can pass at a point that solves nothing. This one does neither, and calls a solve converged only if the
residual is small too.
"""

from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from workflow_src.solvers.affine_scan import Jacobians, apply, solve_adjoint, solve_affine
from workflow_src.solvers.solution import Report, Solution, largest

# The step test stops at |dz| <= tolerance. What is left after it is a residual of at most (|J - J'| + ...) |dz|, a few
# times the tolerance for bounded Jacobians (and for the diagonal ones of quasi-DEER), so a residual within this factor
# is the same claim made by an independent test.
RESIDUAL_FACTOR = 10.0


def deer(
    step: Callable[..., Float[Array, " M"]],
    z0: Float[Array, " M"],
    inputs: Any,
    guess: Float[Array, "T M"],
    *,
    jacobian: Literal["full", "diagonal"] = "full",
    tolerance: float,
    max_iterations: int | Int[Array, ""],
) -> Solution:
    """Solve z_t = step(z_{t-1}, inputs_t) for t = 1..T by Newton's method.

    Args:
        step: one step of the recurrence. An Equinox module, so that it can be frozen during the iterations and
            differentiated after them. It may offer `jacobian(z, input)`; else forward-mode differentiation is used.
        z0: the state before the first step; differentiable.
        inputs: PyTree of arrays with leading axis T.
        guess: initial iterate z_1 .. z_T; gets no gradient.
        jacobian: "full" is Newton's method. "diagonal" keeps the diagonal only, in the iterations *and* in the adjoint:
            the same fixed point, but approximate gradients, Eq. (44).
        tolerance: stop once no component moved by more than this.
        max_iterations: cap; may be traced. With 0 the guess is returned as it is.
    Returns:
        The last iterate, converged or not: what to do about it is the caller's choice. Gradients are those of the
        adjoint recursion, Eqs. (42) and (45), at this iterate.
    """
    frozen_step, frozen_z0, frozen_inputs = _freeze((step, z0, inputs))

    def linearise(z: Float[Array, "T M"]) -> tuple[Float[Array, "T M"], Jacobians, Float[Array, "T M"]]:
        previous = jnp.concatenate([frozen_z0[None], z[:-1]])
        values = jax.vmap(frozen_step)(previous, frozen_inputs)
        matrices = jax.vmap(_jacobian_of(frozen_step))(previous, frozen_inputs)
        if jacobian == "diagonal":
            matrices = jnp.diagonal(matrices, axis1=1, axis2=2)
        return values, matrices, previous

    def iterate(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        z, _, count = carry
        values, matrices, previous = linearise(z)
        new = solve_affine(matrices, values - apply(matrices, previous), frozen_z0)
        return new, jnp.all(jnp.abs(new - z) <= tolerance), count + 1

    def unfinished(carry: tuple[Array, Array, Array]) -> Bool[Array, ""]:
        # `settled` is an all() of comparisons, which are false for NaN: a diverged solve runs into the cap and is
        # reported, instead of passing for a converged one.
        _, settled, count = carry
        return ~settled & (count < max_iterations)

    start = (jax.lax.stop_gradient(guess), jnp.array(False), jnp.array(0))
    final, settled, count = jax.lax.while_loop(unfinished, iterate, start)
    final = jax.lax.stop_gradient(final)
    values, matrices, _ = linearise(final)
    residual = largest(final - values)
    states = _implicit(step, z0, inputs, final, matrices)
    return Solution(states, Report(count, residual, settled & (residual <= RESIDUAL_FACTOR * tolerance)))


def _implicit(step: Any, z0: Array, inputs: Any, final: Array, matrices: Array) -> Float[Array, "T M"]:
    """`final` as a function of step, z0 and inputs by the implicit function theorem, Eqs. (34) to (45)."""
    values = jax.vmap(step)(jnp.concatenate([z0[None], final[:-1]]), inputs)
    return _solution_of(values, final, matrices)


@jax.custom_vjp
def _solution_of(values: Array, final: Array, matrices: Array) -> Array:
    """The solution `final` of z = F(z), seen as a function of the values F(z) that it solves for."""
    return final


def _solution_of_forward(values: Array, final: Array, matrices: Array) -> tuple[Array, Array]:
    return final, matrices


def _solution_of_backward(matrices: Array, gradients: Array) -> tuple[Array, None, None]:
    return solve_adjoint(matrices, gradients), None, None


_solution_of.defvjp(_solution_of_forward, _solution_of_backward)


def _jacobian_of(step: Any) -> Callable[..., Float[Array, "M M"]]:
    return step.jacobian if hasattr(step, "jacobian") else jax.jacfwd(step)


def _freeze(tree: Any) -> Any:
    arrays, rest = eqx.partition(tree, eqx.is_array)
    return eqx.combine(jax.lax.stop_gradient(arrays), rest)
