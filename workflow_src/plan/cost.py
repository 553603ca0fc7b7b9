"""What one job will cost: seconds, processor, GPU, disk."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from workflow_src import resources
from workflow_src.config.jobs import Job
from workflow_src.plan import disk, work
from workflow_src.plan.estimate import ALONE, Estimate, Law, Sample, total
from workflow_src.plan.rates import RATES, Device, seconds
from workflow_src.plan.records import NO_SIZES, Records, work_of

# Steps that compute on the device of their preset.
ON_DEVICE = ("train", "benchmark_runtime", "benchmark_iterations")


class Cost(NamedTuple):
    """Of one job.

    Attributes:
        seconds: from its start to its end.
        cpu_seconds: of all processors that it holds.
        gpus: how many it holds all that time.
        bytes: that it leaves on disk.
    """

    seconds: Estimate
    cpu_seconds: Estimate
    gpus: int
    bytes: float


class Costs:
    """Costs of jobs by what was measured.

    Args:
        compute: the device that the preset asks for.
        trainings: specification by place, of all trainings of the preset.
    """

    def __init__(self, records: Records, compute: Device, trainings: Mapping[str, Mapping[str, Any]]) -> None:
        self.records = records
        self.compute: Device = compute
        self.trainings = trainings
        self.laws: dict[tuple[str, str], Law] = {}
        # Jobs that differ in their seeds alone cost the same.
        self.known: dict[Any, Estimate] = {}

    def of(self, job: Job) -> Cost:
        run = self._run(job)
        device: Device = self.compute if job.step in ON_DEVICE else "cpu"
        took = self._seconds(job, run, device).plus(RATES[device].start)
        return Cost(
            took,
            took.times(max(self.records.share(device, job.step), resources.THREADS[device])),
            int(device == "cuda"),
            disk.counted(job, run) * self.records.size(job.step),
        )

    def _run(self, job: Job) -> Mapping[str, Any] | None:
        if job.step == "train":
            return job.spec["spec"]
        if job.step == "evaluate":
            return self.trainings[job.outputs[0].removeprefix("evaluate/").removesuffix(".nc")]
        return None

    def _seconds(self, job: Job, run: Mapping[str, Any] | None, device: Device) -> Estimate:
        if job.step == "train":
            assert run is not None
            updates = self._update(run, work.solver_of(run), device).times(run["training"]["updates"])
            return _joined(updates, self._overhead(work.solver_of(run), device))
        counted, sizes = work_of(job, run)
        measured = self.records.jobs.get((device, job.step), [])
        if not measured and job.step in ON_DEVICE:
            return self._benchmark(job, device)
        key = device, job.step, counted, sizes
        if key not in self.known:
            self.known[key] = self._law(measured, device, job.step).at(seconds(counted, device), sizes)
        return self.known[key]

    def _update(self, run: Mapping[str, Any], solver: str, device: Device) -> Estimate:
        counted, sizes = seconds(work.update(run, solver), device), work.sizes(run)
        key = device, solver, counted, sizes
        if key not in self.known:
            updates = self.records.updates
            # `auto` takes the block solver for the long sequences that cost most.
            found = updates.get((device, solver)) or updates.get((device, "block" if solver == "auto" else ""), [])
            self.known[key] = self._law(found, device, f"training by {solver}").at(counted, sizes)
        return self.known[key]

    def _overhead(self, solver: str, device: Device) -> Estimate:
        """Of a training: reading, compiling, saving."""
        of = f"compiling and saving, {solver}"
        overheads = self.records.overheads
        found = overheads.get((device, solver)) or [
            one for key, all_ in overheads.items() if key[0] == device for one in all_
        ]
        if not found:
            return Law([], of).at(RATES[device].compile, NO_SIZES)
        took = [one.seconds for one in found]
        middle = median(took)
        known = self._law(found, device, of).at(RATES[device].compile, NO_SIZES)
        return known._replace(low=min(*took, middle / ALONE), middle=middle, high=max(*took, middle * ALONE))

    def _law(self, samples: Sequence[Sample], device: Device, of: str) -> Law:
        return self.laws.setdefault((device, of), Law(samples, of))

    def _benchmark(self, job: Job, device: Device) -> Estimate:
        """A benchmark whose like has not run here, from trainings with the solvers that it times."""
        spec = job.spec["spec"]
        compiled = RATES[device].compile
        if job.step == "benchmark_runtime":
            parts = [
                self._update(spec["run"], s, device).times(count).plus(compiled) for s, count in spec["updates"].items()
            ]
            return _joined(*parts)
        asked = spec["benchmark"]
        run = spec["run"] | {"batch_size": asked["passes"], "sequence_length": asked["sequence_length"], "seeds": [0]}
        passes = work.ITERATIONS_AT_WEAK_FORCING * len(asked["forcing_strengths"]) * len(asked["guesses"])
        return self._update(run, "deer", device).times(passes).plus(compiled * len(asked["guesses"]))


def _joined(*parts: Estimate) -> Estimate:
    """One estimate of several parts, with what the largest is from."""
    largest = max(parts, key=lambda one: one.middle)
    return total(parts)._replace(basis=largest.basis, measured=all(one.measured for one in parts))
