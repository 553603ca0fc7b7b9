"""A sample of the trained runs, trained and evaluated again by the steps' own doors.

A run is drawn by (experiment, model, sequence length, seed) and trained in its pack: trained alone, its last bits would
be others.
"""

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from workflow_src import logs
from workflow_src.config import Preset
from workflow_src.config.jobs import place
from workflow_src.errors import UserError
from workflow_src.provenance.fingerprint import ROOT
from workflow_src.specs.run import RunSpec
from workflow_src.verify import origin
from workflow_src.verify.kept import kept_run
from workflow_src.verify.run import Stored, Trained, compare, stored_run
from workflow_src.verify.verdict import Check, refused


class Cell(NamedTuple):
    """One run of a pack."""

    run: RunSpec
    seed: int

    def __str__(self) -> str:
        return f"{self.run.experiment}/{self.run.model}/T{self.run.sequence_length} seed {self.seed}"


def draw(preset: Preset, base: Path, count: int, seed: int) -> tuple[list[Cell], int]:
    """Cells at random, each at most once, and how many there are to draw from.

    These are all whose training is here, or at least the arrays that it was combined into.

    Args:
        base: the preset's folder of results.
        count: how many to draw.
        seed: of the draw.
    Raises:
        UserError: there are not so many.
    """
    there = [
        Cell(run, number)
        for run in preset.runs()
        if _is_trained(base, run) or (base / f"aggregate/{run.experiment}.nc").exists()
        for number in run.seeds
    ]
    if count < 1:
        raise UserError(f"--sample: {count} runs are none; give 1 or more")
    if count > len(there):
        raise UserError(f"--sample: {base} has {len(there)} trained runs, not {count}; give fewer, or make more")
    return random.Random(seed).sample(there, count), len(there)


def verify_sample(preset: Preset, base: Path, cells: Sequence[Cell]) -> Iterator[Check]:
    """Train the packs of these cells again, each pack once."""
    packs: dict[str, list[Cell]] = {}
    for cell in cells:
        packs.setdefault(place(cell.run), []).append(cell)
    for chosen in packs.values():
        run = chosen[0].run
        try:
            stored = (stored_run if _is_trained(base, run) else kept_run)(preset, base, run)
        except UserError as error:
            yield from (refused(str(cell), str(error)) for cell in chosen)
            continue
        with tempfile.TemporaryDirectory(prefix="verify-") as folder:
            trained = _train(preset, base, run, stored, Path(folder))
            for cell in chosen:
                yield compare(str(cell), run, cell.seed, stored, trained)


def _is_trained(base: Path, run: RunSpec) -> bool:
    return (base / f"train/{place(run)}/model.eqx").exists()


def _train(preset: Preset, base: Path, run: RunSpec, stored: Stored, folder: Path) -> Trained:
    """Train and evaluate a pack in a folder of its own."""
    logs.say(f"training {place(run)}")
    model, history, measures = (folder / name for name in ("model.eqx", "history.nc", "measures.nc"))
    dataset = ("--dataset", base / f"simulate/{run.dataset}.nc")
    environment = origin.threads(stored.trained.record)
    call(environment, "train", "--spec", run.dump(), *dataset, "--model", model, "--history", history)
    judged = preset.evaluation_of(run.experiment).model_dump_json()
    if stored.measures is not None:
        logs.say(f"evaluating {place(run)}")
        paths = (*dataset, "--model", model, "--history", history, "--output", measures)
        call(environment, "evaluate", "--evaluation", judged, *paths)
    return Trained.read(model, history, measures if stored.measures is not None else None, run.seeds)


def call(environment: Mapping[str, str], step: str, *arguments: object) -> None:
    """Run a step as its rule does: it sets up JAX for a whole process.

    Raises:
        UserError: it fails.
    """
    command = [sys.executable, "-m", f"workflow_src.steps.{step}", *map(str, arguments)]
    path = os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH")]))
    ended = subprocess.run(command, env={**environment, "PYTHONPATH": path}, stderr=subprocess.PIPE, text=True)
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or ["it says nothing"])[-1].removeprefix("error: ")
        raise UserError(f"step {step} ended with status {ended.returncode}: {reason}")
