"""One hundred SIGKILLs at random moments of trainings and of their writes, and what was lost by them: nothing.

    python -m tests.faults.hundred_kills

A small training is started, killed and started again until it ends; then the next one. A kill comes at any moment, or
in the middle of writing some file, or between the last writes of a training. After each kill every file under its final
name must be whole, and the next attempt must continue from the last checkpoint that was written. In the end the results
must be those of a training that nobody disturbed, byte by byte, and nothing else may lie beside them. The record of the
last run is `hundred_kills.json` beside this file.
"""

import argparse
import atexit
import collections
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GTF_DEER_CACHE"] = tempfile.mkdtemp(prefix="gtf-deer-")

import numpy as np
import xarray as xr

from tests.records import circumstances
from tests.training.specs import run_spec
from workflow_src import store
from workflow_src.errors import UserError
from workflow_src.models import checkpoint
from workflow_src.provenance import sidecar
from workflow_src.steps import arguments, train

RECORD = Path(__file__).with_suffix(".json")
SPEC = run_spec(updates=4000, solver="sequential", precision="float32", seeds=(0, 1))
OUTPUTS = ("model.eqx", "history.nc")
FILES = sorted(name + ending for name in OUTPUTS for ending in ("", sidecar.ENDING))
# How a kill is aimed: at any moment, at the writing of any file, at the end.
AIMS = ("any moment", "a file being written", "between the last writes")


def start(folder: Path, dataset: Path, log: Path) -> int:
    """Run the step in a child that has all modules imported; its process id."""
    child = os.fork()
    if child:
        return child
    atexit._clear()
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    # Checkpoints far more often than a job writes them: kills are to hit them.
    train.KEEP_EVERY = 0.05
    named = {"spec": SPEC.dump(), "dataset": dataset, "model": folder / OUTPUTS[0], "history": folder / OUTPUTS[1]}
    status = 1
    try:
        arguments.run(lambda: train.main([part for name, value in named.items() for part in (f"--{name}", str(value))]))
        status = 0
    finally:
        atexit._run_exitfuncs()
        os._exit(status)


def aimed(aim: str | None, child: int, folder: Path, seconds: float, moments: random.Random) -> tuple[bool, int]:
    """Kill a child at a moment of that kind, or let it end; whether it was killed, and its status."""
    if aim is None:
        return False, os.waitpid(child, 0)[1]
    moment = time.monotonic() + (moments.uniform(0.0, 0.6 * seconds) if aim != AIMS[2] else 0.0)
    delay = moments.choice((0.0, moments.uniform(0.0, 0.003), moments.uniform(0.0, 0.05)))
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return False, status
        if time.monotonic() >= moment and (
            aim == AIMS[0]
            or (aim == AIMS[1] and any(folder.glob(".*.part")))
            or (aim == AIMS[2] and (folder / OUTPUTS[0]).exists())
        ):
            time.sleep(delay)
            os.kill(child, signal.SIGKILL)
            status = os.waitpid(child, 0)[1]
            return os.WIFSIGNALED(status), status
        time.sleep(0.0002)


def faults(folder: Path) -> list[str]:
    """Files under a final name that are not whole."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        try:
            if path.suffix == ".eqx":
                checkpoint.read_header(path)
            elif path.suffix == ".nc":
                dataset = store.load(path)
                assert store.content_hash(dataset) == dataset.attrs["content_sha256"]
            else:
                json.loads(path.read_text())
        except (UserError, ValueError, AssertionError) as error:
            found.append(f"{path.name}: {error}")
    return found


def reached(folder: Path) -> int:
    """Updates of the best checkpoint there is."""
    return max((checkpoint.read_header(path)["updates"] for path in folder.glob("unfinished*.eqx")), default=0)


def content(folder: Path) -> tuple[bytes, str]:
    """The parameters and all of the history but its times."""
    history = store.load(folder / "history.nc").drop_vars(["wall_time", "compilation_time"])
    return (folder / "model.eqx").read_bytes().partition(b"\n")[2], store.content_hash(history)


def campaign(kills: int, seed: int, work: Path) -> dict:
    """Kill so often; what was hit, and what was lost."""
    moments = random.Random(seed)
    dataset = work / "data.nc"
    orbit = np.cumsum(np.random.default_rng(0).normal(size=(2000, 2)), 0)
    series = (("train_step", "component"), (orbit - orbit.mean(0)) / orbit.std(0))
    store.save(dataset, xr.Dataset({"train": series}, coords={"component": ["x", "y"]}))
    whole, log = work / "whole", work / "log"
    for _ in range(2):  # The second one has its programs compiled, as the others will.
        began = time.monotonic()
        assert os.waitpid(start(whole, dataset, log), 0)[1] == 0, log.read_text()
        seconds = time.monotonic() - began
    wanted = content(whole)
    lost: dict[str, list[str]] = {"half files": [], "checkpoints": [], "bytes": [], "left behind": [], "failures": []}
    aims, beside = collections.Counter(), collections.Counter()
    trainings = killed = killed_when_done = 0
    folder = None
    while killed < kills or folder is not None:
        if folder is None:
            folder = work / str(trainings)
            folder.mkdir()
        for name in OUTPUTS:  # As Snakemake does before it starts a job.
            (folder / name).unlink(missing_ok=True)
        before = reached(folder)
        child = start(folder, dataset, log)
        aim = moments.choice(AIMS) if killed < kills else None
        was_killed, status = aimed(aim, child, folder, seconds, moments)
        if was_killed:
            killed += 1
            aims[aim] += 1
            halves = [path.name for path in folder.glob(".*.part")]
            beside.update(re.sub(r"(\.lock)?\.[^.]*\.part$", r"\1", name).lstrip(".") for name in halves)
            lost["half files"] += faults(folder)
        elif status:
            lost["failures"].append(log.read_text())
        said = log.read_text()
        if before and "update" in said and f"continuing after update {before} " not in said:
            lost["checkpoints"].append(f"{before} updates were kept, but: {said.splitlines()[0]}")
        is_done = all((folder / name).exists() for name in FILES) and not reached(folder)
        if not is_done and reached(folder) < before:
            lost["checkpoints"].append(f"{before} updates were kept, {reached(folder)} are left")
        if is_done:
            killed_when_done += was_killed
            trainings += 1
            lost["bytes"] += [] if content(folder) == wanted else [f"training {trainings}"]
            left = {path.name for path in folder.iterdir()} - set(FILES)
            lost["left behind"] += [] if was_killed else sorted(left)
            folder = None
        print(f"{killed} kills, {trainings} trainings ended, lost: {sum(map(len, lost.values()))}", flush=True)
    return {
        "kills": killed,
        "aimed_at": dict(aims),
        "half_written_files_beside_their_targets": dict(beside),
        "kills_after_all_was_written": killed_when_done,
        "trainings": trainings,
        "updates_per_training": SPEC.training.updates,
        "seconds_of_a_training_undisturbed": round(seconds, 2),
        "lost": lost,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--record", type=Path, default=RECORD)
    args = parser.parse_args()
    began, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    with tempfile.TemporaryDirectory() as work:
        found = campaign(args.kills, args.seed, Path(work))
    record = {
        "what": "SIGKILLs at random moments of trainings and writes; everything under `lost` must be empty",
        "command": "python -m tests.faults.hundred_kills",
        **circumstances(started, time.monotonic() - began),
        "seed": args.seed,
        **found,
    }
    args.record.write_text(json.dumps(record, indent=1) + "\n")
    sys.exit(int(any(found["lost"].values())))


if __name__ == "__main__":
    main()
