"""`make figures`: what it calls and what it says at the end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SNAKEMAKE = '#!/bin/sh\necho "$@" > "{arguments}"\nexit {status}\n'


@pytest.fixture
def make(tmp_path):
    """Call `make figures` with an environment whose Snakemake only notes its arguments and ends with a status."""

    def call(status=0, preset="smoke"):
        arguments = tmp_path / "arguments"
        python = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
        for name, text in (("python", python), ("snakemake", SNAKEMAKE.format(arguments=arguments, status=status))):
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        command = ["make", "--no-print-directory", "--old-file=env", "figures", f"PRESET={preset}", f"BIN={tmp_path}"]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return run, arguments.read_text() if arguments.exists() else None

    return call


def test_the_one_closing_line_says_where_figures_and_tables_are(make):
    run, arguments = make()
    assert run.returncode == 0, run.stderr
    assert run.stdout == "Figures: results/smoke/figures   Tables: results/smoke/tables\n"
    assert "--configfile config/smoke.yaml" in arguments
    assert "--no-hooks" in arguments, "Snakemake would say it a second time"


def test_a_failed_run_has_no_closing_line(make):
    run, _ = make(status=3)
    assert run.returncode != 0
    assert run.stdout == ""


def test_a_missing_preset_ends_with_one_line_before_snakemake_starts(make):
    run, arguments = make(preset="nope")
    assert run.returncode != 0
    assert arguments is None
    lines = [line for line in run.stderr.splitlines() if not line.startswith("make")]
    assert lines == ["error: config/nope.yaml: cannot be read (No such file or directory); give an existing preset"]


def audit(*arguments):
    """Call `make audit` in the environment of the tests."""
    command = [
        "make",
        "--no-print-directory",
        "--old-file=env",
        "audit",
        f"BIN={Path(sys.executable).parent}",
        *arguments,
    ]
    # The tests may themselves be run by make, with arguments of their own.
    environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKEOVERRIDES", "ARGS")}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_an_audit_of_nothing_ends_with_one_line():
    run = audit()
    assert run.returncode != 0
    lines = [line for line in run.stderr.splitlines() if not line.startswith("make")]
    assert lines == ["error: FILE= names no result; give a file or a folder of results"]


def test_an_audit_names_the_file_that_it_is_given(tmp_path):
    (tmp_path / "a b.csv").write_text("1\n")
    run = audit(f"FILE={tmp_path}/a b.csv")
    assert run.returncode != 0
    assert f"{tmp_path}/a b.csv: DAMAGED" in run.stdout
    assert "no record of it" in run.stdout
