"""What earlier jobs took, as their records say: results of any preset, and the records of the benchmarks."""

import contextlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from workflow_src.config.jobs import Job
from workflow_src.plan import disk, work
from workflow_src.plan.estimate import Sample
from workflow_src.plan.rates import RATES, Device, seconds
from workflow_src.plan.work import Work
from workflow_src.provenance import sidecar

# Histories that are opened at most, evenly over those that there are: a thousandth of a second each.
MOST_HISTORIES = 400
# Steps of a job whose name is no noun that has sizes.
NO_SIZES = (1.0,)
# Value and gradient of one model without regularisation are not an update of a pack; as if sizes differed by this.
NO_TRAINING = 1.0
BENCHMARKS = Path("benchmarks/records")

Key = tuple[Device, str]


class Records(NamedTuple):
    """All measurements.

    Attributes:
        updates: seconds per update, by device and solver.
        overheads: seconds of a training beside its updates, by device and solver.
        jobs: seconds of a whole job, by device and step.
        shares: processor seconds per second, by device and step.
        sizes: bytes found over bytes counted, by step.
        devices: names of the devices that were seen, by device.
    """

    updates: dict[Key, list[Sample]]
    overheads: dict[Key, list[Sample]]
    jobs: dict[Key, list[Sample]]
    shares: dict[Key, list[float]]
    sizes: dict[str, list[float]]
    devices: dict[Device, set[str]]

    def share(self, device: Device, step: str) -> float:
        """Processor seconds per second of a job; one at least, as a job has a processor for itself."""
        found = self.shares.get((device, step))
        return max(1.0, median(found)) if found else 1.0

    def size(self, step: str) -> float:
        found = self.sizes.get(step)
        return median(found) if found else 1.0


def read(results: Path = Path("results"), benchmarks: Path = BENCHMARKS, device: str = "") -> Records:
    """Everything that was measured in this checkout.

    Args:
        device: records of devices whose name has this in it alone; all by default.
    """
    found = Records(*(defaultdict(list) for _ in range(5)), devices=defaultdict(set))
    documents = list(_sidecars(results))
    runs = {one["record"]["outputs"][0]: one["record"]["spec"]["spec"] for one in documents if _step(one) == "train"}
    histories = [one for one in documents if one["file"]["name"] == "history.nc"]
    opened = histories[:: -(-len(histories) // MOST_HISTORIES) or 1]
    for one in documents:
        with contextlib.suppress(KeyError, TypeError, ValueError, ZeroDivisionError):
            _job(found, one, runs, device)
    for one in opened:
        with contextlib.suppress(KeyError, TypeError, ValueError, ZeroDivisionError, OSError):
            _history(found, one, device)
    for path in _newest(benchmarks):
        with contextlib.suppress(OSError, KeyError, TypeError, ValueError):
            _benchmark(found, json.loads(path.read_bytes()), device)
    return found


def work_of(job: Job, run: Mapping[str, Any] | None) -> tuple[Work, tuple[float, ...]]:
    """What a job does besides updates of a training, and its sizes.

    Args:
        run: specification of the training that it is about.
    """
    match job.step:
        case "evaluate":
            assert run is not None
            judged = job.spec["evaluation"]
            counts = judged["generated_steps"], judged["monte_carlo_samples"], len(run["seeds"])
            return work.evaluate(judged, run), (*work.sizes(run)[2:], *map(float, counts))
        case "simulate":
            counted = work.simulate(job.spec["spec"])
            return counted, (1e6 * counted.host,)
        case "benchmark_runtime":
            return work.benchmark_runtime(job.spec["spec"]), work.sizes(job.spec["spec"]["run"])
        case "benchmark_iterations":
            return work.benchmark_iterations(job.spec["spec"]), work.sizes(job.spec["spec"]["run"])
    return work.reads(len(job.reads)), NO_SIZES


def device_of(record: Mapping[str, Any]) -> tuple[Device, str]:
    """The device of a record and its name; jobs without JAX compute on the processor."""
    stated = record.get("device") or "cpu: cpu"
    kind, _, name = stated.partition(": ")
    return ("cpu", record["execution"].get("cpu") or name) if kind == "cpu" else ("cuda", name)


def _sidecars(results: Path) -> Iterator[dict[str, Any]]:
    """All sidecars below a folder; what is no sidecar is left to the audit."""
    for path in sorted(results.rglob(f"*{sidecar.ENDING}")):
        try:
            one = json.loads(path.read_bytes())
            _ = one["file"]["name"], one["record"]["step"], one["record"]["execution"]["wall_seconds"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        one["path"] = path
        yield one


def _newest(benchmarks: Path) -> list[Path]:
    """The newest record of each device and case, as the names tell: older ones are of older solvers."""
    return list({path.name.rpartition("_")[0]: path for path in sorted(benchmarks.glob("*.json"))}.values())


def _step(document: Mapping[str, Any]) -> str:
    return document["record"]["step"]


def _source(document: Mapping[str, Any]) -> str:
    return f"results/{document['record']['preset']}"


def _job(found: Records, document: Mapping[str, Any], runs: Mapping[str, Any], wanted: str) -> None:
    """Time, processor share and size of a job, told by its first output."""
    record = document["record"]
    step, execution, outputs = record["step"], record["execution"], record["outputs"]
    if document["file"]["name"] != Path(outputs[0]).name:
        return
    device, name = device_of(record)
    if wanted.lower() not in name.lower():
        return
    found.devices[device].add(name)
    # The processor's time counts from the start of the process, the other from the end of its imports.
    found.shares[device, step].append(execution["cpu_seconds"] / (execution["wall_seconds"] + RATES[device].start))
    reads = tuple(one["path"] for one in record["inputs"])
    below = tuple(path.partition(f"{record['preset']}/")[2] for path in outputs)
    job = Job(step, below, record["spec"], reads=reads)
    run = runs.get(_training(outputs[0])) if step in ("train", "evaluate") else None
    there = [Path(document["path"]).with_name(Path(path).name) for path in outputs]
    found.sizes[step].append(sum(path.stat().st_size + disk.BESIDE for path in there) / disk.counted(job, run))
    if step != "train":
        counted, sizes = work_of(job, run)
        found.jobs[device, step].append(
            Sample(_source(document), execution["wall_seconds"], seconds(counted, device), sizes)
        )


def _training(output: str) -> str:
    """The model of the training that an output belongs to."""
    if output.endswith("/model.eqx"):
        return output
    return output.replace("/evaluate/", "/train/").removesuffix(".nc") + "/model.eqx"


def _history(found: Records, document: Mapping[str, Any], wanted: str) -> None:
    """Seconds per update in the second half of a training, and what the job took beside its updates."""
    # Takes as long to import as all the rest takes to run.
    from netCDF4 import Dataset

    record = document["record"]
    device, name = device_of(record)
    path = document["path"].with_name(document["file"]["name"])
    if wanted.lower() not in name.lower() or path.stat().st_size != document["file"]["bytes"]:
        return
    with Dataset(path) as file:
        # Without it, the times have the compilation in them.
        if "compilation_time" not in file.variables:
            return
        times = file["wall_time"][:].data
        ended = file["diverged_at"][:].data
    half = len(times) // 2
    # Runs that have diverged compute no more.
    if half < 2 or (ended >= 0).any():
        return
    pace = float(times[-1] - times[half - 1]) / (len(times) - half)
    run = record["spec"]["spec"]
    key = device, work.solver_of(run)
    counted = seconds(work.update(run), device)
    found.updates[key].append(Sample(_source(document), pace, counted, work.sizes(run)))
    if len(record["execution"]["attempts"]) == 1:
        beside = max(record["execution"]["wall_seconds"] - pace * len(times), 0.1)
        found.overheads[key].append(Sample(_source(document), beside, RATES[device].compile, NO_SIZES))


def _benchmark(found: Records, record: Mapping[str, Any], wanted: str) -> None:
    """Value and gradient by each solver of a comparison."""
    case, machine = record["case"], record["machine"]
    recipe = case["recipe"]
    device: Device = "cpu" if machine["platform"] == "cpu" else "cuda"
    if wanted.lower() not in machine["device"].lower():
        return
    found.devices[device].add(machine["device"])
    run = {
        "sequence_length": case["sequence_length"],
        "batch_size": case["batch_size"],
        "seeds": [0],
        "obs_dim": recipe["obs_dim"],
        "architecture": {
            "architecture": "shplrnn",
            "latent_dim": recipe["latent_dim"],
            "hidden_dim": recipe["hidden_dim"],
        },
    }
    for solver, timed in record["solvers"].items():
        if timed["status"] != "timed" or solver not in (*work.ITERATIONS, "sequential", "block"):
            continue
        counted = seconds(work.update(run, solver), device)
        sample = Sample("benchmarks/records", timed["median"], counted, work.sizes(run), NO_TRAINING)
        found.updates[device, solver].append(sample)
