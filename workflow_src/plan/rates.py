"""What devices do per second.

The CPU's numbers are of the right size only: wherever jobs of a kind were measured, nothing but ratios is taken from
here. Those of GPUs are ASSUMED: of the order of an A100 on small matrices in float32 at full precision. They count
until there are records of a GPU.
"""

from typing import Literal, NamedTuple

from workflow_src.plan.work import Work

Device = Literal["cpu", "cuda"]


class Rates(NamedTuple):
    """Seconds per turn, operations per second in products with vectors and of matrices, seconds to compile a program,
    seconds from the start of a process to its first number."""

    latency: float
    vectors: float
    matrices: float
    compile: float
    start: float


RATES: dict[Device, Rates] = {
    "cpu": Rates(latency=1e-6, vectors=6e9, matrices=40e9, compile=3.0, start=4.0),
    "cuda": Rates(latency=30e-6, vectors=1e12, matrices=3e12, compile=15.0, start=20.0),
}


def seconds(work: Work, device: Device) -> float:
    """What a piece of work takes by these rates, without the start of the process."""
    rates = RATES[device]
    computed = work.turns * rates.latency + work.vectors / rates.vectors + work.matrices / rates.matrices
    return computed + work.host + work.programs * rates.compile
