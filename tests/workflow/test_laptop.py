"""The laptop results that come with a clone: every figure of them can be drawn again, and nothing is trained."""

import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workflow_src.__main__ import main
from workflow_src.audit import report

ROOT = Path(__file__).parents[2]
BASE = Path("results/laptop")
CLONED = ("workflow_src", "rules", "Snakefile", "config", "results/laptop")
DRAWN = (*("figures/figure1", "figures/figure2", "figures/figure3"), *(f"figures/figureA{k}" for k in (1, 2, 3)))
# What it may take to draw all of them, Snakemake and its planning included.
MOST_SECONDS = 60
# Rules that make something from arrays that are there.
CHEAP = r"figure\w+|table\w+|hyperparameters|claims|report|all|extras"


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The files that git has, with new times, after the one command that a clone with results needs."""
    folder = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", *CLONED], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    for name in listed:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    assert not list((folder / BASE).glob("train/**/*.eqx")), "checkpoints are not kept"
    before = Path.cwd()
    os.chdir(folder)
    try:
        main(["unpack", str(BASE)])
    finally:
        os.chdir(before)
    return folder


def snakemake(folder, *arguments):
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", "config/laptop.yaml", *arguments]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "200", "PYTHONPATH": str(folder), "PATH": path}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def processor_time_of_children():
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def rules(text):
    return set(re.findall(r"^(?:local)?rule (\w+):", text, re.MULTILINE))


def test_drawing_every_figure_and_table_again_trains_nothing(clone):
    shown = [clone / BASE / f"{stem}.{suffix}" for stem in DRAWN for suffix in ("pdf", "png", "csv")]
    kept = {
        path: path.read_bytes() for path in (*shown, *(clone / BASE).glob("tables/*"), *(clone / BASE).glob("claims.*"))
    }
    for path in kept:
        path.unlink()
    scheduled = rules(snakemake(clone, "--dry-run"))
    for path, content in kept.items():
        path.write_bytes(content)
    assert {Path(stem).name for stem in DRAWN} <= scheduled
    assert not [rule for rule in scheduled if not re.fullmatch(CHEAP, rule)]


def test_every_figure_drawn_again_has_the_same_numbers_within_a_minute_of_processor_time(clone):
    stems = [clone / BASE / stem for stem in DRAWN]
    numbers = {stem: stem.with_suffix(".csv").read_bytes() for stem in stems}
    for stem in stems:
        for suffix in (".csv", ".pdf", ".png"):
            stem.with_suffix(suffix).unlink()
    before = processor_time_of_children()
    done = rules(snakemake(clone, "--", *(str(BASE / f"{stem}.pdf") for stem in DRAWN)))
    # On a busy machine the clock says nothing of the work.
    assert processor_time_of_children() - before < MOST_SECONDS
    assert done == {Path(stem).name for stem in DRAWN}
    assert {stem: stem.with_suffix(".csv").read_bytes() for stem in stems} == numbers


def test_the_page_beyond_the_paper_is_written_again_from_its_arrays(clone):
    page = clone / BASE / "extras/report.html"
    page.unlink()
    assert rules(snakemake(clone, "--", str(BASE / "extras/report.html"))) == {"report_extras"}
    assert page.stat().st_size


def test_the_shipped_results_are_as_they_were_written(clone, monkeypatch):
    monkeypatch.chdir(clone)
    found = report.audit(BASE, Path("config/laptop.yaml"))
    assert found.exit_code(strict=False) == 0, [str(one) for one in found.findings if one.level == "damage"]
