"""The command of the manual on a real Slurm, from an empty folder to figures."""

import re
import time

import pytest
import yaml

from tests.slurm.cluster import ROOT, Run
from tests.slurm.conftest import PRESET
from workflow_src import resources
from workflow_src.config import read_preset
from workflow_src.config.jobs import upstream

pytestmark = pytest.mark.slurm
GPU = {"train", "benchmark_runtime", "benchmark_iterations"}


def by_rule(jobs):
    """Jobs by the rule in their comment."""
    found = {}
    for job in jobs:
        rule = re.match(r"rule_(evaluate|.*?(?=_wildcards))", job["Comment"])
        assert rule is not None, job
        found.setdefault(rule[1], []).append(job)
    return found


def watched(cluster, run, project, seconds=570):
    """All jobs of a run that goes well, by id, as a user sees them in the queue: Slurm soon forgets what has ended."""
    found, end = {}, time.monotonic() + seconds
    while run.process.poll() is None and time.monotonic() < end:
        found |= {job["JobId"]: job for job in cluster.jobs(project) if job["JobState"] in ("PENDING", "RUNNING")}
        time.sleep(0.3)
    run.ends_well(1)
    return found


def test_the_command_makes_all_targets_and_asks_for_what_each_job_needs(cluster, project):
    run = Run(project, "--profile", "slurm", "-j", "50", "--configfile", PRESET)
    queued = watched(cluster, run, project)
    for name in ("figures/figure1.pdf", "tables/table1.md", "report.html"):
        assert (project / "results/tiny" / name).stat().st_size > 0

    preset = read_preset(project / PRESET)
    one = preset.run("two", "shplrnn_m3", 100, (0,))
    data = preset.datasets["lorenz63"]
    evaluating = resources.evaluate(preset.evaluation_of("two"), one)
    asked = {
        "simulate": resources.simulate(data),
        "train": resources.train(one, data),
        "benchmark_runtime": resources.benchmark_runtime(preset.runtime_run("runtime", "shplrnn_m3", 128), data),
        "benchmark_iterations": resources.benchmark_iterations(preset.iterations_run("iterations", "shplrnn_m3"), data),
        # Both in one job, one after the other.
        "evaluate": evaluating._replace(minutes=2 * evaluating.minutes),
    }
    jobs = by_rule(queued.values())
    assert {rule: len(found) for rule, found in jobs.items()} == dict.fromkeys(asked, 1) | {"train": 3}
    assert queued.keys() == {job["JobId"] for job in cluster.jobs(project)}, "each was seen before it ended"
    for rule, found in jobs.items():
        for job in found:
            assert job["MinMemoryNode"] == f"{asked[rule].memory}M", rule
            hours, minutes = divmod(asked[rule].minutes, 60)
            assert job["TimeLimit"] == f"{hours:02d}:{minutes:02d}:00", rule
            assert job.get("TresPerJob") == ("gres:gpu:1" if rule in GPU else None), rule
            assert job["OverSubscribe"] == ("NO" if rule == "benchmark_runtime" else "OK"), rule
            assert job["Requeue"] == "1", rule
    ended = by_rule(cluster.jobs(project))
    assert {job["JobState"] for found in ended.values() for job in found} == {"COMPLETED"}
    jobs = ended

    for job in (*jobs["train"], *jobs["simulate"]):
        log = project / ".snakemake/slurm_logs" / job["StdOut"].partition("slurm_logs/")[2]
        assert "1 of 1 steps (100%) done" in log.read_text(), "the log of a finished job is kept"
    again = Run(project, "--profile", "slurm", "-j", "50", "--configfile", PRESET)
    again.ends_well(120)
    assert "Nothing to be done" in again.text()


def test_the_smoke_preset_runs_to_all_its_figures(cluster, project):
    run = Run(project, "--profile", "slurm", "-j", "50", "--configfile", "config/smoke.yaml")
    jobs = watched(cluster, run, project, 3600)
    figures = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())["figures"]
    for name in figures:
        for suffix in ("pdf", "png", "csv"):
            assert (project / f"results/smoke/figures/{name}.{suffix}").stat().st_size > 0
    trained = by_rule(jobs.values())["train"]
    made = upstream(read_preset(ROOT / "config/smoke.yaml"), ("report.html",))
    assert len({job["Comment"] for job in trained}) == sum(path.endswith("/model.eqx") for path in made)
    assert {job.get("TresPerJob") for job in trained} == {"gres:gpu:1"}, "computed on CPUs, asked for GPUs"
