"""A fresh clone with shipped results: a figure needs no training, and what has changed is made again, no more.

The clone is a copy of the sources as they stand, without anything that Snakemake remembers, and with results of a small
preset whose records are those of its jobs.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.audit import results
from workflow_src.__main__ import main
from workflow_src.audit import report
from workflow_src.steps.arguments import run

ROOT = Path(__file__).parents[2]
FIGURE = "results/tiny/figures/figure2.pdf"
CLONED = ("workflow_src", "rules", "Snakefile", "CITATION.cff", "LICENSE")
STEPS = {"simulate", "train", "evaluate", "aggregate", "figure2"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Sources and results side by side, the results as they were made."""
    folder = tmp_path_factory.mktemp("made")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *CLONED],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            # New times, as in a clone.
            shutil.copyfile(ROOT / name, folder / name)
    (folder / "config").mkdir()
    results.make(folder, results.small_preset(folder / "config"))
    return folder


@pytest.fixture
def clone(made, tmp_path, monkeypatch):
    """A clone of its own, with results of shuffled times that were unpacked in place."""
    folder = tmp_path / "clone"
    shutil.copytree(made, folder)
    shuffle(folder)
    monkeypatch.chdir(folder)
    main(["unpack", "results/tiny"])
    return folder


def shuffle(folder):
    """Give the results times in an order that is none of theirs."""
    files = sorted(path for path in (folder / "results").rglob("*") if path.is_file())
    order = random.Random(1)
    for path in files:
        then = 1.7e9 + order.randrange(10**6)
        os.utime(path, (then, then))


def scheduled(folder, *targets, options=()):
    """Jobs that a dry run schedules, as rule and output, and what it says to standard error and output."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run", "--configfile", "config/tiny.yaml"]
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "200", "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [*command, *options, "--", *(targets or [FIGURE])],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    found = re.findall(r"^(?:local)?rule (\w+):\n(?:    .*\n)*?    output: (\S+)", text, re.MULTILINE)
    assert len(found) == len(re.findall(r"^(?:local)?rule ", text, re.MULTILINE)), text
    return {(rule, output.rstrip(",")) for rule, output in found}, text


def rules(folder, *targets, options=()):
    return {rule for rule, _ in scheduled(folder, *targets, options=options)[0]}


def pack(folder, kind):
    """An archive of the results, in an order that is none of theirs."""
    files = sorted(path for path in (folder / "results").rglob("*") if path.is_file())
    random.Random(2).shuffle(files)
    archive = folder.parent / f"shipped.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as file:
            for path in files:
                file.write(path, f"supplement/{path.relative_to(folder)}")
    else:
        with tarfile.open(archive, "w:gz" if kind.endswith("gz") else "w") as file:
            for path in files:
                file.add(path, path.relative_to(folder))
    return archive


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_unpacked_results_are_not_made_again(made, tmp_path, monkeypatch, kind):
    folder = tmp_path / "clone"
    shutil.copytree(made, folder)
    shuffle(folder)
    assert rules(folder), "times in disorder make work"
    archive = pack(folder, kind)
    shutil.rmtree(folder / "results")
    monkeypatch.chdir(folder)
    main(["unpack", str(archive)])
    for target in (FIGURE, "results/tiny/tables/table1.tex", "all"):
        jobs, text = scheduled(folder, target)
        assert not jobs
        assert "Nothing to be done" in text
        assert "stale" not in text


def test_results_in_disorder_are_put_right_in_place(clone):
    assert rules(clone, "all") == set()


@pytest.mark.parametrize(
    ("module", "remade"),
    [
        ("solvers/deer.py", {"train", "evaluate", "aggregate", "figure2"}),
        ("training/loop.py", {"train", "evaluate", "aggregate", "figure2"}),
        ("metrics/lyapunov.py", {"evaluate", "aggregate", "figure2"}),
        ("figures/figure2.py", {"figure2"}),
        ("figures/figure3.py", set()),
        ("audit/report.py", set()),
    ],
)
def test_an_edited_module_schedules_the_stages_that_import_it_and_those_below(clone, module, remade):
    with (clone / "workflow_src" / module).open("a") as file:
        file.write("\nEDITED = 1\n")
    jobs, text = scheduled(clone)
    assert {rule for rule, _ in jobs} == remade
    assert ("stale: " in text) is bool(remade)


def test_an_edited_comment_schedules_nothing(clone):
    for module in ("solvers/deer.py", "metrics/lyapunov.py", "figures/figure2.py"):
        path = clone / "workflow_src" / module
        path.write_text("# Another comment.\n" + path.read_text() + "\n# And one more.\n")
    assert rules(clone) == set()


def change(clone, edit):
    path = clone / "config/tiny.yaml"
    preset = yaml.safe_load(path.read_text())
    edit(preset)
    path.write_text(yaml.safe_dump(preset, sort_keys=False))


def test_a_changed_number_schedules_exactly_the_runs_it_touches(clone):
    change(clone, lambda preset: preset["experiments"]["lorenz63_full"]["training"].update(updates=300))
    jobs, text = scheduled(clone)
    own = "results/tiny/{}/lorenz63_full/shplrnn/T100/seeds{}"
    assert jobs == {
        *(("train", own.format("train", seed) + "/model.eqx") for seed in (0, 1)),
        *(("evaluate", own.format("evaluate", seed) + ".nc") for seed in (0, 1)),
        ("aggregate", "results/tiny/aggregate/lorenz63_full.nc"),
        ("figure2", FIGURE),
    }
    reason = "the preset has changed: training.updates 200 -> 300"
    assert f"stale: {own.format('train', 0)}/model.eqx: {reason}" in text


def test_a_changed_dataset_schedules_what_was_made_from_it(clone):
    change(clone, lambda preset: preset["datasets"]["lorenz63_x"].update(noise_seed=5))
    jobs, _ = scheduled(clone)
    assert ("simulate", "results/tiny/simulate/lorenz63_x.nc") in jobs
    assert {rule for rule, _ in jobs} == STEPS
    assert not [output for _, output in jobs if "lorenz63_full" in output or output.endswith("lorenz63.nc")]


def test_what_a_target_does_not_need_is_left_alone(clone):
    change(clone, lambda preset: preset["experiments"]["lorenz63_full"]["training"].update(updates=300))
    target = "results/tiny/aggregate/lorenz63_partial.nc"
    assert rules(clone, target) == set()


def test_who_asks_for_other_triggers_gets_no_others(clone):
    change(clone, lambda preset: preset["experiments"]["lorenz63_full"]["training"].update(updates=300))
    assert rules(clone, options=["--rerun-triggers", "mtime"]) == set()


def test_results_whose_inputs_were_replaced_are_made_again(clone):
    """Unpacking gives one time to files of different ages; their records tell that they do not belong together."""
    preset = clone / "config/tiny.yaml"
    results.make(clone, preset, only=("aggregate",), shift=1)
    main(["unpack", "results/tiny"])
    assert rules(clone) == {"figure2"}


def test_a_lost_sidecar_trains_nothing(clone):
    for path in (clone / "results").rglob("*.record.json"):
        path.unlink()
    assert rules(clone) == set()
    change(clone, lambda preset: preset["experiments"]["lorenz63_full"]["training"].update(updates=300))
    assert "train" in rules(clone)


def test_deleted_outputs_leave_records_that_do_no_harm(clone):
    subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", "config/tiny.yaml", "--delete-all-output"],
        cwd=clone,
        env=os.environ | {"PYTHONPATH": str(clone)},
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    assert not (clone / FIGURE).exists()
    assert rules(clone) == STEPS


@pytest.mark.parametrize("target", ["bundle", "results/tiny/bundle/tiny.zip"])
def test_a_bundle_packs_shipped_results_and_makes_stale_ones_again(clone, target):
    assert rules(clone, target) == {"bundle"}
    with (clone / "workflow_src/solvers/deer.py").open("a") as file:
        file.write("\nEDITED = 1\n")
    assert STEPS - {"simulate"} | {"bundle"} <= rules(clone, target)


def test_a_bundle_is_packed_by_its_rule_and_by_no_other_target(clone):
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", "config/tiny.yaml", "--", "bundle"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=clone,
        env=os.environ | {"PYTHONPATH": str(clone), "PATH": path},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    log = clone / "results/tiny/logs/bundle.log"
    assert done.returncode == 0, done.stderr + (log.read_text() if log.exists() else "")
    assert report.audit(clone / "results/tiny/bundle/tiny.zip").exit_code(strict=False) == 0
    (clone / "results/tiny/bundle/tiny.zip").unlink()
    assert rules(clone, "all") == set()


def refused(*arguments):
    with pytest.raises(SystemExit) as ended:
        run(lambda: main(["unpack", *map(str, arguments)]))
    message = str(ended.value)
    assert message.startswith("error: ")
    assert "\n" not in message
    return message


def test_an_archive_that_leads_elsewhere_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("../results/a/b/c.nc", "/results/a/b/c.nc", "results/a/../../b/c.nc"):
        with zipfile.ZipFile("bad.zip", "w") as file:
            file.writestr(name, "x")
        assert "leads out of the folder" in refused("bad.zip")
    with tarfile.open("bad.tar", "w") as file:
        link = tarfile.TarInfo("results/a/b/c.nc")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    assert "is a link" in refused("bad.tar")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.tar", "bad.zip"]


def test_a_damaged_archive_leaves_nothing_behind(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind in ("zip", "tar.gz"):
        source = tmp_path / f"half.{kind}"
        whole = pack(made, kind)
        source.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        whole.unlink()
        assert "is damaged or no archive" in refused(source)
    assert "no such file" in refused("nothing.zip")
    assert not (tmp_path / "results").exists()
    assert not list(tmp_path.glob(".unpack-*"))


def test_a_file_of_other_content_is_not_overwritten(made, clone):
    archive = pack(made, "zip")
    path = clone / "results/tiny/tables/table1.csv"
    path.write_text("mine")
    message = refused(archive)
    archive.unlink()
    assert "table1.csv: is there already, with other content" in message
    assert path.read_text() == "mine"
