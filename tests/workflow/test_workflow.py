"""The workflow as a user calls it: which preset runs, what is scheduled, and what a wrong preset says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from snakemake.persistence.db import DbPersistence
from snakemake.persistence.file import FilePersistence

from workflow_src import processes
from workflow_src.config import read_preset
from workflow_src.config.jobs import upstream

ROOT = Path(__file__).parents[2]
PRESETS = sorted(path for path in (ROOT / "config").glob("*.yaml") if path.stem != "claims")


# Rules that train or measure, and so take a GPU where the preset has one.
COMPUTING = {"train", "benchmark_runtime", "benchmark_iterations"}


def snakemake(folder, *arguments, dry=True, programs=""):
    """A run in an empty folder, so that results and locks of the checkout do not matter.

    Args:
        programs: folder of programs that jobs call instead of those of the environment.
    """
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    # Jobs call `python`, which is this one only in an activated environment.
    path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}".lstrip(":")
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "200", "PYTHONPATH": str(ROOT), "PATH": path}
    return subprocess.run(
        [*command, "--cores", "1", *(["--dry-run"] if dry else []), *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def jobs(run):
    """Number of scheduled jobs per rule."""
    assert run.returncode == 0, run.stdout + run.stderr
    table = re.search(r"Job stats:\n.*?\n-+.*?\n(.*?)\ntotal ", run.stdout + run.stderr, re.DOTALL)
    assert table is not None, run.stdout + run.stderr
    return {name: int(count) for name, count in (line.split() for line in table[1].splitlines())}


def train_jobs(preset, targets=("report.html",)):
    """Number of packs of runs behind some results; the report reads all that `all` makes."""
    made = upstream(read_preset(ROOT / f"config/{preset}.yaml"), targets)
    return sum(path.endswith("/model.eqx") for path in made)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda file: file.stem)
def test_every_preset_dry_runs_with_just_its_own_jobs(preset, tmp_path):
    run = snakemake(tmp_path, "--configfile", str(preset))
    assert jobs(run)["train"] == train_jobs(preset.stem)
    folders = set(re.findall(r"results/(\w+)/", run.stdout + run.stderr))
    assert folders == {preset.stem}


def test_a_plain_call_runs_the_smoke_preset(tmp_path):
    (tmp_path / "config").symlink_to(ROOT / "config")
    run = snakemake(tmp_path)
    assert jobs(run)["train"] == train_jobs("smoke")
    assert set(re.findall(r"results/(\w+)/", run.stdout + run.stderr)) == {"smoke"}


def test_a_profile_can_choose_the_preset_and_the_command_line_overrules_it(tmp_path):
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "config.yaml").write_text(yaml.safe_dump({"configfile": str(ROOT / "config/paper.yaml")}))
    chosen = snakemake(tmp_path, "--profile", str(profile))
    assert jobs(chosen)["train"] == train_jobs("paper")
    overruled = snakemake(tmp_path, "--profile", str(profile), "--configfile", str(ROOT / "config/smoke.yaml"))
    assert jobs(overruled)["train"] == train_jobs("smoke")


def test_one_figure_needs_only_its_own_runs(tmp_path):
    smoke = str(ROOT / "config/smoke.yaml")
    run = snakemake(tmp_path, "--configfile", smoke, "--", "results/smoke/figures/figure2.pdf")
    assert set(re.findall(r"/train/(\w+)/", run.stdout + run.stderr)) == {"lorenz63_full", "lorenz63_partial"}
    assert jobs(run) == {"simulate": 2, "train": 4, "evaluate": 4, "aggregate": 2, "figure2": 1}


def test_the_figures_beyond_the_paper_are_made_when_asked_for_and_only_then(tmp_path):
    smoke = str(ROOT / "config/smoke.yaml")
    assert not {"extras", "figureS1"} & jobs(snakemake(tmp_path, "--configfile", smoke)).keys()
    run = snakemake(tmp_path, "--configfile", smoke, "--", "sensitivity")
    asked = jobs(run)
    assert asked["figureS1"] == 1
    assert asked["train"] == train_jobs("smoke", ["extras/figureS1.pdf"])
    assert not {"figure2", "table1", "claims", "report"} & asked.keys()
    assert "results/smoke/extras/figureS1.pdf" in run.stdout + run.stderr


def test_a_preset_without_the_sweep_says_so(tmp_path):
    run = snakemake(tmp_path, "--configfile", str(ROOT / "config/lorenz63.yaml"), "--", "sensitivity")
    assert run.returncode != 0
    assert "Job stats" not in run.stdout + run.stderr
    assert "lorenz63.yaml: extras.figureS1: is missing; add it" in run.stdout + run.stderr


def gpus(run):
    """How many GPUs the jobs of each rule ask for; 0 where the dry run names none."""
    assert run.returncode == 0, run.stdout + run.stderr
    found = {}
    for job in re.split(r"\n(?=(?:local)?rule )", run.stdout + run.stderr):
        if name := re.match(r"(?:local)?rule (\w+):", job):
            asked = re.search(r"\n    resources: .*\bgpu=(\d+)", job)
            found.setdefault(name[1], set()).add(int(asked[1]) if asked else 0)
    return found


def test_the_rules_that_need_a_gpu_are_those_whose_steps_prepare_the_device_of_the_preset():
    steps = (ROOT / "workflow_src/steps").glob("*.py")
    assert {step.stem for step in steps if re.search(r"prepare\(.*\.compute\b", step.read_text())} == COMPUTING


@pytest.mark.parametrize(("preset", "wanted"), [("paper", 1), ("smoke", 0)])
def test_every_job_that_trains_or_measures_asks_for_a_gpu_under_a_cuda_preset_alone(preset, wanted, tmp_path):
    found = gpus(snakemake(tmp_path, "--configfile", str(ROOT / f"config/{preset}.yaml")))
    assert set(found) >= COMPUTING
    for rule, asked in found.items():
        assert asked == {wanted if rule in COMPUTING else 0}, rule


def test_the_slurm_profile_runs_the_paper_preset_unless_another_is_given(tmp_path):
    (tmp_path / "config").symlink_to(ROOT / "config")
    paper = snakemake(tmp_path, "--profile", "slurm", "-j", "50")
    assert jobs(paper)["train"] == train_jobs("paper")
    assert {rule for rule, asked in gpus(paper).items() if asked != {0}} == COMPUTING
    smoke = snakemake(tmp_path, "--profile", "slurm", "-j", "50", "--configfile", str(ROOT / "config/smoke.yaml"))
    assert jobs(smoke)["train"] == train_jobs("smoke")
    assert {rule for rule, asked in gpus(smoke).items() if asked == {1}} == COMPUTING, "though it computes on CPUs"


def test_what_only_a_site_knows_comes_from_the_environment(tmp_path, monkeypatch):
    site = {
        "ACCOUNT": "proj-1",
        "PARTITION": "all",
        "GPU_PARTITION": "gpu",
        "CONSTRAINT": "a100|h100",
        "GPU_MODEL": "a100",
        "SBATCH": "--mail-type=FAIL",
    }
    for name, value in site.items():
        monkeypatch.setenv(f"GTF_DEER_{name}", value)
    smoke = ("--profile", "slurm", "--configfile", str(ROOT / "config/smoke.yaml"))
    run = snakemake(tmp_path, *smoke, "--", "results/smoke/aggregate/runtime.nc")
    asked = dict(re.findall(r"\nrule (\w+):.*?\n    resources: (.*?)\n", run.stdout + run.stderr, re.DOTALL))
    simulate, benchmark = asked["simulate"], asked["benchmark_runtime"]
    assert all(word in simulate for word in ("slurm_account=proj-1", "slurm_partition=all", "--mail-type=FAIL"))
    assert not any(word in simulate for word in ("constraint", "gpu"))
    wanted = ("slurm_account=proj-1", "slurm_partition=gpu", "constraint=a100|h100", "gpu_model=a100", "gpu=1")
    assert all(word in benchmark for word in (*wanted, "--mail-type=FAIL", "--exclusive"))


def test_on_one_machine_one_job_at_a_time_has_the_gpu(tmp_path):
    rules = """
rule all:
    input:
        "a",
        "b",

rule job:
    output:
        "{name,[ab]}",
    resources:
        gpu=1,
    shell:
        "echo start >> log; sleep 1; echo end >> log; touch {output}"
"""
    setting = (ROOT / "Snakefile").read_text().partition("resource_scopes:")[2].partition("include:")[0]
    (tmp_path / "Snakefile").write_text("resource_scopes:" + setting + rules)
    command = [sys.executable, "-m", "snakemake", "--cores", "2"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    assert (tmp_path / "log").read_text().split() == ["start", "end"] * 2


def test_the_closing_line_names_what_was_made_and_nothing_else(tmp_path):
    smoke = str(ROOT / "config/smoke.yaml")
    run = snakemake(tmp_path, "--configfile", smoke, "--", "results/smoke/tables/table5.md", dry=False)
    assert run.returncode == 0, run.stdout + run.stderr
    lines = [line for line in (run.stdout + run.stderr).splitlines() if line.startswith(("Figures:", "Tables:"))]
    assert lines == ["Tables: results/smoke/tables"]


@pytest.mark.parametrize("quiet", [[], ["--quiet", "all"]], ids=["told", "quiet"])
def test_a_failed_run_ends_with_its_jobs_and_the_last_lines_of_their_logs(tmp_path, quiet):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "python").write_text("#!/bin/sh\nfor n in $(seq 50); do echo line $n; done\nexit 3\n")
    (programs / "python").chmod(0o755)
    smoke = str(ROOT / "config/smoke.yaml")
    wanted = "results/smoke/tables/table5.md"
    run = snakemake(tmp_path, *quiet, "--configfile", smoke, "--", wanted, dry=False, programs=str(programs))
    assert run.returncode != 0
    text = run.stdout + run.stderr
    listed = text[text.index("1 job failed:") :].splitlines()
    assert listed[1].strip() == "hyperparameters results/smoke/tables/hyperparameters.csv"
    assert listed[2].strip() == "results/smoke/logs/tables/hyperparameters.log"
    assert [line.strip() for line in listed[3:11]] == [f"line {n}" for n in range(43, 51)]
    assert text.count("line 50") == 1, "the log is shown once"


def refusal(run, words):
    """The one line with these words, of a call that ended without a job and without a traceback."""
    assert run.returncode != 0
    text = run.stdout + run.stderr
    assert "Traceback" not in text
    assert "Job stats" not in text
    lines = [line for line in text.splitlines() if words in line]
    assert len(lines) == 1, text
    return lines[0]


def test_a_misspelt_key_stops_before_any_job_with_one_line(tmp_path):
    wrong = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    wrong["training"]["forcing_strenght"] = wrong["training"].pop("forcing_strength")
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(wrong | {"preset": "mine"}))
    line = refusal(snakemake(tmp_path, "--configfile", str(tmp_path / "mine.yaml")), "forcing_strenght")
    assert line == "mine.yaml: training.forcing_strenght: unknown key; did you mean 'forcing_strength'?"


def test_a_copy_under_the_name_of_its_original_stops_before_any_job(tmp_path):
    (tmp_path / "mine.yaml").write_text((ROOT / "config/smoke.yaml").read_text())
    line = refusal(snakemake(tmp_path, "--configfile", str(tmp_path / "mine.yaml")), "is not the name of the file")
    assert line.startswith("mine.yaml: preset: 'smoke' is not the name of the file; write mine")


def test_presets_are_never_merged(tmp_path):
    presets = [str(ROOT / f"config/{name}.yaml") for name in ("smoke", "paper")]
    line = refusal(snakemake(tmp_path, "--configfile", *presets), "give one preset")
    assert "smoke.yaml, paper.yaml" in line


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("--persistence-backend", "file")], ids=["db", "file"])
def test_after_a_kill_of_snakemake_the_same_command_works_and_a_living_one_is_respected(tmp_path, words):
    target = "results/smoke/tables/table5.csv"
    notes = tmp_path / ".snakemake/runs"
    notes.mkdir(parents=True)
    backend = FilePersistence if words else DbPersistence
    backend(path=tmp_path / ".snakemake")._write_locks("output", [target])
    killed = processes.this()._replace(started=-1)
    (notes / f"run.{backend.__name__}.killed.note").write_text(json.dumps(killed._asdict()))
    living = notes / "run.Another.living.note"
    living.write_text(json.dumps(processes.this()._asdict()))
    call = (tmp_path, "--configfile", str(ROOT / "config/smoke.yaml"), *words, "--", target)
    refused = refusal(snakemake(*call, dry=False), "runs in this folder")
    assert refused.startswith(f"{notes}: another run, {processes.this()}")
    living.unlink()
    run = snakemake(*call, dry=False)
    assert run.returncode == 0, run.stderr
    assert f"unlocked: Snakemake, process {killed.pid} on {killed.host}, was killed" in run.stderr
    assert (tmp_path / target).exists()
    assert not list(notes.iterdir())


@pytest.mark.parametrize("change", ["precision=float64", "training={updates: 3}"])
def test_single_keys_on_the_command_line_are_refused(tmp_path, change):
    smoke = str(ROOT / "config/smoke.yaml")
    line = refusal(snakemake(tmp_path, "--configfile", smoke, "--config", change), "--config")
    assert "copy" in line
    assert "preset:" in line


@pytest.mark.parametrize(("mode", "shared"), [([], "3"), (["--mode", "remote"], "1")], ids=["one machine", "cluster"])
def test_packs_share_a_gpu_on_one_machine_and_have_it_alone_on_a_cluster(tmp_path, mode, shared):
    programs, told = tmp_path / "programs", tmp_path / "told"
    programs.mkdir()
    (programs / "python").write_text(f"#!/bin/sh\necho $GTF_DEER_PACKS_PER_GPU > {told}\nexit 3\n")
    (programs / "python").chmod(0o755)
    preset = tmp_path / "smoke.yaml"
    preset.write_text((ROOT / "config/smoke.yaml").read_text() + "packs_per_gpu: 3\n")
    wanted = "results/smoke/simulate/lorenz63.nc"
    snakemake(tmp_path, *mode, "--configfile", str(preset), "--", wanted, dry=False, programs=str(programs))
    assert told.read_text().strip() == shared


NODE = ["--mode", "remote"]


@pytest.mark.parametrize(
    ("mode", "given", "passed"),
    [
        (NODE, {"SLURM_RESTART_COUNT": "2"}, "2"),
        (NODE, {"GTF_DEER_RESTARTS": "2"}, "2"),
        ([], {"GTF_DEER_RESTARTS": "2"}, "none"),
    ],
    ids=["on the node", "inside the executor's step", "of the job in which Snakemake itself runs"],
)
def test_a_job_learns_how_often_slurm_started_it_again(tmp_path, monkeypatch, mode, given, passed):
    for name in ("SLURM_RESTART_COUNT", "GTF_DEER_RESTARTS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    programs, told = tmp_path / "programs", tmp_path / "told"
    programs.mkdir()
    (programs / "python").write_text(f"#!/bin/sh\necho ${{GTF_DEER_RESTARTS:-none}} > {told}\nexit 3\n")
    (programs / "python").chmod(0o755)
    wanted = "results/smoke/simulate/lorenz63.nc"
    smoke = str(ROOT / "config/smoke.yaml")
    snakemake(tmp_path, *mode, "--configfile", smoke, "--", wanted, dry=False, programs=str(programs))
    assert told.read_text().strip() == passed
