"""The command of the manual on a real Slurm, from an empty folder to figures."""

import re
import time

import pytest
import yaml

from tests.slurm.cluster import ROOT, Run
from tests.slurm.conftest import PRESET
from workflow_src import resources
from workflow_src.config import read_preset

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


def test_the_command_makes_all_targets_and_asks_for_what_each_job_needs(cluster, project):
    run = Run(project, "--profile", "slurm", "-j", "50", "--configfile", PRESET)
    waiting = set()
    while run.process.poll() is None:
        waiting |= {job["Comment"].split("_wildcards")[0] for job in cluster.jobs(project)}
        time.sleep(1)
    run.ends_well()
    assert "rule_train" in waiting, "a job was not seen in the queue"
    for name in ("figures/figure1.pdf", "tables/table1.md", "report.html"):
        assert (project / "results/tiny" / name).stat().st_size > 0

    jobs = by_rule(cluster.jobs(project))
    assert {rule: len(found) for rule, found in jobs.items()} == {
        "simulate": 1,
        "train": 2,
        "benchmark_runtime": 1,
        "benchmark_iterations": 1,
        "evaluate": 1,  # both, in one job
    }
    preset = read_preset(project / PRESET)
    asked = resources.train(preset.run("lorenz63_dimensions", "shplrnn_m3", 100, (0,)))
    for rule, found in jobs.items():
        for job in found:
            assert job["JobState"] == "COMPLETED", job
            assert job["Requeue"] == "1", rule
            assert job.get("TresPerJob") == ("gres:gpu:1" if rule in GPU else None), rule
            assert job["OverSubscribe"] == ("NO" if rule == "benchmark_runtime" else "OK"), rule
    for job in jobs["train"]:
        assert job["MinMemoryNode"] == f"{asked.memory}M"
        assert job["TimeLimit"] == f"00:{asked.minutes:02d}:00"
    (evaluations,) = jobs["evaluate"]
    one = resources.evaluate(
        preset.evaluation_of("lorenz63_dimensions"), preset.run("lorenz63_dimensions", "shplrnn_m3", 100, (0,))
    )
    assert evaluations["TimeLimit"] == f"00:{2 * one.minutes:02d}:00", "one after the other"
    assert evaluations["MinMemoryNode"] == f"{one.memory}M"

    for job in (*jobs["train"], *jobs["simulate"]):
        log = project / ".snakemake/slurm_logs" / job["StdOut"].partition("slurm_logs/")[2]
        assert "1 of 1 steps (100%) done" in log.read_text(), "the log of a finished job is kept"
    again = Run(project, "--profile", "slurm", "-j", "50", "--configfile", PRESET)
    again.ends_well(120)
    assert "Nothing to be done" in again.text()


@pytest.mark.slow
def test_the_smoke_preset_runs_to_all_its_figures(cluster, project):
    run = Run(project, "--profile", "slurm", "-j", "50", "--configfile", "config/smoke.yaml")
    run.ends_well(3600)
    figures = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())["figures"]
    for name in figures:
        for suffix in ("pdf", "png", "csv"):
            assert (project / f"results/smoke/figures/{name}.{suffix}").stat().st_size > 0
    trained = [job for job in cluster.jobs(project) if job["Comment"].startswith("rule_train")]
    assert all(job["TresPerJob"] == "gres:gpu:1" for job in trained), "computed on CPUs, asked for GPUs"
