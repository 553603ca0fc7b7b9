"""What is damaged or tampered with is found, named in one line, and ends with exit status 1."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from tests.audit import results
from workflow_src.__main__ import main
from workflow_src.audit import probe, report
from workflow_src.provenance import sidecar

BASE = Path("results/tiny")
RUN = BASE / "train/lorenz63_full/shplrnn/T100/seeds0"
FILES = {
    "netcdf": BASE / "aggregate/lorenz63_full.nc",
    "checkpoint": RUN / "model.eqx",
    "pdf": BASE / "figures/figure2.pdf",
    "png": BASE / "figures/figure2.png",
    "html": BASE / "report.html",
    "csv": BASE / "tables/table1.csv",
    "markdown": BASE / "tables/table1.md",
    "latex": BASE / "tables/table1.tex",
}
# Another file whose sidecar is put beside the first.
OTHERS = {
    "netcdf": BASE / "aggregate/lorenz63_partial.nc",
    "checkpoint": BASE / "train/lorenz63_full/shplrnn/T100/seeds1/model.eqx",
    "pdf": BASE / "figures/figure2.png",
    "png": BASE / "figures/figure2.pdf",
    "html": BASE / "figures/figure2.pdf",
    "csv": BASE / "figures/figure2.csv",
    "markdown": BASE / "tables/table5.md",
    "latex": BASE / "tables/table5.tex",
}
every_format = pytest.mark.parametrize("form", FILES)
sealed_format = pytest.mark.parametrize("form", ["checkpoint", "pdf", "png", "html"])
PRESET = Path("tiny.yaml")


def the_damage(path):
    """The one line of damage that an audit of a file says about it."""
    found = report.audit(path, PRESET)
    assert found.exit_code(strict=False) == 1
    lines = [str(one) for one in found.findings if one.level == "damage" and one.about.endswith(path.name)]
    assert len(lines) == 1, lines
    assert "\n" not in lines[0]
    assert lines[0].startswith(f"damage   {path}: ")
    return lines[0].removeprefix(f"damage   {path}: ")


def sound(path):
    found = report.audit(path, PRESET)
    return found.exit_code(strict=True) == 0 and not found.findings


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << (position % 8)
    path.write_bytes(content)


def positions(size, count=40):
    """Places all over a file, its first and last byte among them."""
    return sorted({0, size - 1, *np.random.default_rng(0).integers(0, size, count).tolist()})


@every_format
def test_every_file_is_sound_as_it_was_written(project, form):
    assert sound(FILES[form])


@every_format
def test_a_flipped_bit_is_found_wherever_it_is(project, form):
    path = FILES[form]
    whole = path.read_bytes()
    for position in positions(len(whole)):
        flip(path, position)
        assert the_damage(path), position
        path.write_bytes(whole)


@sealed_format
def test_a_flipped_bit_is_found_in_a_file_alone(project, form, tmp_path):
    path = tmp_path / FILES[form].name
    shutil.copy(FILES[form], path)
    assert report.audit(path, PRESET).exit_code(strict=False) == 0
    whole = path.read_bytes()
    for position in positions(len(whole), 120):
        flip(path, position)
        assert the_damage(path), position
        path.write_bytes(whole)


def test_a_netcdf_file_that_crashes_the_library_is_named(project, tmp_path):
    """Bytes in the middle of its structure, with and without its sidecar; the next file is read as if nothing was."""
    alone = tmp_path / "alone.nc"
    whole = FILES["netcdf"].read_bytes()
    noise = np.random.default_rng(0)
    for position in noise.integers(0, len(whole) - 64, 60).tolist():
        content = whole[:position] + noise.bytes(64) + whole[position + 64 :]
        FILES["netcdf"].write_bytes(content)
        assert the_damage(FILES["netcdf"]), position
        alone.write_bytes(content)
        report.audit(alone, PRESET)
    alone.write_bytes(whole)
    assert report.audit(alone, PRESET).exit_code(strict=False) == 0


def test_a_reading_that_kills_its_process_is_damage(project, tmp_path, monkeypatch):
    alone = tmp_path / "alone.nc"
    shutil.copy(FILES["netcdf"], alone)
    assert report.audit(alone, PRESET).exit_code(strict=False) == 0
    dying = [sys.executable, "-c", "import os, sys; sys.stdin.readline(); os.kill(os.getpid(), 11)"]
    child = subprocess.Popen(dying, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    monkeypatch.setattr(probe, "_child", child)
    assert the_damage(alone) == "it is no sound netCDF file (reading it crashes the netCDF library)"


def test_a_changed_number_is_found_in_a_netcdf_file_alone(project, tmp_path):
    path = tmp_path / "moved.nc"
    shutil.copy(FILES["netcdf"], path)
    with netCDF4.Dataset(path, "a") as dataset:
        dataset["loss"][0, 7] = np.nextafter(dataset["loss"][0, 7], 9)
    assert "its content was changed" in the_damage(path)


def test_a_changed_record_is_found_in_a_netcdf_file_alone(project, tmp_path):
    path = tmp_path / "moved.nc"
    shutil.copy(FILES["netcdf"], path)
    with netCDF4.Dataset(path, "a") as dataset:
        dataset.provenance = dataset.provenance.replace("c" * 40, "d" * 40)
    assert "the record in it was changed" in the_damage(path)


@every_format
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_found(project, form, share):
    path = FILES[form]
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert the_damage(path)


@sealed_format
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_file_without_its_sidecar_is_found(project, form, share):
    path = FILES[form]
    sidecar.file_of(path).unlink()
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert the_damage(path)


@every_format
def test_bytes_behind_the_end_are_found(project, form):
    with FILES[form].open("ab") as file:
        file.write(b"more")
    assert the_damage(FILES[form])


@pytest.mark.parametrize("form", ["csv", "markdown", "latex"])
def test_an_edited_number_is_found(project, form):
    path = FILES[form]
    path.write_text(path.read_text().replace("2.5", "2.4"))
    assert the_damage(path) == "was changed after it was written (its bytes have another hash)"


@every_format
def test_a_swapped_sidecar_is_found_with_the_file_it_belongs_to(project, form):
    shutil.copy(sidecar.file_of(OTHERS[form]), sidecar.file_of(FILES[form]))
    assert the_damage(FILES[form]) == f"its sidecar is that of another file, {OTHERS[form]}"


def test_a_sidecar_of_the_same_name_from_elsewhere_is_found(project):
    other = results.small_preset(project, "other")
    results.make(project, other)
    path = FILES["csv"]
    path.write_text("edited")
    shutil.copy(sidecar.file_of(Path("results/other/tables/table1.csv")), sidecar.file_of(path))
    assert the_damage(path) == "its sidecar is that of another file, results/other/tables/table1.csv"


@every_format
@pytest.mark.parametrize("text", ["", "{", "[]", '{"file": 1}', '{"file": {"sha256": "a", "name": "b"}}'])
def test_a_sidecar_that_is_none_is_named(project, form, text):
    sidecar.file_of(FILES[form]).write_text(text)
    assert "its sidecar" in the_damage(FILES[form])


@every_format
def test_an_edited_sidecar_is_found(project, form):
    path = sidecar.file_of(FILES[form])
    document = json.loads(path.read_text())
    document["record"]["seeds"] = [7]
    path.write_text(json.dumps(document))
    assert the_damage(FILES[form]) == f"its sidecar {path.name} was changed after it was written"


@pytest.mark.parametrize("with_sidecar", [True, False])
def test_a_checkpoint_of_another_run_is_found_in_its_place_and_from_downstream(project, with_sidecar):
    shutil.copy(OTHERS["checkpoint"], FILES["checkpoint"])
    if with_sidecar:
        shutil.copy(sidecar.file_of(OTHERS["checkpoint"]), sidecar.file_of(FILES["checkpoint"]))
    else:
        sidecar.file_of(FILES["checkpoint"]).unlink()
    place = "train/lorenz63_full/shplrnn/T100/seeds1/model.eqx"
    assert the_damage(FILES["checkpoint"]) == f"is the file of another job: its record says {place}"
    found = report.audit(BASE / "figures/figure2.pdf", PRESET)
    assert [one.about for one in found.findings if one.level == "damage"] == [str(FILES["checkpoint"])]


def test_a_checkpoint_whose_header_names_another_run_is_found(project):
    path = FILES["checkpoint"]
    head, _, payload = path.read_bytes().partition(b"\n")
    header = json.loads(head)
    header["spec"]["seeds"] = [5]
    path.write_bytes(json.dumps(header).encode() + b"\n" + payload)
    sidecar.file_of(path).unlink()
    assert the_damage(path) == (
        "its header names the run lorenz63_full/shplrnn/T100, seeds [5], and its record another"
    )


@every_format
def test_a_file_from_another_preset_is_found(project, form):
    path = Path("results/laptop", *FILES[form].parts[2:])
    shutil.copytree("results/tiny", "results/laptop")
    name = "/".join(path.parts[2:])
    assert the_damage(path) == f"is a file of another preset, tiny: its record says {name}"


@pytest.mark.parametrize("form", ["csv", "markdown", "latex"])
def test_a_text_without_any_record_is_named(project, form):
    sidecar.file_of(FILES[form]).unlink()
    assert the_damage(FILES[form]) == "no record of it: it carries none, and there is no sidecar"


def test_a_damaged_input_is_found_from_the_figure(project):
    dataset = BASE / "simulate/lorenz63.nc"
    flip(dataset, 3000)
    found = report.audit(BASE / "figures/figure2.pdf", PRESET)
    assert found.exit_code(strict=False) == 1
    assert {one.about for one in found.findings if one.level == "damage"} == {str(dataset)}


def test_all_damage_of_a_folder_is_found_at_once(project, capsys):
    damaged = [path for path in FILES.values() if path.suffix != ".png"]
    for path in damaged:
        flip(path, path.stat().st_size // 2)
    with pytest.raises(SystemExit) as ended:
        main(["audit", "results/tiny", "--preset", "tiny.yaml", "--all"])
    assert ended.value.code == 1
    lines = [line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("  damage")]
    assert sorted(lines) == sorted(f"{path}:" for path in damaged)


def test_a_dirty_tree_is_a_warning_that_names_what_was_changed(project, capsys):
    dirty = {"commit": "c" * 40, "dirty": True, "diff_sha256": "d" * 64, "changed": ["workflow_src/forcing.py"]}
    shutil.rmtree("results")
    results.make(project, PRESET.resolve(), git=dirty)
    for strict, code in ((False, 0), (True, 1)):
        found = report.audit(FILES["pdf"], PRESET)
        assert found.exit_code(strict=strict) == code
    (finding,) = found.findings
    assert finding.level == "warning"
    assert "dirty tree" in finding.text
    assert "changed: workflow_src/forcing.py" in finding.text
