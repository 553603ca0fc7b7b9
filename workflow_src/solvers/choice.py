"""Which solver `auto` is, and why."""

from typing import NamedTuple

from workflow_src.solvers import chunks

# Below, what runs beside each other does not make up for the rounds.
WORTH_IT = 4


class Choice(NamedTuple):
    """A solver by name, and the reason in words."""

    solver: str
    reason: str


def choose(*, batch: int, steps: int, latent_dim: int, hidden_dim: int, forgetting: int) -> Choice:
    """The solver of B sequences of T steps: in chunks of time, where they are long enough to be cut.

    The choice depends on nothing but sizes. What the recurrence itself needs shows during the solve, where the block
    solver goes on to the next rung if its chunks do not join.
    """
    shape = chunks.cut(batch, steps, 2 * latent_dim * hidden_dim, forgetting)
    if shape.chunks < WORTH_IT:
        return Choice("sequential", f"{batch} sequences of {steps} steps fill the machine as they are")
    return Choice("block", f"{batch} sequences of {steps} steps run as {shape.chunks} chunks of {shape.length}")
