"""How long D_stsp takes on long orbits, and how much memory.

python -m benchmarks.divergence
python -m benchmarks.divergence --truth 100000 --generated 200000 --samples 1000 --dimension 10
"""

import argparse
import resource
import time
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from workflow_src.metrics.state_space_divergence import state_space_divergence


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=int, default=100_000, help="points of the true orbit")
    parser.add_argument("--generated", type=int, default=200_000, help="points of the generated orbit")
    parser.add_argument("--samples", type=int, default=1000, help="Monte-Carlo draws")
    parser.add_argument("--dimension", type=int, default=10)
    args = parser.parse_args(argv)

    truth, generated = (orbit(steps, args.dimension, seed) for seed, steps in enumerate((args.truth, args.generated)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    found = state_space_divergence(truth, generated, samples=args.samples, rng=np.random.default_rng(2))
    seconds = time.perf_counter() - began
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"D_stsp of {args.generated} from {args.truth} points in {args.dimension} dimensions, {args.samples} draws: "
        f"{seconds:.1f} s, {more:.0f} MiB beside the orbits (value {found.value:.3f} +- {found.error:.3f})"
    )


def orbit(steps: int, dimension: int, seed: int) -> Float[np.ndarray, "steps dimension"]:
    """A smooth orbit on a torus with some noise."""
    rng = np.random.default_rng(seed)
    times = np.arange(steps)[:, None] * np.linspace(0.05, 0.2, dimension)
    return np.sin(times + rng.uniform(0, 6, dimension)) + 0.05 * rng.normal(size=(steps, dimension))


if __name__ == "__main__":
    main()
