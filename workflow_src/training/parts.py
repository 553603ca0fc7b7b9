"""A pack in parts, for devices without the memory to train it together.

A run's numbers come from its own seed alone. Trained with fewer others it takes the same steps, but for the last digits
where a compiled program for fewer runs sums in another order: on a CPU in float32, after 100 updates, parameters of a
shPLRNN by `deer` and of an LSSM had the same bits in packs of 1, 2 and 4, and all others agreed to 1e-6.
"""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from workflow_src.specs.run import RunSpec
from workflow_src.training.loop import Progressed


def halves(spec: RunSpec) -> list[RunSpec]:
    """The specifications of the two halves of a pack; none of a single run."""
    if len(spec.seeds) == 1:
        return []
    middle = (len(spec.seeds) + 1) // 2
    return [spec.model_copy(update={"seeds": one}) for one in (spec.seeds[:middle], spec.seeds[middle:])]


def cut(spec: RunSpec, progressed: Progressed, part: RunSpec) -> Progressed:
    """Of a pack, the runs of a part."""
    lanes = np.array([spec.seeds.index(seed) for seed in part.seeds])
    state = jax.tree.map(lambda leaf: leaf[lanes] if eqx.is_array(leaf) else leaf, progressed.state)
    return progressed._replace(state=state, trace=jax.tree.map(lambda values: values[lanes], progressed.trace))


def joined(parts: Sequence[Progressed]) -> Progressed:
    """The pack of all parts; its times are those of all of them together."""
    arrays, rest = zip(*(eqx.partition(part.state, eqx.is_array) for part in parts), strict=True)
    state = eqx.combine(jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *arrays), rest[0])
    trace = jax.tree.map(lambda *leaves: np.concatenate(leaves), *(part.trace for part in parts))
    wall_time, compilation_time = (
        np.sum([getattr(part, name) for part in parts], axis=0) for name in ("wall_time", "compilation_time")
    )
    return Progressed(state, trace, wall_time, compilation_time)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether the device had too little memory."""
    return any(word in str(error) for word in ("RESOURCE_EXHAUSTED", "OUT_OF_MEMORY"))
