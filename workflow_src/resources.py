"""Memory and wall time that a job asks its scheduler for, from the job's own size.

What is asked for is an upper estimate. Too little costs a second start, which asks for more (`Demand.again`) and, for a
training, goes on from its checkpoint; too much makes a job wait longer for its place in the queue.

Measured on two cores of an AMD EPYC, float32, unless marked as assumed. No GPU has been measured.
"""

import math
from typing import NamedTuple

from workflow_src.errors import UserError
from workflow_src.specs.benchmark import IterationsSpec, RuntimeSpec
from workflow_src.specs.dataset import DatasetSpec
from workflow_src.specs.evaluation import EvaluationSpec
from workflow_src.specs.model import AbstractForcedModelSpec, LSSMSpec, Mamba2Spec, ModelSpec
from workflow_src.specs.run import RunSpec

# MB of a job of no size: the step's libraries (330 to 570 measured on a CPU) and the two Snakemake processes that a
# cluster's executor starts around it (190 to 260 each). With CUDA, assumed: its libraries and pinned buffers take 3000
# more, and each thread that compiles 750.
LIBRARIES = {"cpu": 2000, "cuda": 8000}
# Arrays of the size of what a job holds on the node whatever it computes on, assumed: an orbit as read, turned and
# cast; a checkpoint on its way from the device into bytes, beside the one before it; a history on its way into a file.
HELD = 4
# Numbers per run and update in a history; a run's parameters and Adam's two moments of each.
TRACES, MOMENTS = 10, 3
# Arrays of the size of all Jacobians that `deer` holds at once: 4.2 measured at M = 30, T = 10^5.
COPIES = 6
# Multiply-adds of one value and gradient, counted as in `_work`, per second: 1.5e9 (`deer`) and 4.6e8 (`sequential`)
# measured at M = 30, T = 10^5, in 3 Newton iterations; one core and more iterations are allowed for. On a GPU: assumed.
RATE = {"cpu": 2e8, "cuda": 2e10}
# Seconds of one step that waits for the one before it, both passes: 6.5e-6 measured; on a GPU, assumed.
LATENCY = {"cpu": 3e-5, "cuda": 2e-4}
# Seconds of an update beside its arithmetic, assumed.
OVERHEAD = {"cpu": 0.01, "cuda": 0.02}
# Seconds of one step of a system, scalar arithmetic in Python.
SIMULATED_STEP = 1e-4
# Pairs of a sample and a mixture's centre per second and component, in D_stsp: 5e8 measured.
PAIRS = 1e8

# Minutes of a job of no size: start, imports and compilation on a busy node.
START = {"cpu": 10, "cuda": 20}
MARGIN = 2.0
# Partitions rarely allow more than a day. What takes longer goes on from its checkpoint in the next attempt.
LONGEST = 24 * 60
# Slurm warns a training two minutes before the end of its wall time: with less than this it would come to nothing.
SHORTEST = 3
BYTES = {"float32": 4, "float64": 8}
# Processors of a job that trains or measures: with a GPU, for compilation; on a CPU, jobs beside it use the others.
THREADS = {"cpu": 1, "cuda": 4}


def longest(given: str | None) -> int:
    """The longest wall time to ask for, in minutes: what a site allows ($GTF_DEER_LONGEST), or a day.

    Raises:
        UserError: it is no number of minutes, or too few.
    """
    if given is None:
        return LONGEST
    if not given.isdecimal() or int(given) == 0:
        raise UserError(f"GTF_DEER_LONGEST: '{given}' is no number of minutes; write 240 for four hours, or unset it")
    if int(given) < SHORTEST:
        raise UserError(
            f"GTF_DEER_LONGEST: {given} min are less than the {SHORTEST} that a job needs to get anywhere before it is "
            "asked to stop; write 240 for four hours, or unset it"
        )
    return int(given)


class Demand(NamedTuple):
    """What one job asks for: memory in MB and wall time in minutes."""

    memory: int
    minutes: int

    def again(self, attempt: int) -> "Demand":
        """What the attempt of this number asks for, the first being 1: twice, three times as much."""
        return Demand(self.memory * attempt, min(self.minutes * attempt, LONGEST))


def train(run: RunSpec, data: DatasetSpec) -> Demand:
    """Training of a pack: `updates` gradients of S sequences of T steps for each of its seeds."""
    kept = HELD * BYTES[run.precision] * len(run.seeds) * (TRACES * run.training.updates + MOMENTS * _parameters(run))
    seconds = run.training.updates * _update(run, run.training.solver)
    return Demand(_memory(run, data) + _mb(kept), _minutes(run.compute, seconds))


def benchmark_runtime(spec: RuntimeSpec, data: DatasetSpec) -> Demand:
    """All solvers on one batch, each as often as it is timed and once more to compile."""
    seconds = sum((count + 1) * _update(spec.run, solver) for solver, count in spec.updates.items())
    return Demand(_memory(spec.run, data), _minutes(spec.run.compute, seconds))


def benchmark_iterations(spec: IterationsSpec, data: DatasetSpec) -> Demand:
    """Forward passes, each up to the cap of Newton iterations; an update is taken to have 10."""
    single = spec.run.model_copy(
        update={"sequence_length": spec.benchmark.sequence_length, "seeds": spec.run.seeds[:1]}
    )
    solves = len(spec.benchmark.forcing_strengths) * len(spec.benchmark.guesses) * spec.benchmark.passes
    seconds = solves * _update(single, "deer") * max(spec.run.training.max_iterations / 10, 1)
    return Demand(_memory(single, data), _minutes(spec.run.compute, seconds))


def evaluate(spec: EvaluationSpec, run: RunSpec) -> Demand:
    """Long orbits and D_stsp of every seed, on a CPU."""
    seeds, steps = len(run.seeds), spec.generated_steps + spec.forecast_windows + 2 * spec.lyapunov_steps
    width = run.obs_dim * sum(embedding.dimension for embedding in spec.embeddings)
    pairs = 2 * spec.monte_carlo_samples * 2 * spec.generated_steps * width
    generating = steps * (LATENCY["cpu"] + _work(run.architecture, "sequential") / RATE["cpu"])
    orbits = 8 * (4 * seeds * spec.generated_steps * width + 6 * spec.lyapunov_steps * _state(run.architecture))
    return Demand(LIBRARIES["cpu"] + _mb(orbits), _minutes("cpu", seeds * (generating + pairs / PAIRS)))


def simulate(spec: DatasetSpec) -> Demand:
    """Two orbits, and the training orbit once more without noise."""
    steps = sum(one.transient_steps + one.steps for one in (spec.train, spec.test))
    numbers = 10 * steps * len(spec.train.initial_state)
    return Demand(LIBRARIES["cpu"] + _mb(8 * numbers), _minutes("cpu", 2 * steps * spec.substeps * SIMULATED_STEP))


def _memory(run: RunSpec, data: DatasetSpec) -> int:
    """Memory of the node. What a GPU computes with lies in its own."""
    # With noise and without, and the test orbit.
    read = HELD * BYTES["float64"] * (2 * data.train.steps + data.test.steps) * data.obs_dim
    held = COPIES * BYTES[run.precision] * len(run.seeds) * run.batch_size * run.sequence_length
    computed = held * _state(run.architecture) if run.compute == "cpu" else 0
    return LIBRARIES[run.compute] + _mb(read) + _mb(computed)


def _update(run: RunSpec, solver: str) -> float:
    """Seconds of one value and gradient of the whole pack."""
    steps = len(run.seeds) * run.batch_size * run.sequence_length
    parallel = solver in ("deer", "quasi_deer", "newton") or not isinstance(run.architecture, AbstractForcedModelSpec)
    waiting = 0.0 if parallel else (run.warmup + run.sequence_length) * LATENCY[run.compute]
    return OVERHEAD[run.compute] + waiting + steps * _work(run.architecture, solver) / RATE[run.compute]


def _work(model: ModelSpec, solver: str) -> int:
    """Multiply-adds per time step, up to a constant: products of Jacobians and the map itself."""
    match model:
        case Mamba2Spec():
            return 8 * _state(model)
        case LSSMSpec():
            return model.latent_dim**2 + model.latent_dim * model.hidden_dim
    step = model.latent_dim * model.hidden_dim
    return step + (model.latent_dim**3 if solver in ("deer", "newton") else 0)


def _state(model: ModelSpec) -> int:
    """Numbers per time step in the largest array: a Jacobian, or the state of a model that is linear in it."""
    match model:
        case Mamba2Spec():
            return model.expand * model.model_dim * model.state_dim
        case LSSMSpec():
            return model.latent_dim + model.hidden_dim
    return max(model.latent_dim**2, model.hidden_dim)


def _parameters(run: RunSpec) -> int:
    """Of one run, counted up to small terms."""
    model = run.architecture
    if isinstance(model, Mamba2Spec):
        inner = model.expand * model.model_dim
        return model.model_dim * (3 * inner + 2 * model.state_dim) + model.hidden_dim * (model.model_dim + run.obs_dim)
    return 2 * (model.latent_dim + run.obs_dim) * (model.hidden_dim + 1)


def _mb(size: int) -> int:
    return math.ceil(size / 1e6)


def _minutes(compute: str, seconds: float) -> int:
    return min(START[compute] + math.ceil(MARGIN * seconds / 60), LONGEST)
