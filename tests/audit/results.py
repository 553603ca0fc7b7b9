"""Results of a small preset, made by the steps' records and savers, with numbers that mean nothing."""

import contextlib
import json
import shutil
from argparse import Namespace
from pathlib import Path
from unittest import mock

import jax.numpy as jnp
import numpy as np
import xarray as xr
import yaml

from workflow_src import provenance, store
from workflow_src.config import read_preset
from workflow_src.config.jobs import jobs
from workflow_src.figures import style
from workflow_src.models import checkpoint
from workflow_src.provenance import carriers
from workflow_src.specs.aggregate import AggregateSpec
from workflow_src.specs.claims import ClaimsSpec
from workflow_src.specs.dataset import DatasetSpec
from workflow_src.specs.evaluation import EvaluationSpec
from workflow_src.specs.run import RunSpec
from workflow_src.steps import figure
from workflow_src.steps.report import Varied

ROOT = Path(__file__).parents[2]
CLEAN = {"commit": "c" * 40, "dirty": False, "diff_sha256": None, "changed": []}
SPECS = {
    "simulate": DatasetSpec,
    "train": RunSpec,
    "evaluate": EvaluationSpec,
    "aggregate": AggregateSpec,
    "claims": ClaimsSpec,
    "report": Varied,
}


def small_preset(folder, name="tiny", **changes):
    """The file of a preset of two experiments, one model, two packs of one seed."""
    preset = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    kept = ("lorenz63_full", "lorenz63_partial")
    preset["experiments"] = {
        key: preset["experiments"][key] | {"seeds": 2, "pack": 1, "models": ["shplrnn"]} for key in kept
    }
    preset["models"] = {"shplrnn": preset["models"]["shplrnn"]}
    preset["datasets"] = {key: preset["datasets"][key] for key in ("lorenz63", "lorenz63_x")}
    preset["figures"] = {"figure2": preset["figures"]["figure2"]}
    preset["tables"] = {"table1": preset["tables"]["table1"], "table5": {}}
    preset["extras"] = {}
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(preset | {"preset": name, "benchmarks": {}} | changes, sort_keys=False))
    return file


def make(folder, preset, *, git=CLEAN, diverged=(), escaped=(), only=None, shift=0):
    """Every result of a preset file, in `folder`/results.

    Args:
        git: what the checkout says of itself.
        diverged: seeds of lorenz63_full that do not stay finite in training.
        escaped: those whose generated orbit does not.
        only: steps to run; all by default.
        shift: another one gives other numbers.
    """
    base = Path("results") / preset.stem
    with contextlib.chdir(folder), mock.patch("workflow_src.provenance.record.read_git", return_value=git):
        wanted = list(jobs(read_preset(preset)))
        Path("config").mkdir(exist_ok=True)
        shutil.copy(ROOT / "config/claims.yaml", "config/claims.yaml")
        for number, job in enumerate(wanted):
            if only is not None and job.step not in only:
                continue
            outputs = {Path(path).suffix[1:]: base / path for path in job.outputs}
            settings = {
                key: SPECS[job.step].model_validate_json(json.dumps(value)) if isinstance(value, dict) else value
                for key, value in job.spec.items()
            }
            args = Namespace(**settings, **_inputs(job, base, wanted, preset), **outputs)
            with provenance.record(job.step, args, list(outputs), job.modules) as record:
                if job.step == "train":
                    seeds = job.spec["spec"]["seeds"]
                    record.diverged([seed for seed in seeds if seed in diverged and "full" in job.outputs[0]])
                if job.step == "evaluate" and "full" in job.outputs[0]:
                    record.diverged([seed for seed in (*diverged, *escaped) if f"seeds{seed}." in job.outputs[0]])
                for kind, path in outputs.items():
                    _write(kind, path, number + shift, args, record)


def _inputs(job, base, wanted, preset):
    """Paths by the names of the step's arguments."""
    if job.step == "hyperparameters":
        return {"preset": preset.relative_to(Path.cwd())}
    if job.inputs:
        chosen = {"inputs": {role: base / path for role, path in job.inputs.items()}}
        return chosen | ({"stated": Path("config/claims.yaml")} if job.step == "claims" else {})
    name = job.outputs[0]
    if job.step == "report":
        return {"results": [base / path for path in job.reads]}
    if job.step == "train":
        return {"dataset": base / f"simulate/{job.spec['spec']['dataset']}.nc"}
    if job.step == "evaluate":
        place = name.removeprefix("evaluate/").removesuffix(".nc")
        run = next(one for one in wanted if one.outputs[0] == f"train/{place}/model.eqx")
        dataset = base / f"simulate/{run.spec['spec']['dataset']}.nc"
        return {"dataset": dataset} | {k: base / p for k, p in zip(("model", "history"), run.outputs, strict=True)}
    if job.step == "aggregate":
        own = f"/{job.spec['spec']['experiment']}/"
        parts = {"measures": ("evaluate", 0), "histories": ("train", 1)}
        return {
            role: [base / one.outputs[at] for one in wanted if one.step == step and own in one.outputs[0]]
            for role, (step, at) in parts.items()
        }
    return {}


def _write(kind, path, number, args, record):
    if kind == "nc":
        values = np.random.default_rng(number).normal(size=(1, 200))
        dataset = xr.Dataset({"loss": (("seed", "update"), values)}, coords={"seed": [0], "update": np.arange(200)})
        store.save(path, dataset, record.document())
    elif kind == "eqx":
        arrays = {"A": jnp.arange(40.0) + number}
        spec = args.spec.model_dump(mode="json")
        checkpoint.write(path, {"spec": spec, "provenance": record.document()}, arrays)
    elif kind == "png":
        picture = style.figure(20, 20)
        picture.subplots().plot([1, number])
        figure.save(picture, "figure2", {}, record.repeatable(), path.with_suffix(".pdf"), path)
    elif kind == "html":
        head = f"<!doctype html>\n<html lang=en><head>{carriers.in_html(record.repeatable())}</head>"
        path.write_bytes(carriers.sealed_html(f"{head}<body><p>{number}</p></body>\n</html>\n"))
    elif kind != "pdf":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{path.name},{number}\n" + "1.25,2.5\n" * 20)
