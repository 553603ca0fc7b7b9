"""Figures drawn again: numbers that only rounding sets apart hold, others are named with panel and line."""

import shutil

import pytest

from tests.audit.results import small_preset
from tests.figures import synthetic
from workflow_src import store
from workflow_src.__main__ import main
from workflow_src.steps import figure
from workflow_src.steps.arguments import run
from workflow_src.verify.figures import compare

CSV = b"panel,series,x,y\nA,full,1,0.25\nA,full,2,\nB,partial,1,1e-3\n"


@pytest.mark.parametrize(
    ("stored", "outcomes", "words"),
    [
        (CSV, ["PASS", "PASS"], "panels A, B: 3 rows"),
        (CSV.replace(b"0.25", b"0.25000000000000006"), ["INCONCLUSIVE", "PASS"], "within 1e-06"),
        (CSV.replace(b"0.25", b"0.2501"), ["INCONCLUSIVE", "FAIL"], "panel A, line 2, y: 0.2501 instead of 0.25"),
        (CSV.replace(b"2,\n", b"2,7\n"), ["INCONCLUSIVE", "FAIL"], "panel A, line 3, y: 7 instead of nothing"),
        (CSV.replace(b"0.25", b"nan"), ["INCONCLUSIVE", "FAIL"], "line 2, y: nan instead of 0.25"),
        (CSV.replace(b"partial", b"other"), ["INCONCLUSIVE", "FAIL"], "panel B, line 4, series: other instead of"),
        (CSV + b"B,partial,2,1\n", ["INCONCLUSIVE", "FAIL"], "4 rows instead of 3"),
        (CSV.replace(b"series", b"name"), ["INCONCLUSIVE", "FAIL"], "columns panel, name"),
        (b"", ["INCONCLUSIVE", "FAIL"], "no CSV"),
        (b"\xff\xfe", ["INCONCLUSIVE", "FAIL"], "no CSV"),
    ],
    ids=["same", "rounding", "digit", "added", "nan", "label", "row", "column", "empty", "binary"],
)
def test_numbers_are_compared_by_value(stored, outcomes, words):
    found = compare("figure2.csv", stored, CSV)
    assert [tier.outcome for tier in found.tiers] == outcomes
    assert found.outcome == outcomes[1]
    assert words in found.tiers[1].text


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Results with a figure drawn from synthetic runs."""
    folder = tmp_path_factory.mktemp("drawn")
    small_preset(folder)
    base = folder / "results/tiny"
    store.save(base / "aggregate/lorenz63_full.nc", synthetic.experiment(lengths=(100,), seeds=2))
    store.save(base / "aggregate/lorenz63_partial.nc", synthetic.experiment(lengths=(100,), seeds=2, bounded=False))
    inputs = [f"{role}={base}/aggregate/lorenz63_{role}.nc" for role in ("full", "partial")]
    paths = [text for end in ("pdf", "png", "csv") for text in (f"--{end}", f"{base}/figures/figure2.{end}")]
    figure.main(["--figure", "figure2", "--models", "all", "--inputs", *inputs, *paths])
    return folder


@pytest.fixture
def project(drawn, tmp_path, monkeypatch):
    shutil.copytree(drawn, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project/results/tiny"


def ended(*options):
    with pytest.raises(SystemExit) as stopped:
        run(lambda: main(["verify", "--preset", "tiny.yaml", *options]))
    return stopped.value.code


def snapshot(folder):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def test_a_figure_drawn_again_has_its_numbers_and_nothing_in_the_results_is_touched(project, capsys):
    before = snapshot(project)
    assert ended("--figures") == 0
    assert "PASS          results/tiny/figures/figure2.csv" in capsys.readouterr().out
    assert snapshot(project) == before


def test_an_edited_number_ends_with_status_1(project, capsys):
    csv = project / "figures/figure2.csv"
    lines = csv.read_text().splitlines()
    cells = lines[1].split(",")
    at = next(i for i, cell in enumerate(cells) if cell.replace(".", "").isdigit())
    cells[at] += "7"
    csv.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")
    assert ended("--figures") == 1
    told = capsys.readouterr().out
    assert "line 2" in told
    assert told.endswith("FAIL: of 1 results 1 FAIL\n")


def test_a_figure_whose_input_is_not_here_or_damaged_is_named(project, capsys):
    source = project / "aggregate/lorenz63_full.nc"
    source.write_bytes(b"damaged")
    assert ended("--figures") == 1
    assert "lorenz63_full.nc: is no readable netCDF file" in capsys.readouterr().out
    source.unlink()
    assert ended("--figures") == 0
    assert "INCONCLUSIVE  results/tiny/aggregate/lorenz63_full.nc is not here" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "nothing is asked for; give --data, --figures or --sample K"),
        (["--data"], "results/tiny/simulate: has no dataset"),
        (["--sample", "5"], "results/tiny has 4 trained runs, not 5; give fewer"),
        (["--sample", "0"], "give 1 or more"),
    ],
    ids=["nothing", "data", "sample", "none"],
)
def test_what_cannot_be_verified_is_one_line(project, options, words):
    message = ended(*options)
    assert words in message
    assert "\n" not in message


def test_results_that_are_not_here_are_one_line(project):
    shutil.rmtree(project)
    assert "results/tiny: no such folder" in ended("--figures")
