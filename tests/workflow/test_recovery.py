"""What Snakemake does about jobs at Slurm that outlived another one; the commands of Slurm are stand-ins."""

import json
import os
import re
import subprocess
import sys

import pytest
from snakemake.persistence.db import DbPersistence

from tests.workflow.test_workflow import ROOT, snakemake
from workflow_src import lock, processes
from workflow_src.config import read_preset
from workflow_src.config.jobs import jobs

SMOKE = ("--configfile", str(ROOT / "config/smoke.yaml"))
ROWS = "results/smoke/tables/hyperparameters.csv"
# As the executor calls Snakemake on a node.
ON_NODE = (
    *("--target-jobs", "hyperparameters:", "--allowed-rules", "hyperparameters", "--mode", "remote"),
    *("--executor", "local", "--force", "--force-use-threads", "--nolock", "--ignore-incomplete"),
)
SLURM = (
    "--profile",
    "slurm",
    "--retries",
    "0",
    "--latency-wait",
    "1",
    "--jobs",
    "2",
    "--default-resources",
    "slurm_account=none",
)


@pytest.fixture
def programs(tmp_path):
    """Commands of Slurm: a queue that a test fills, and submissions that are written down and refused."""
    folder = tmp_path / "programs"
    folder.mkdir()
    scripts = {
        "squeue": f"cat {folder}/queue",
        "scancel": f"echo $@ > {folder}/cancelled; grep -v PENDING {folder}/queue > {folder}/left; "
        f"mv {folder}/left {folder}/queue",
        "sbatch": f'echo "$@" >> {folder}/submitted; echo no such qos >&2; exit 1',
        "srun": "exit 1",
    }
    quiet = ("sacct", "sacctmgr", "sshare", "sinfo", "scontrol")
    for name, text in {**scripts, **dict.fromkeys(quiet, "echo none")}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return folder


def evaluations(folder):
    """Those of an experiment, in a folder where all that they read seems to be there."""
    shared = [
        job for job in jobs(read_preset(ROOT / "config/smoke.yaml")) if "evaluate/lorenz63_full/" in job.outputs[0]
    ]
    for age, path in enumerate({path: None for job in shared for path in job.reads}):
        file = folder / "results/smoke" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("not read here")
        os.utime(file, (1e9 + age,) * 2)
    return [f"results/smoke/{job.outputs[0]}" for job in shared]


@pytest.mark.slow
def test_what_waited_is_cancelled_and_the_copy_of_what_runs_is_submitted_behind_it(tmp_path, programs, monkeypatch):
    monkeypatch.setenv("GTF_DEER_POLL", "1")
    targets = [f"results/smoke/simulate/{name}.nc" for name in ("lorenz63", "lorenz96")]
    memory = DbPersistence(path=tmp_path / ".snakemake")
    for target, job in zip(targets, ("71", "72"), strict=True):
        memory._mark_incomplete(target, job)
    (programs / "queue").write_text(f"71|RUNNING|(null)|{tmp_path}\n72|PENDING|(null)|{tmp_path}\n")
    run = snakemake(tmp_path, *SLURM, *SMOKE, "--", *targets, dry=False, programs=str(programs))
    assert "cancelled: Slurm's job 72," in run.stderr, run.stderr
    assert "still running: Slurm's 71;" in run.stderr
    assert (programs / "cancelled").read_text().split() == ["--state=PENDING", "72"]
    lines = (programs / "submitted").read_text().splitlines()
    submitted = {name: line for line in lines for name in ("lorenz63", "lorenz96") if f"dataset={name}" in line}
    assert " --dependency=afterany:71 " in submitted["lorenz63"]
    assert "--dependency" not in submitted["lorenz96"]


@pytest.mark.slow
def test_a_quality_of_service_reaches_sbatch(tmp_path, programs, monkeypatch):
    for name, value in {"POLL": "1", "QOS": "long"}.items():
        monkeypatch.setenv(f"GTF_DEER_{name}", value)
    (programs / "queue").touch()
    target = "results/smoke/simulate/lorenz96.nc"
    run = snakemake(tmp_path, *SLURM, *SMOKE, "--", target, dry=False, programs=str(programs))
    assert (programs / "submitted").exists(), run.stderr
    assert " --qos=long " in (programs / "submitted").read_text()


@pytest.mark.slow
def test_evaluations_that_share_a_submission_wait_together(tmp_path, programs, monkeypatch):
    monkeypatch.setenv("GTF_DEER_POLL", "1")
    targets = evaluations(tmp_path)
    DbPersistence(path=tmp_path / ".snakemake")._mark_incomplete(targets[0], "71")
    (programs / "queue").write_text(f"71|RUNNING|(null)|{tmp_path}\n")
    run = snakemake(tmp_path, *SLURM, *SMOKE, "--", *targets, dry=False, programs=str(programs))
    assert "still running: Slurm's 71;" in run.stderr, run.stderr
    (submitted,) = [line for line in (programs / "submitted").read_text().splitlines() if line.startswith("--parsable")]
    assert submitted.count("--dependency=afterany:71 ") == 1
    assert "None" not in submitted.partition("--wrap")[0]


@pytest.mark.slow
def test_evaluations_that_share_a_submission_ask_together_for_no_more_than_the_longest_wall_time(
    tmp_path, programs, monkeypatch
):
    monkeypatch.setenv("GTF_DEER_POLL", "1")
    monkeypatch.setenv("GTF_DEER_LONGEST", "15")
    targets = evaluations(tmp_path)
    (programs / "queue").touch()
    run = snakemake(tmp_path, *SLURM, "--retries", "1", *SMOKE, "--", *targets, dry=False, programs=str(programs))
    assert "Trying to restart job" in run.stderr, run.stderr
    submitted = (programs / "submitted").read_text()
    assert len(targets) == 2
    assert re.findall(r" -t (\d+) ", submitted) == ["14", "14"], "of each, half of what is allowed"
    listed = run.stderr.partition("2 jobs failed:\n")[2]
    assert listed.count(", 2 attempts: SLURM sbatch failed. The error message was 'no such qos'.") == 2, run.stderr


@pytest.mark.slow
def test_a_job_leaves_alone_what_another_made_since_its_snakemake_began_and_nothing_else(tmp_path, monkeypatch):
    assert snakemake(tmp_path, *SMOKE, "--", ROWS, dry=False).returncode == 0
    made = (tmp_path / ROWS).stat()
    log = tmp_path / "results/smoke/logs/tables/hyperparameters.log"
    log.write_text("what the other one said")

    monkeypatch.setenv("GTF_DEER_SINCE", str(made.st_mtime - 1))
    run = snakemake(tmp_path, *SMOKE, *ON_NODE, dry=False)
    assert run.returncode == 0, run.stderr
    assert f"finished: {ROWS}: another job has made it" in run.stderr
    assert (tmp_path / ROWS).stat().st_mtime_ns == made.st_mtime_ns
    assert log.read_text() == "what the other one said"

    monkeypatch.setenv("GTF_DEER_SINCE", str(made.st_mtime + 1))
    run = snakemake(tmp_path, *SMOKE, *ON_NODE, dry=False)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / ROWS).stat().st_mtime_ns != made.st_mtime_ns, "it was asked for anew"

    (tmp_path / ROWS).write_text("half of it")
    monkeypatch.setenv("GTF_DEER_SINCE", "0")
    run = snakemake(tmp_path, *SMOKE, *ON_NODE, dry=False)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / ROWS).stat().st_size == made.st_size, "what is not whole is no result"


@pytest.mark.slow
@pytest.mark.parametrize("ends", ["exit 0", "exit 1"])
def test_a_job_that_is_told_to_stop_has_ended_as_its_step_has(tmp_path, programs, ends):
    """A training that hears of its time limit in its last update comes to its end, and no checkpoint is left."""
    # In the step's place; between it and Snakemake is a shell.
    tell = "kill -TERM $(ps -o ppid= -p $PPID)"
    (programs / "python").write_text(f"#!/bin/sh\n{tell}\nsleep 1\necho made > {ROWS}\n{ends}\n")
    (programs / "python").chmod(0o755)
    run = snakemake(tmp_path, *SMOKE, *ON_NODE, dry=False, programs=str(programs))
    assert "Will exit after finishing currently running jobs" in run.stderr
    assert run.returncode == int(ends[-1]), run.stderr


@pytest.mark.slow
def test_a_copy_that_fails_on_a_node_leaves_what_another_has_made(tmp_path, programs):
    (programs / "python").write_text(f"#!/bin/sh\necho theirs > {ROWS}\nexit 1\n")
    (programs / "python").chmod(0o755)
    run = snakemake(tmp_path, *SMOKE, *ON_NODE, dry=False, programs=str(programs))
    assert run.returncode == 1
    assert (tmp_path / ROWS).read_text() == "theirs\n"


@pytest.mark.slow
def test_on_one_machine_what_still_runs_is_waited_for_and_its_result_taken(tmp_path, monkeypatch):
    assert snakemake(tmp_path, *SMOKE, "--", ROWS, dry=False).returncode == 0
    made = (tmp_path / ROWS).stat().st_mtime_ns
    # As it was a moment before: not yet there, and at work is a process that runs.
    DbPersistence(path=tmp_path / ".snakemake")._mark_incomplete(ROWS, None)
    (tmp_path / ROWS).rename(tmp_path / "later")
    lock.file_of(tmp_path / ROWS).write_text(json.dumps(processes.this()._asdict()))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path)]
    call = [*command, "-c1", *SMOKE, "--", ROWS]
    with subprocess.Popen(call, cwd=ROOT, stderr=subprocess.PIPE, text=True) as second:
        try:
            assert second.stderr is not None
            words = f"{ROWS}: {processes.this()} is making it; waiting for its end"
            assert any(words in line for line in second.stderr)
            (tmp_path / "later").rename(tmp_path / ROWS)
            lock.file_of(tmp_path / ROWS).unlink()
            text = second.stderr.read()
        finally:
            second.kill()
    assert f"finished: {ROWS}: its job outlived Snakemake" in text
    assert (tmp_path / ROWS).stat().st_mtime_ns == made
