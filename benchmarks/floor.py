"""Physical floor: the least time that the arithmetic and the memory traffic of an exact method take.

Per step and window the forward pass reads the teacher and writes the state, the backward pass reads teacher, state and
target: 20 M bytes in float32. The step is 4 M L flop, pre-activations again 2 M L, the adjoint 4 M L, and the gradients
of W1 and W2 4 M L: 14 M L. Overheads of launches and the depth of the recurrence come on top and are not counted.
"""

from typing import Any

from benchmarks.cases import Case


def floor(case: Case, rates: dict[str, Any]) -> dict[str, Any]:
    """Flops, bytes, and seconds at the measured rates and at those of the data sheet (None where unknown)."""
    steps = case.sequence_length * case.batch_size
    M, L = case.recipe.latent_dim, case.recipe.hidden_dim
    flops, traffic = 14 * M * L * steps, 20 * M * steps

    def seconds(rate: dict[str, float] | None) -> float | None:
        return None if rate is None else max(flops / rate["flop_per_s"], traffic / rate["byte_per_s"])

    return {
        "flops": flops,
        "bytes": traffic,
        "rates": rates,
        "seconds": seconds(rates["measured"]),
        "seconds_datasheet": seconds(rates["datasheet"]),
    }
