"""The bundle of a preset: what is in it, that others can open it, and that damage to it is found and named."""

import copy
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from rocrate.rocrate import ROCrate

from tests import conventions
from tests.audit import results
from tests.audit.test_damage import flip, positions
from workflow_src.__main__ import main
from workflow_src.audit import report, unpack
from workflow_src.errors import UserError
from workflow_src.provenance import archive, shape, sidecar
from workflow_src.provenance.seals import sha256_of
from workflow_src.status import live
from workflow_src.steps import bundle
from workflow_src.store import load

ROOT = Path(__file__).parents[2]
BASE = Path("results/tiny")
BUNDLE = BASE / "bundle/tiny.zip"
PRESET = Path("tiny.yaml")
RUN = "train/lorenz63_full/shplrnn/T100/seeds0"


def targets():
    return sorted(
        path
        for path in (*BASE.glob("figures/*"), *BASE.glob("tables/*"), *BASE.glob("claims.*"), BASE / "report.html")
        if not path.name.endswith(sidecar.ENDING) and path.name != "hyperparameters.csv"
    )


def pack(path=BUNDLE):
    bundle.main(["--targets", *map(str, targets()), "--output", str(path)])
    return path


@pytest.fixture(scope="module")
def packed(made, tmp_path_factory):
    """A folder with results and their bundle."""
    folder = tmp_path_factory.mktemp("packed") / "project"
    shutil.copytree(made, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        pack()
    return folder


@pytest.fixture
def project(packed, tmp_path, monkeypatch):
    """A copy of it to damage, with the working directory in it."""
    folder = tmp_path / "project"
    shutil.copytree(packed, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def alone(packed, tmp_path, monkeypatch):
    """The bundle alone, under another name."""
    path = tmp_path / "deposit.zip"
    shutil.copy(packed / BUNDLE, path)
    monkeypatch.chdir(tmp_path)
    return path


def metadata(path):
    with zipfile.ZipFile(path) as file:
        return json.loads(file.read(shape.NAME)), file.namelist()


def entities(path):
    return {one["@id"]: one for one in metadata(path)[0]["@graph"]}


def damage(path):
    """The lines of damage that an audit says, with exit status 1."""
    found = report.audit(path, None)
    assert found.exit_code(strict=False) == 1
    lines = [f"{one.about}: {one.text}" for one in found.findings]
    assert not any("\n" in line for line in lines)
    return lines


def repack(path, change):
    """The archive with some of its files changed, by another program."""
    with zipfile.ZipFile(path) as file:
        files = {name: file.read(name) for name in file.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)


# --- what is in it ----------------------------------------------------------------------------------------------------


def test_everything_that_figures_and_tables_were_made_from_is_in_it(project):
    names = set(metadata(BUNDLE)[1])
    made = {str(path) for path in BASE.rglob("*") if path.is_file() and {"bundle", "logs"}.isdisjoint(path.parts)}
    assert made == {name for name in names if name.startswith("results/")}
    assert {
        "tiny.yaml",
        "config/claims.yaml",
        "Snakefile",
        "LICENSE",
        "CITATION.cff",
        "envs/cpu.txt",
        "envs/cuda12.txt",
    } <= names
    assert {shape.NAME, "sbom.cdx.json", ".zenodo.json", "rules/bundle.smk", "workflow_src/steps/train.py"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith("/")]


def test_metadata_have_the_shape_of_a_workflow_run_crate(alone):
    """Our own test of the shape, without network; no validator."""
    content, names = metadata(alone)
    assert shape.faults(content, names) == []


@pytest.mark.parametrize(
    ("about", "key", "value", "fault"),
    [
        ("./", "license", None, "./ has no license"),
        ("./", "datePublished", "today", "./: datePublished is no date"),
        ("./", "conformsTo", {"@id": shape.PROFILES[0]}, f"./ does not claim {shape.PROFILES[1]}"),
        ("./", "mainEntity", {"@id": "LICENSE"}, "./: mainEntity is no workflow with a programmingLanguage"),
        ("./", "mentions", {"@id": "#run"}, "./ does not mention"),
        ("./", "hasPart", [], "LICENSE is no part of ./"),
        ("LICENSE", "sha256", "abc", "LICENSE has no sha256 or contentSize"),
        ("LICENSE", "@type", "Text", "LICENSE is here and is not described"),
        ("LICENSE", "@id", "LICENCE", "./: license refers to LICENSE, which is not there"),
        ("#run", "instrument", {"@id": "LICENSE"}, "no CreateAction has the workflow as its instrument"),
        ("#run", "endTime", None, "#run has no startTime or endTime"),
        ("#run", "result", [], "#run has not one instrument and at least one result"),
        (shape.NAME, "about", {"@id": "LICENSE"}, f"{shape.NAME} does not describe itself"),
    ],
)
def test_another_shape_is_named(alone, about, key, value, fault):
    content, names = metadata(alone)
    changed = copy.deepcopy(content)
    next(one for one in changed["@graph"] if one["@id"] == about)[key] = value
    assert any(line.startswith(fault) for line in shape.faults(changed, names))


@pytest.mark.parametrize("content", [{}, {"@graph": 1}, {"@graph": [{}]}, {"@graph": []}])
def test_what_are_no_metadata_of_a_crate_is_told(content):
    assert shape.faults(content, [])


def test_every_job_is_an_action_with_its_command_inputs_and_outputs(project):
    graph = entities(BUNDLE)
    endings = (sidecar.ENDING, live.ENDING)
    files = [path for path in BASE.rglob("*") if path.is_file() and not path.name.endswith(endings)]
    for path in files:
        if path.parent.name == "bundle":
            continue
        record = sidecar.read(path)["record"]
        action = graph[f"#{record['id'][:16]}"]
        assert action["description"] == record["command"]
        assert str(path) in shape.references(action["result"])
        assert shape.references(action["object"]) == [one["path"] for one in record["inputs"]]
        written = [sidecar.read(Path(one))["record"]["execution"] for one in record["outputs"]]
        assert action["startTime"] == record["execution"]["started"]
        assert action["endTime"] == max(one["ended"] for one in written)
        assert graph[shape.references(action["instrument"])[0]]["sha256"] == sha256_of(
            ROOT / f"workflow_src/steps/{record['step']}.py"
        )


def test_rocrate_opens_it(alone):
    crate = ROCrate(alone)
    assert crate.mainEntity.id == "Snakefile"
    assert crate.root_dataset["license"].id == "LICENSE"
    actions = [one for one in crate.get_by_type("CreateAction")]
    assert {one["instrument"].id for one in actions} >= {"Snakefile", "workflow_src/steps/train.py"}
    model = crate.get(f"results/tiny/{RUN}/model.eqx")
    assert Path(crate.source, model.id).stat().st_size == int(model["contentSize"])
    authors = crate.get("https://arxiv.org/abs/2605.12683")["creditText"]
    assert authors == "Florian Hess, Florian Götz, Daniel Durstewitz"


def test_netcdf_in_it_is_within_cf(alone, tmp_path):
    with zipfile.ZipFile(alone) as file:
        path = file.extract("results/tiny/aggregate/lorenz63_full.nc", tmp_path)
    assert conventions.faults(path) == {"high": 0, "medium": 0, "low": 0}
    assert load(Path(path))["loss"].size == 200


def test_bill_of_materials_lists_what_the_records_state(project):
    with zipfile.ZipFile(BUNDLE) as file:
        bill = json.loads(file.read("sbom.cdx.json"))
    record = sidecar.read(BASE / "simulate/lorenz63.nc")["record"]
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    listed = {one["name"]: one["version"] for one in bill["components"]}
    assert listed == record["packages"] | {"Python": record["python"]}
    addresses = [one["bom-ref"] for one in bill["components"]]
    assert len(set(addresses)) == len(addresses)
    for one in bill["components"]:
        assert one["type"] == "platform" or re.fullmatch(r"pkg:pypi/[a-z0-9-]+@[\w.%-]+", one["purl"]), one


def test_citation_names_the_paper_and_both_licences():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["license"] == "MIT"
    (paper,) = citation["references"]
    assert [one["family-names"] for one in paper["authors"]] == ["Hess", "Götz", "Durstewitz"]
    assert (paper["license"], paper["identifiers"][0]["value"]) == ("CC-BY-4.0", "arXiv:2605.12683")


def test_zenodo_is_told_what_it_asks_for(alone):
    with zipfile.ZipFile(alone) as file:
        deposit = json.loads(file.read(".zenodo.json"))
    assert {"title", "upload_type", "description", "creators", "license", "related_identifiers"} <= deposit.keys()
    assert deposit["related_identifiers"][0]["identifier"] == "arXiv:2605.12683"


def test_the_same_files_give_the_same_bytes(project):
    first = BUNDLE.read_bytes()
    for path in BASE.rglob("*"):
        path.touch()
    assert pack(Path("again.zip")).read_bytes() == first


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "is not here, and results were made from it"),
        (lambda path: sidecar.file_of(path).unlink(), "has no record model.eqx.record.json"),
        (lambda path: flip(path, 900), "it or its record was changed after it was written"),
        (lambda path: sidecar.file_of(path).write_text("{"), "its sidecar model.eqx.record.json cannot be read"),
    ],
)
def test_what_is_missing_or_damaged_is_not_packed(project, spoil, message):
    path = BASE / RUN / "model.eqx"
    before = BUNDLE.read_bytes()
    spoil(path)
    with pytest.raises(UserError, match=re.escape(message)) as refused:
        pack()
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)
    assert BUNDLE.read_bytes() == before
    assert [one.name for one in BUNDLE.parent.iterdir()] == ["tiny.zip"]


def test_what_was_made_again_since_is_not_packed(project):
    results.make(project, PRESET.resolve(), only=["simulate"], shift=1)
    with pytest.raises(UserError, match=r"simulate/lorenz63(_x)?\.nc: has changed since .* was made from it"):
        pack()


# --- audit and unpack -------------------------------------------------------------------------------------------------


def test_audit_of_a_bundle_tells_its_results_by_stage(project, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["audit", str(BUNDLE), "--preset", "tiny.yaml", "--strict"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{BUNDLE}: holds\n")
    for text in ("files as they were packed", "c" * 40 + ", clean", "0-1 in 4 runs", "same settings and sources"):
        assert text in out
    assert re.search(r"^train +8 files  hold$", out, re.MULTILINE)


def test_audit_of_a_bundle_alone_finds_all_of_it_inside(alone):
    found = report.audit(alone, None)
    assert found.exit_code(strict=True) == 0
    assert not found.findings


def test_an_audit_of_a_bundle_needs_neither_jax_nor_rocrate(alone):
    code = (
        "import sys\nfrom workflow_src.__main__ import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as ended: assert not ended.code, ended.code\n"
        "assert not {'jax', 'rocrate', 'snakemake', 'matplotlib'} & set(sys.modules)"
    )
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", code, "audit", str(alone)], check=True, env=environment, capture_output=True)


def test_audit_of_a_folder_leaves_the_bundle_to_its_own(project):
    found = report.audit(BASE, PRESET)
    assert found.exit_code(strict=True) == 0
    assert "bundle" not in found.stages


def test_a_bundle_is_unpacked(project):
    kept = {path: path.read_bytes() for path in BASE.rglob("*") if path.is_file() and "logs" not in path.parts}
    shutil.move(BUNDLE, "deposit.zip")
    shutil.rmtree("results")
    count, presets = unpack.unpack(Path("deposit.zip"), Path.cwd())
    assert (count, presets) == (len(kept) - 1, ["tiny"])
    assert all(path.read_bytes() == content for path, content in kept.items() if path != BUNDLE)
    assert report.audit(BASE / "figures/figure2.pdf", PRESET).exit_code(strict=True) == 0


def test_damage_from_before_packing_is_found_inside(project):
    """Whoever packs a changed file with our program, past the step."""
    with zipfile.ZipFile(BUNDLE) as file:
        file.extractall("inside")
    path = Path("inside", BASE, "tables/table1.csv")
    path.write_text(path.read_text().replace("2.5", "2.4"))
    listed = json.loads(Path("inside", shape.NAME).read_text())
    for one in listed["@graph"]:
        if one["@id"] == f"{BASE}/tables/table1.csv":
            one["sha256"] = sha256_of(path)
    Path("inside", shape.NAME).write_text(json.dumps(listed))
    files = {str(one.relative_to("inside")): one for one in Path("inside").rglob("*") if one.is_file()}
    archive.pack(Path("forged.zip"), files)
    assert damage(Path("forged.zip")) == [
        f"forged.zip: {BASE}/tables/table1.csv: was changed after it was written (its bytes have another hash)"
    ]


def test_a_flipped_bit_is_found_wherever_it_is(alone):
    whole = alone.read_bytes()
    for position in positions(len(whole), 60):
        flip(alone, position)
        assert len(damage(alone)) == 1, position
        alone.write_bytes(whole)
    # The directory and the seal, which hold no file's content.
    for position in range(len(whole) - 200, len(whole), 4):
        flip(alone, position)
        assert damage(alone), position
        alone.write_bytes(whole)


def test_a_flipped_bit_of_a_file_is_named_with_the_file(alone):
    name = f"results/tiny/{RUN}/model.eqx"
    with zipfile.ZipFile(alone) as file:
        member = file.getinfo(name)
    flip(alone, member.header_offset + 30 + len(name) + member.compress_size // 2)
    line = f"{alone}: {name}: was changed after it was packed"
    assert damage(alone) == [line]
    with pytest.raises(UserError, match="was changed after it was packed") as refused:
        unpack.unpack(alone, Path.cwd())
    assert str(refused.value) == line
    assert not Path("results").exists()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_bundle_is_told_in_one_line(alone, share):
    alone.write_bytes(alone.read_bytes()[: int(share * alone.stat().st_size)])
    (line,) = damage(alone)
    assert "is no readable archive, or its end is missing" in line


def test_a_missing_file_is_named(alone):
    name = "results/tiny/simulate/lorenz63.nc"
    repack(alone, lambda files: files.pop(name))
    assert damage(alone) == [f"{alone}: {name}: is missing: {shape.NAME} lists it"]


def test_an_added_file_is_named(alone):
    repack(alone, lambda files: files.update({"results/tiny/tables/more.csv": b"1"}))
    (line,) = damage(alone)
    assert line.startswith(f"{alone}: results/tiny/tables/more.csv: does not belong here")


def test_an_edited_file_is_named(alone):
    name = "results/tiny/tables/table1.csv"
    repack(alone, lambda files: files.update({name: files[name].replace(b"2.5", b"2.4")}))
    assert damage(alone) == [f"{alone}: {name}: was changed after it was packed"]


def test_an_archive_of_others_is_told_what_it_lacks(alone):
    repack(alone, lambda files: None)
    assert damage(alone) == [f"{alone}: has no seal: was changed, or packed anew; unpack it and audit the folder"]
    repack(alone, lambda files: files.pop(shape.NAME))
    assert damage(alone) == [f"{alone}: has no {shape.NAME}: is no bundle; unpack it and audit the folder"]
