"""Adaptive forcing: as strong as Prop. 1 asks for, by an estimate on the data of each update.

    alpha* = max(0, 1 - 1 / max_t |J(zbar_t)|_2)
    alpha <- alpha* if alpha* > alpha, else alpha* + 0.999 (alpha - alpha*)

The paper proves that forcing above alpha* makes every orbit contract, for M <= N and with the largest norm over all
states in alpha*, and says that forcing can be adapted in training. How, is that of the public code of Hess et al. 2023
(arXiv 2306.04406): the largest norm over the teacher signal of a batch, the rise at once and the slow decay.

Ours: at most 128 evenly spaced states of the batch, an estimate at every update and not at every fifth, a start from
the first estimate and not from 1, and the bounds below and above. A maximum over some states is no bound over all, so
contraction is likely and not proved; for M > N Prop. 1 says nothing, and alpha* is the same formula.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from workflow_src.forcing import teacher_signal
from workflow_src.models.base import AbstractForcedModel, AbstractModel
from workflow_src.specs.training import STRONGEST_ADAPTIVE_FORCING, TrainingSpec

MOST_STATES = 128
DECAY = 0.999

Scalar = Float[Array, ""]


def followed(
    forcing_strength: Scalar | None, model: AbstractModel, windows: Float[Array, "S T N"], spec: TrainingSpec
) -> Scalar | None:
    """The strength of an update after that of the last one; None, that of a constant schedule, stays None."""
    if forcing_strength is None:
        return None
    assert isinstance(model, AbstractForcedModel)
    critical = critical_forcing(model, windows)
    decayed = critical + DECAY * (forcing_strength - critical)
    return jnp.clip(jnp.maximum(critical, decayed), spec.forcing_strength, STRONGEST_ADAPTIVE_FORCING)


def critical_forcing(model: AbstractForcedModel, windows: Float[Array, "S T N"]) -> Scalar:
    """alpha* by the largest Jacobian norm over some states of the teacher signal of a batch."""
    x = windows.reshape(-1, windows.shape[-1])
    # In NumPy, as a batch may have more steps than float32 can count.
    chosen = np.linspace(0, len(x) - 1, min(MOST_STATES, len(x)), dtype=int)
    jacobians = jax.vmap(model.jacobian)(teacher_signal(model, x[chosen]))
    largest = jnp.max(jnp.linalg.norm(jacobians, 2, axis=(1, 2)))
    return jnp.maximum(1 - 1 / largest, 0)
