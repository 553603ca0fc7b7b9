"""How much a job has to do, counted from its specification: the law that carries times from one job to another.

    seconds = fixed + turns * latency + operations / rate + host seconds

*Turns* are steps that wait for each other, *operations* are those of floating point. Latency and rate are those of a
device (`rates`); where jobs of the same kind were measured, only the ratio of two such times counts.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

# ASSUME: Newton iterations of a solve, and rounds and chunks of the block solver: they depend on what is learned.
ITERATIONS = {"deer": 10, "newton": 10, "quasi_deer": 40}
ROUNDS, CHUNKS = 3, 16
# Without a gradient, but with many more iterations at weak forcing.
ITERATIONS_AT_WEAK_FORCING = 4
# A step with its gradient, in steps.
WITH_GRADIENT = 3
# Solvers that multiply Jacobians.
DENSE = ("deer", "newton")


class Work(NamedTuple):
    """What a job does.

    Attributes:
        turns: steps that wait for each other.
        vectors, matrices: floating-point operations in products with vectors, and in products of matrices.
        host: seconds on the processor, whatever the device.
        programs: how many programs are compiled.
    """

    turns: float = 0.0
    vectors: float = 0.0
    matrices: float = 0.0
    host: float = 0.0
    programs: float = 0.0

    def times(self, factor: int | float) -> "Work":
        return Work(*(factor * one for one in self))

    def plus(self, other: "Work") -> "Work":
        return Work(*(a + b for a, b in zip(self, other, strict=True)))


def step_operations(architecture: Mapping[str, Any], obs_dim: int) -> float:
    """Of one step of one sequence of a model."""
    L = architecture["hidden_dim"]
    match architecture["architecture"]:
        case "shplrnn":
            return 4.0 * architecture["latent_dim"] * L
        case "low_rank_shplrnn":
            M, r = architecture["latent_dim"], architecture["rank"]
            return 2.0 * (L * M + r * L + M * r)
        case "mamba2":
            d, n = architecture["model_dim"], architecture["state_dim"]
            inner = architecture["expand"] * d
            return 2.0 * (d * (2 * inner + 2 * n) + 3 * inner * n + inner * d + L * (d + obs_dim))
    return 2.0 * L * (architecture.get("latent_dim", L) + obs_dim)


def is_forced(architecture: Mapping[str, Any]) -> bool:
    return "shplrnn" in architecture["architecture"]


def solver_of(run: Mapping[str, Any]) -> str:
    """The solver that a specification of a run names; models that are linear in their state have none."""
    return run["training"]["solver"] if is_forced(run["architecture"]) else "parallel pass"


def update(run: Mapping[str, Any], solver: str | None = None) -> Work:
    """One update of a pack, or one value with its gradient.

    Args:
        run: its specification.
        solver: another one than the specification's.
    """
    solver = solver if solver and is_forced(run["architecture"]) else solver_of(run)
    T, steps = run["sequence_length"], run["sequence_length"] * run["batch_size"] * len(run["seeds"])
    step = step_operations(run["architecture"], run["obs_dim"])
    depth = 4 * math.log2(max(T, 2))
    M, L = run["architecture"].get("latent_dim", 1), run["architecture"]["hidden_dim"]
    if solver == "sequential":
        return Work(turns=2 * T, vectors=WITH_GRADIENT * step * steps)
    if solver in ("block", "auto"):
        # All chunks of all sequences advance together.
        return Work(turns=2 * T * ROUNDS / CHUNKS, matrices=ROUNDS * WITH_GRADIENT * step * steps)
    if solver == "parallel pass":
        return Work(turns=depth, vectors=WITH_GRADIENT * step * steps)
    iterations = ITERATIONS[solver]
    if solver in DENSE:
        # Jacobians as products of activation patterns, and two products of them per level of the scan.
        each = 2 * M * M * L + 6 * M**3
        return Work(iterations * depth, iterations * step * steps, (iterations + 1) * each * steps)
    return Work(iterations * depth, iterations * 2 * (step + 6 * M) * steps)


def train(run: Mapping[str, Any]) -> Work:
    return update(run).times(run["training"]["updates"])


def evaluate(evaluation: Mapping[str, Any], run: Mapping[str, Any]) -> Work:
    """The pack generates orbits, and each run is judged on the host."""
    seeds, N = len(run["seeds"]), run["obs_dim"]
    warmup, windows = evaluation["warmup_steps"], evaluation["forecast_windows"]
    step = step_operations(run["architecture"], N)
    M, L = run["architecture"].get("latent_dim", 1), run["architecture"]["hidden_dim"]
    turns = (
        warmup + evaluation["generated_steps"] + evaluation["forecast_steps"] + 2 * seeds * evaluation["lyapunov_steps"]
    )
    steps = seeds * (evaluation["generated_steps"] + windows * (warmup + evaluation["forecast_steps"]))
    jacobians = 3 * seeds * evaluation["lyapunov_steps"] * 2 * M * M * L
    points = 2 * evaluation["generated_steps"] * evaluation["monte_carlo_samples"]
    kernels = sum(points * (8 + 3 * N * one["dimension"]) for one in evaluation["embeddings"])
    return Work(turns, step * steps, jacobians, 1e-9 * (seeds + 1) * kernels, programs=2)


def benchmark_runtime(spec: Mapping[str, Any]) -> Work:
    total = Work(programs=len(spec["updates"]))
    for solver, count in spec["updates"].items():
        total = total.plus(update(spec["run"], solver).times(count))
    return total


def benchmark_iterations(spec: Mapping[str, Any]) -> Work:
    asked, run = spec["benchmark"], dict(spec["run"])
    run |= {"batch_size": asked["passes"], "sequence_length": asked["sequence_length"], "seeds": [0]}
    passes = len(asked["forcing_strengths"]) * len(asked["guesses"])
    return update(run, "deer").times(ITERATIONS_AT_WEAK_FORCING * passes).plus(Work(programs=len(asked["guesses"])))


def simulate(spec: Mapping[str, Any]) -> Work:
    """Scalar arithmetic of Python, four evaluations of the vector field per step."""
    steps = sum(spec[part]["steps"] + spec[part]["transient_steps"] for part in ("train", "test"))
    return Work(host=2e-6 * 4 * steps * spec["substeps"] * len(spec["train"]["initial_state"]))


def reads(count: int) -> Work:
    """Jobs that read files and write one."""
    return Work(host=1.0 + 0.01 * count)


def distance(one: Iterable[float], other: Iterable[float]) -> float:
    """How far apart two jobs are in size: root of the sum of squared logarithms of their ratios."""
    return math.sqrt(sum(math.log(max(a, 1) / max(b, 1)) ** 2 for a, b in zip(one, other, strict=True)))


def sizes(run: Mapping[str, Any]) -> tuple[float, ...]:
    """T, sequences side by side, M, L: what jobs are compared by."""
    architecture = run["architecture"]
    M = architecture.get("latent_dim", architecture.get("model_dim", 1))
    counts = run["sequence_length"], run["batch_size"] * len(run["seeds"]), M, architecture["hidden_dim"]
    return tuple(float(count) for count in counts)
