"""Free-running orbits of a trained model: warm-up on data, then generation without data (Sec. 4.2, App. G)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from workflow_src.forcing import forced_step, teacher_signal
from workflow_src.models.base import AbstractDrivenModel, AbstractForcedModel, AbstractModel, State


def warm_up(model: AbstractModel, history: Float[Array, "T N"], forcing_strength: float | Float[Array, ""]) -> State:
    """Feed a history x_1 .. x_T to the model, by forcing or through its input layer.

    Args:
        forcing_strength: that of the warm-up in training; driven models ignore it.
    Returns:
        The state at the first step after the history; `model.observe` of it predicts x_{T+1}.
    """
    if isinstance(model, AbstractForcedModel):
        teacher = teacher_signal(model, history)
        step = forced_step(model, forcing_strength)
        # The first state is the teacher signal itself, which forcing leaves as it is.
        state, _ = jax.lax.scan(lambda z, signal: (step(z, signal), None), teacher[0], teacher)
        return state
    assert isinstance(model, AbstractDrivenModel)
    state, _ = jax.lax.scan(lambda s, x: (model.drive(s, x), None), model.initial_state(), history)
    return state


def free_step(model: AbstractModel) -> Callable[[State], State]:
    """One step without data: F for forced models; driven ones take their own prediction for data, Eq. (4)."""
    if isinstance(model, AbstractForcedModel):
        return model.step
    assert isinstance(model, AbstractDrivenModel)
    return lambda state: model.drive(state, model.observe(state))


def generate(model: AbstractModel, state: State, steps: int) -> Float[Array, "steps N"]:
    """Free-running observations; the first is that of `state`."""
    step = free_step(model)
    _, orbit = jax.lax.scan(lambda s, _: (step(s), model.observe(s)), state, length=steps)
    return orbit


def tangent_growth(step: Callable[..., State], state: State, inputs: Any, steps: int) -> Float[Array, " steps"]:
    """Logarithm of the growth of a tangent vector at each step, renormalised after each.

    Its mean over a long orbit is the largest Lyapunov exponent per step, Def. 1 and Eq. (14). Works for any state
    PyTree, so that models whose Jacobian would be large (Mamba-2) need none.

    Args:
        step: `step(state)` or, with inputs, `step(state, input)`.
        inputs: PyTree with leading axis `steps`, or None.
    """

    def advance(carry: tuple[State, State], one_input: Any) -> tuple[tuple[State, State], Float[Array, ""]]:
        at, tangent = carry
        function = step if one_input is None else lambda s: step(s, one_input)
        new, pushed = jax.jvp(function, (at,), (tangent,))
        norm = jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(pushed)))
        return (new, jax.tree.map(lambda leaf: leaf / norm, pushed)), jnp.log(norm)

    size = sum(leaf.size for leaf in jax.tree.leaves(state))
    tangent = jax.tree.map(lambda leaf: jnp.full_like(leaf, size**-0.5), state)
    _, growth = jax.lax.scan(advance, (state, tangent), inputs, length=steps)
    return growth
