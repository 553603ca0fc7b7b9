"""What an audit of a sound result says: lineage, commits, seeds, versions, and what is stale or not here."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.audit import results
from workflow_src.__main__ import main
from workflow_src.audit import examine, forms, report, start, today
from workflow_src.audit.chain import walk
from workflow_src.config import read_preset
from workflow_src.errors import UserError
from workflow_src.provenance import carriers, machine, seals, sidecar

ROOT = Path(__file__).parents[2]
BASE = Path("results/tiny")
PDF = BASE / "figures/figure2.pdf"
PRESET = Path("tiny.yaml")
CELLS = [(name, seed) for name in ("lorenz63_full", "lorenz63_partial") for seed in (0, 1)]


def audit(path, preset=PRESET):
    return report.audit(path, preset)


def warnings(found):
    return [str(one).removeprefix("warning  ") for one in found.findings if one.level == "warning"]


def test_the_tree_of_a_figure_goes_down_to_the_generators(project):
    tree = audit(PDF).tree
    files = {node.shown: node for node in walk(tree)}
    upstream = {f"results/tiny/simulate/{name}.nc" for name in ("lorenz63", "lorenz63_x")}
    upstream |= {f"results/tiny/aggregate/{name}.nc" for name, _ in CELLS}
    for name, seed in CELLS:
        job = f"{name}/shplrnn/T100/seeds{seed}"
        upstream |= {f"results/tiny/{file}" for file in (f"train/{job}/model.eqx", f"train/{job}/history.nc")}
        upstream.add(f"results/tiny/evaluate/{job}.nc")
    assert set(files) == {str(PDF)} | upstream
    assert all(node.verdict == "holds" for node in files.values())
    steps = {"simulate": [], "train": ["dataset"], "evaluate": ["dataset", "model", "history"]}
    for node in files.values():
        roles = [one.role for one in node.inputs]
        assert roles == steps.get(node.record["step"], roles)


def test_a_picture_with_its_sidecar_tells_when_and_where_it_was_drawn(project):
    record = audit(PDF).tree.record
    assert record["execution"] == sidecar.read(PDF)["record"]["execution"]
    assert report.summary.machines([record]).startswith("1 jobs cpu on ")


def test_a_pdf_alone_tells_commit_command_and_seeds(project, tmp_path, capsys):
    moved = tmp_path / "attachment(1)"
    shutil.copy(PDF, moved)
    shutil.rmtree("results")
    with pytest.raises(SystemExit) as ended:
        main(["audit", str(moved), "--preset", "tiny.yaml", "--all"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{moved}: holds, 1 warning\n")
    assert "step figure of preset tiny" in out
    assert "c" * 40 + ", clean" in out
    assert "0-1 in 4 runs: 0 missing, 0 diverged" in out
    assert "python -m workflow_src.steps.figure" in out
    assert "same settings and sources" in out
    assert "16 files upstream are not here" in out
    assert out.count("[not here]") > 16
    assert report.audit(moved, PRESET).exit_code(strict=True) == 1


@pytest.mark.parametrize("name", ["figures/figure2.pdf", "figures/figure2.png", "tables/table1.csv"])
def test_results_that_were_moved_as_a_whole_hold(project, tmp_path, name):
    shutil.move("results/tiny", tmp_path / "supplement")
    found = audit(tmp_path / "supplement" / name)
    assert found.exit_code(strict=True) == 0
    assert {node.verdict for node in walk(found.tree)} == {"holds"}


def test_a_table_without_its_sidecar_is_known_by_its_bytes(project):
    renamed = Path("renamed.csv")
    shutil.copy(BASE / "tables/table1.csv", renamed)
    found = audit(renamed)
    assert found.exit_code(strict=True) == 0
    assert [str(one) for one in found.findings] == [
        "note     renamed.csv: has no sidecar of its own; its bytes are those of table1.csv"
    ]
    assert "0-1 in 4 runs" in found.facts["seeds"]


def test_a_folder_is_told_by_stage(project):
    found = audit(BASE)
    assert found.exit_code(strict=True) == 0
    assert not found.findings
    assert found.stages == {
        "aggregate": (2, 0),
        "claims": (2, 0),
        "evaluate": (4, 0),
        "figures": (3, 0),
        "report": (1, 0),
        "simulate": (2, 0),
        "tables": (7, 0),
        "train": (8, 0),
    }


def test_a_record_whose_file_is_gone_and_files_upstream_that_are_not_here_are_warnings(project):
    (BASE / "simulate/lorenz63.nc").unlink()
    found = audit(BASE)
    assert found.exit_code(strict=False) == 0
    assert found.exit_code(strict=True) == 1
    assert sorted(warnings(found)) == [
        "results/tiny/simulate/lorenz63.nc.record.json: the file of this record is gone; delete it",
        "upstream: 1 files upstream are not here, results/tiny/simulate/lorenz63.nc among them",
    ]


def test_a_training_on_its_way_is_no_damage(project):
    (BASE / "train/lorenz63_full/shplrnn/T100/seeds0/unfinished.eqx").write_bytes(b"half")
    assert audit(BASE).exit_code(strict=True) == 0


def test_diverged_seeds_are_noted_and_no_fault(project):
    shutil.rmtree("results")
    results.make(project, PRESET.resolve(), diverged=[1], escaped=[0])
    found = audit(PDF)
    assert "4 runs: 0 missing, 2 diverged" in found.facts["seeds"]
    assert [str(one) for one in found.findings] == [
        "note     seeds: diverged in training: lorenz63_full/shplrnn/T100 seed 1",
        "note     seeds: diverged in generation: lorenz63_full/shplrnn/T100 seed 0",
    ]
    assert found.exit_code(strict=True) == 0


def test_runs_that_are_not_here_are_told_by_the_arrays_that_they_were_combined_into(project):
    seeds = audit(BASE).facts["seeds"]
    assert "4 runs: 0 missing" in seeds
    for stage in ("train", "evaluate"):
        shutil.rmtree(BASE / stage)
    found = audit(BASE)
    assert found.facts["seeds"] == seeds
    assert found.exit_code(strict=False) == 0
    shutil.rmtree(BASE / "simulate")
    results.make(project, PRESET.resolve(), only=("aggregate",), shift=2)
    assert any("no record of lorenz63_full" in str(one) for one in audit(BASE).findings)


def test_inputs_that_were_made_again_make_a_figure_stale(project):
    path = BASE / "aggregate/lorenz63_full.nc"
    results.make(project, PRESET.resolve(), only=("aggregate",))
    assert audit(PDF).exit_code(strict=True) == 0, "the same content, written again"
    results.make(project, PRESET.resolve(), only=("aggregate",), shift=1)
    found = audit(PDF)
    assert found.exit_code(strict=False) == 0
    text = "stale: has been made again since, with other content; what was made from it is older"
    assert f"{path}: {text}" in warnings(found)
    assert f"{PDF}: stale: {path} has changed since it was read" in warnings(audit(BASE))


def test_commits_and_versions_that_are_mixed_are_named(project, monkeypatch):
    real = machine.software()
    other = real | {"packages": real["packages"] | {"jax": "0.9.0"}}
    monkeypatch.setattr(machine, "software", lambda: other)
    results.make(project, PRESET.resolve(), git=results.CLEAN | {"commit": "e" * 40}, only=("aggregate", "figure"))
    told = warnings(audit(PDF))
    assert "commit: made at 2 commits: cccccccccc (10), eeeeeeeeee (3)" in told
    assert f"versions: mixed: jax {real['packages']['jax']} and 0.9.0" in told


def test_a_seed_that_no_record_tells_is_a_broken_chain(project):
    tree = audit(PDF).tree
    records = [node.record for node in walk(tree)]
    records = [one for one in records if not (one["step"] == "train" and one["seeds"] == [1])]
    line, findings = report.summary.runs(records)
    assert line == "0 in 2 runs: 2 missing, 0 diverged"
    assert [str(one) for one in findings] == [
        "damage   seeds: no record of lorenz63_full/shplrnn/T100, seeds 1",
        "damage   seeds: no record of lorenz63_partial/shplrnn/T100, seeds 1",
    ]


def test_an_input_without_any_record_breaks_the_chain(project, tmp_path):
    """An aggregate of files whose records were stripped."""
    path = BASE / "evaluate/lorenz63_full/shplrnn/T100/seeds0.nc"
    dataset = results.store.load(path).drop_attrs(deep=False)
    results.store.save(path, dataset)
    sidecar.file_of(path).unlink()
    results.make(project, PRESET.resolve(), only=("aggregate", "figure"))
    found = audit(PDF)
    assert found.exit_code(strict=False) == 1
    assert f"damage   {path}: the chain is broken here: nothing says what made it" in map(str, found.findings)


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ({"models": "hidden_dim"}, {"train"}),
        ({"evaluation": "lyapunov_steps"}, {"evaluate"}),
        ({}, set()),
    ],
    ids=["model", "evaluation", "nothing"],
)
def test_a_changed_number_makes_exactly_the_jobs_stale_that_receive_it(project, changed, stale):
    preset = yaml.safe_load(PRESET.read_text())
    if "models" in changed:
        preset["models"]["shplrnn"]["hidden_dim"] += 1
    if "evaluation" in changed:
        preset["evaluation"]["lyapunov_steps"] += 1
    PRESET.write_text(yaml.safe_dump(preset, sort_keys=False))
    found = [line for line in warnings(audit(BASE)) if "stale" in line]
    stages = {line.split("/")[2] for line in found if "tables/" not in line}
    assert stages == stale
    # The table of the preset itself follows every change.
    assert any("the preset file tiny.yaml has changed" in line for line in found) is bool(changed)


def test_changed_sources_are_named_by_step(project, monkeypatch):
    real = today.fingerprint
    monkeypatch.setattr(today, "fingerprint", lambda *names: "0" * 16 if "train" in names[0] else real(*names))
    found = warnings(audit(BASE))
    assert len(found) == 8
    assert all("/train/" in line and "the sources of step train have changed" in line for line in found)


@pytest.mark.parametrize("changed", [False, True])
def test_verdicts_on_claims_that_were_changed_are_stale(project, tmp_path, monkeypatch, changed):
    file = tmp_path / "claims.yaml"
    file.write_text(today.CLAIMS.read_text(encoding="utf-8") + "# more\n" * changed, encoding="utf-8")
    monkeypatch.setattr(today, "CLAIMS", file)
    stale = [f"{BASE}/claims.{form}: stale: the file claims.yaml has changed" for form in ("csv", "md")]
    assert warnings(audit(BASE)) == (stale if changed else [])


def test_json_holds_every_record_and_parses(project, capsys):
    with pytest.raises(SystemExit):
        main(["audit", str(PDF), "--preset", "tiny.yaml", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"] == "holds"
    assert document["tree"]["inputs"][0]["file"] == "results/tiny/aggregate/lorenz63_full.nc"
    record = document["files"]["results/tiny/train/lorenz63_full/shplrnn/T100/seeds1/model.eqx"]["record"]
    assert record["seeds"] == [1]
    assert record["execution"]["started"] <= record["execution"]["ended"]


def test_the_graph_has_an_arrow_for_every_link(project):
    tree = audit(PDF).tree
    dot = forms.as_dot(audit(PDF))
    assert dot.count("->") == sum(len(node.inputs) for node in walk(tree))
    assert dot.startswith("digraph")
    assert dot.rstrip().endswith("}")


def test_the_page_escapes_what_files_say(project):
    shutil.copy(PDF, "<b>.pdf")
    page = forms.as_html(audit(Path("<b>.pdf")))
    assert "<b>.pdf" not in page
    assert "&lt;b&gt;.pdf: holds" in page
    assert page.count("<details") == page.count("</details>") > 16


def test_long_lists_of_sound_inputs_are_shortened_and_damage_is_not(project):
    preset = yaml.safe_load(PRESET.read_text())
    preset["experiments"]["lorenz63_full"]["seeds"] = 9
    PRESET.write_text(yaml.safe_dump(preset, sort_keys=False))
    results.make(project, PRESET.resolve())
    last = BASE / "evaluate/lorenz63_full/shplrnn/T100/seeds8.nc"
    last.write_bytes(last.read_bytes()[:-5])
    short, whole = forms.text(audit(PDF)), forms.text(audit(PDF), everything=True)
    assert "and 11 more like these; --all shows them" in short
    assert "seeds8.nc  [damaged]" in short
    assert "seeds5.nc" not in short
    assert "seeds5.nc" in whole


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nothing.pdf", "nothing.pdf: no such file; give a result or a folder of results"),
        ("empty", "empty: has no results; give a folder of results"),
        (f"{PDF}.record.json", "is a record; give the file that it is about, figure2.pdf"),
    ],
)
def test_what_is_no_result_is_refused_in_one_line(project, path, message):
    Path("empty").mkdir()
    with pytest.raises(UserError) as refused:
        audit(Path(path))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_preset_that_is_not_here_is_said(project):
    assert "no preset tiny in config/" in report.audit(PDF).facts["today"]


@pytest.mark.parametrize("schema", [1, 3])
def test_a_record_of_another_form_is_named_and_not_read(project, schema):
    path = BASE / "simulate/lorenz63.nc"
    results.store.save(path, results.store.load(path).drop_attrs(deep=False), {"schema": schema, "step": "simulate"})
    sidecar.file_of(path).unlink()
    found = audit(path)
    assert [one.text for one in found.findings if one.level == "warning"] == [examine.OTHER_FORM]
    assert found.exit_code(strict=False) == 0


@pytest.mark.parametrize("name", ["tables/table1.csv", "simulate/lorenz63.nc"])
def test_a_sidecar_of_another_form_is_named_and_not_read(project, name):
    path = BASE / name
    document = sidecar.read(path)
    document = seals.sealed(document | {"record": {"schema": 3, "step": "another"}})
    sidecar.file_of(path).write_text(json.dumps(document))
    assert examine.OTHER_FORM in [one.text for one in audit(path).findings]
    assert start.outdated(read_preset(PRESET), PRESET, BASE) == ({}, {})


@pytest.mark.parametrize("runs", [True, False], ids=["with runs", "shipped without"])
def test_arrays_shipped_without_their_runs_outlive_a_change_of_the_sources(project, monkeypatch, runs):
    if not runs:
        for stage in ("train", "evaluate"):
            shutil.rmtree(BASE / stage)
    monkeypatch.setattr(today, "fingerprint", lambda *modules: "0" * 16)
    found = start.outdated(read_preset(PRESET), PRESET, BASE)
    arrays = {str(BASE / path) for path in ("simulate/lorenz63.nc", "aggregate/lorenz63_full.nc")}
    assert arrays <= (found.stale if runs else found.kept).keys()
    assert str(PDF) in found.stale
    assert runs == (not found.kept)


def test_arrays_outlive_a_change_of_the_sources_beside_others_whose_runs_are_here(project, monkeypatch):
    for stage in ("train", "evaluate"):
        shutil.rmtree(BASE / stage / "lorenz63_full")
    monkeypatch.setattr(today, "fingerprint", lambda *modules: "0" * 16)
    found = start.outdated(read_preset(PRESET), PRESET, BASE)
    shipped = {str(BASE / path) for path in ("simulate/lorenz63.nc", "aggregate/lorenz63_full.nc")}
    own = {str(BASE / path) for path in ("simulate/lorenz63_x.nc", "aggregate/lorenz63_partial.nc")}
    assert shipped == found.kept.keys()
    assert own <= found.stale.keys()


def test_no_array_outlives_a_change_of_the_preset(project, tmp_path):
    for stage in ("train", "evaluate"):
        shutil.rmtree(BASE / stage)
    changed = yaml.safe_load(PRESET.read_text())
    changed["training"]["gradient_clip"] += 1
    file = tmp_path / PRESET.name
    file.write_text(yaml.safe_dump(changed))
    assert start.outdated(read_preset(PRESET), PRESET, BASE) == ({}, {})
    found = start.outdated(read_preset(file), file, BASE)
    reason = found.stale[str(BASE / "aggregate/lorenz63_full.nc")]
    assert "is not here, and the preset has changed: training.gradient_clip" in reason
    assert not found.kept


def test_an_audit_needs_neither_jax_nor_snakemake(project):
    code = (
        "import sys\nfrom workflow_src.__main__ import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as ended: assert not ended.code, ended.code\n"
        "assert not {'jax', 'equinox', 'snakemake', 'matplotlib'} & set(sys.modules)"
    )
    for subject in (PDF, BASE):
        command = [sys.executable, "-c", code, "audit", str(subject), "--preset", "tiny.yaml"]
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
        subprocess.run(command, check=True, env=environment, capture_output=True)


def test_the_content_of_every_format_is_that_of_its_sidecar(project):
    for path in (PDF, PDF.with_suffix(".png"), BASE / "tables/table1.tex"):
        assert carriers.content_of(path) == sidecar.read(path)["file"]["content_sha256"]


def test_results_whose_jobs_outlived_their_snakemake_are_known_by_their_records(project):
    train = next((BASE / "train").rglob("model.eqx")).parent
    unsure = [str(train / "model.eqx"), str(train / "history.nc")]
    half = next(BASE.glob("simulate/*.nc"))
    shortened = next((BASE / "evaluate").rglob("*.nc"))
    sidecar.file_of(half).unlink()
    shortened.write_bytes(shortened.read_bytes()[:-1])
    preset = read_preset(PRESET)
    asked = [*unsure, str(half), str(shortened), "elsewhere/a.nc"]
    assert sorted(start.finished(preset, PRESET, BASE, asked)) == sorted(unsure)
    # A training is done when both of its files are.
    sidecar.file_of(train / "history.nc").unlink()
    assert start.finished(preset, PRESET, BASE, unsure[:1]) == []
