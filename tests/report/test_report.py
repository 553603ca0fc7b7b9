"""The page of results is whole by itself: its parts, names, links and words, what it says of claims and runs."""

import csv
import itertools
import json
import re
import shutil
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from tests.audit import results
from workflow_src import store
from workflow_src.config.shown import ExtrasSpec, FiguresSpec, TablesSpec
from workflow_src.errors import UserError
from workflow_src.figures.runs import long_form
from workflow_src.provenance import carriers, lineage, sidecar
from workflow_src.report import captions, content
from workflow_src.steps import report

BASE = Path("results/tiny")
COLUMNS = (
    *("claim", "where", "finding", "comparison", "test", "effect", "effect_unit", "low", "high", "p", "p_holm"),
    *("values_used", "values_failed", "unit", "verdict", "reason"),
)
VOID = ("meta", "link", "img", "br", "hr", "input")


class Parsed(HTMLParser):
    """Elements as tag and attributes, the text, the levels of headings, and unclosed elements."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.open, self.words, self.crossed = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.crossed.append(tag)

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, *tags):
        return [attrs for tag, attrs in self.elements if tag in tags]


def aggregate(path, model="shplrnn", status=(0, 0)):
    """Write an aggregate with the status of two runs in place of the one that is there; its record stays."""
    old = sidecar.read(path)["record"]
    dims = ("model", "sequence_length", "seed")
    values = np.array(status, np.int8).reshape(1, 1, 2)
    at = np.where(values == 1, 17, -1)
    coords = {"model": [model], "sequence_length": [100], "seed": [0, 1]}
    dataset = xr.Dataset({"status": (dims, values), "diverged_at": (dims, at)}, coords=coords)
    embedded = carriers.read(path)[0]
    store.save(path, dataset, embedded)
    sidecar.write(path, old)


def write_claims(rows):
    with (BASE / "claims.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows({name: "" for name in COLUMNS} | row for row in rows)
    sidecar.write(BASE / "claims.csv", sidecar.read(BASE / "tables/table1.csv")["record"])


def page(*extra, shown="figure2,table1,table5", varied=()):
    paths = [
        *(BASE / f"figures/figure2.{suffix}" for suffix in ("pdf", "png", "csv")),
        *(BASE / f"tables/{name}.{suffix}" for name in ("table1", "table5") for suffix in ("csv", "md", "tex")),
        *(BASE / f"aggregate/lorenz63_{name}.nc" for name in ("full", "partial")),
        *extra,
    ]
    return write(BASE / "report.html", shown, paths, "figureB1", varied)


def page_beyond():
    """The page of one extra, whose files are those of a figure."""
    for suffix in ("pdf", "png", "csv"):
        old, new = BASE / f"figures/figure2.{suffix}", BASE / f"extras/figureB1.{suffix}"
        new.parent.mkdir(exist_ok=True)
        shutil.copyfile(old, new)
        sidecar.write(new, sidecar.read(old)["record"])
    paths = [*(BASE / "extras").glob("figureB1.???"), *(BASE / "aggregate").glob("lorenz63_*l.nc")]
    return write(BASE / "extras/report.html", "figureB1", paths)


def write(file, shown, paths, elsewhere="none", varied=()):
    args = ["--shown", shown, "--elsewhere", elsewhere, "--varied", json.dumps({"factors": varied})]
    report.main([*args, "--results", *map(str, paths), "--output", str(file)])
    return file.read_text()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    results.make(folder, results.small_preset(folder))
    return folder


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    for name in ("full", "partial"):
        aggregate(BASE / f"aggregate/lorenz63_{name}.nc")
    for name in ("table1", "table5"):
        text = "setting,model,label,runs\nFO,shplrnn,shPLRNN,2\n" if name == "table1" else "key,value\na,1\n"
        (BASE / f"tables/{name}.csv").write_text(text)
    row = {"panel": "A", "series": "FO shplrnn", "statistic": "median", "x_name": "update", "y_name": "loss"}
    numbers = long_form([row | {"x": 2, "y": 0.5, "runs": 2, "diverged": 0}])
    numbers.to_csv(BASE / "figures/figure2.csv", index=False)


def test_the_page_is_well_formed_and_every_link_leads_somewhere(project):
    parsed = Parsed(page())
    assert not parsed.open
    assert not parsed.crossed
    ids = [attrs["id"] for _, attrs in parsed.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {"figure2", "table1", "table5", "claims", "diverged", "times", "audit"} <= set(ids)
    links = [attrs["href"] for attrs in parsed.all("a")]
    assert "figures/figure2.pdf" in links
    for link in links:
        assert link[1:] in ids if link.startswith("#") else (BASE / link).is_file(), link
    for _, attrs in parsed.elements:
        assert attrs.get("aria-labelledby", ids[0]) in ids


def test_nothing_is_loaded_from_anywhere(project):
    text = page()
    parsed = Parsed(text)
    policy = next(one["content"] for one in parsed.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert not parsed.all("script", "iframe", "object", "embed", "form")
    for _, attrs in parsed.elements:
        for name in ("src", "href", "srcset", "data"):
            assert not re.match(r"(?:\w+:)?//|https?:", attrs.get(name) or "")
    assert "url(" not in text.split("<style>")[1].split("</style>")[0]
    assert "@import" not in text


def test_readers_by_ear_and_keyboard_find_their_way(project):
    write_claims([{"claim": "c", "verdict": "supported"}])
    parsed = Parsed(page(BASE / "claims.csv"))
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    for landmark in ("header", "nav", "main", "footer"):
        assert len(parsed.all(landmark)) == 1
    (picture,) = parsed.all("img")
    assert "Curves of loss and Newton iterations" in picture["alt"], "how it is built"
    assert "loss over update: FO shPLRNN median" in picture["alt"], "what is to be seen"
    assert all(one.get("scope") in ("col", "row") for one in parsed.all("th"))
    assert len(parsed.all("caption")) == len(parsed.all("table")) > 3
    assert next(one for one in parsed.all("a"))["href"] == "#content"
    assert all("tabindex" in one and "aria-label" in one for one in parsed.all("div") if one.get("class") == "scroll")


def test_figures_beyond_the_paper_have_a_page_of_their_own(project):
    assert "Figure B1" in Parsed(page()).text
    parsed = Parsed(page_beyond())
    assert not parsed.open
    assert not parsed.crossed
    ids = [attrs["id"] for _, attrs in parsed.elements if "id" in attrs]
    assert "figureB1" in ids
    assert "claims" not in ids
    for link in (attrs["href"] for attrs in parsed.all("a")):
        assert link[1:] in ids if link.startswith("#") else (BASE / "extras" / link).is_file(), link
    assert "workflow_src audit results/tiny/extras/report.html" in parsed.text
    assert "-- results/tiny/extras/figureB1.pdf" in parsed.text


def test_a_preset_without_claims_says_so(project):
    parsed = Parsed(page())
    assert "This preset judges no claims" in parsed.text
    assert "claims.csv" not in [one["href"] for one in parsed.all("a")]


def test_claims_are_shown_with_verdicts_and_counted(project):
    write_claims(
        [
            {"claim": "fast", "verdict": "supported", "effect": "2.71828", "low": "1", "high": "3", "p": "0.00012"},
            {"claim": "slow", "verdict": "not supported", "reason": "the other way", "effect": "1", "p": "1"}
            | {"values_used": "16", "values_failed": "2", "unit": "runs"},
            {"claim": "far", "verdict": "untestable here"},
        ]
    )
    parsed = Parsed(page(BASE / "claims.csv"))
    assert "3 claims of the paper were judged: 1 supported , 1 not supported, 0 inconclusive, 1 untestable here" in (
        parsed.text.replace("supported,", "supported ,", 1)
    )
    assert "2.72" in parsed.text
    assert "0.00012" in parsed.text
    assert "not supported the other way" in parsed.text, "the reason stands beside the verdict"
    assert "16 runs 2 failed" in parsed.text
    assert parsed.text.count("failed") == 4, "a claim without numbers has dashes"
    badges = [one["class"] for one in parsed.all("span") if (one.get("class") or "").startswith("badge")]
    assert {"badge supported", "badge not-supported", "badge untestable-here"} <= set(badges)


def test_diverged_runs_are_listed_with_experiment_model_length_and_seed(project):
    assert "None: all 4 runs stayed finite" in Parsed(page()).text
    aggregate(BASE / "aggregate/lorenz63_full.nc", status=(1, 0))
    aggregate(BASE / "aggregate/lorenz63_partial.nc", status=(0, 2))
    text = Parsed(page()).text
    assert "2 of 4 runs did not stay finite" in text
    assert "lorenz63_full shPLRNN ( shplrnn ) 100 0 in training, update 17" in text
    assert "lorenz63_partial shPLRNN ( shplrnn ) 100 1 in free-running generation" in text
    assert "lorenz63_full: n = 2 runs, 1 diverged in training, 0 diverged in free-running generation" in text


def test_names_from_files_are_escaped(project):
    odd = '<script>alert("&")</script>'
    write_claims([{"claim": odd, "verdict": odd}])
    aggregate(BASE / "aggregate/lorenz63_full.nc", model=odd, status=(1, 0))
    text = page(BASE / "claims.csv")
    assert "<script" not in text
    assert Parsed(text).text.count(odd) >= 4


def test_record_and_seal_are_in_the_page(project):
    page()
    record, seal = carriers.read(BASE / "report.html")
    assert record is not None
    assert (record["step"], record["preset"]) == ("report", "tiny")
    assert seal == carriers.content_of(BASE / "report.html")
    assert {one.path for one in lineage.unpack(record["lineage"])} >= {str(BASE / "simulate/lorenz63.nc")}


def test_a_missing_result_is_named_in_one_line(project):
    (BASE / "figures/figure2.csv").unlink()
    with pytest.raises(UserError, match=r"figure2\.csv: is not here"):
        page()


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.44, "2.4 s"), (263, "4 min 23 s"), (11100, "3 h 05 min"), (3599.7, "1 h 00 min")]
)
def test_durations_read_well(seconds, text):
    assert content.duration(seconds) == text


def test_every_figure_and_table_has_words_of_its_own():
    assert set(FiguresSpec.model_fields) | set(ExtrasSpec.model_fields) <= set(captions.FIGURES)
    assert set(TablesSpec.model_fields) <= set(captions.TABLES)
    assert all(words.alt for words in captions.FIGURES.values())
    assert captions.of("table", "tableX").title == "Table X"


def test_equal_assumptions_stand_in_one_row():
    row = {"section": "experiment", "key": "updates", "value": "5", "source": "assumed: short"}
    found = content.assumptions([row | {"name": "a"}, row | {"name": "b"}, row | {"name": "c", "source": "App. H"}])
    assert found["assumed"] == [{"key": "updates", "value": "5", "source": "assumed: short", "where": "a, b"}]
    assert dict(found["sources"]) == {"assumed": 2, "App. H": 1}


def test_a_column_of_numbers_stays_one_where_a_median_has_diverged():
    shown = content.table(pd.DataFrame({"label": ["a", "b"], "divergence_median": [0.5, np.inf]}))
    assert [cell.number for cell in shown.heads] == [False, True]
    assert [row[1].text for row in shown.rows] == ["0.5", "diverged"]


def test_settings_in_which_compared_models_differ_come_first():
    row = {"section": "experiment", "name": "a", "source": "assumed: slow"}
    rows = [
        row | {"key": "hidden_dim", "value": "80, 128"},
        row | {"key": "training.updates", "value": "4000, 1000"},
        row | {"key": "training.batch_size", "value": "8"},
        row | {"key": "models", "value": "lssm, shplrnn"},
        row | {"key": "evaluation.embeddings", "value": "(2, 200)"},
        row | {"key": "rank", "value": "5, 6", "source": "App. H"},
        row | {"key": "rank", "value": "5, 6", "name": "not shown"},
        row | {"key": "observed", "value": "x, y", "section": "dataset"},
    ]
    assert [one["key"] for one in content.unequal(rows, ["a"])] == ["training.updates", "hidden_dim"]


def test_what_figureS1_varies_is_named_with_the_way_to_it(project):
    varied = [{"label": "forcing strength", "reference": "0.1", "values": ["0.02", "0.1", "adaptive"]}]
    parsed = Parsed(page(varied=varied))
    assert "forcing strength 0.1 0.02; 0.1; adaptive" in parsed.text
    assert "extras/report.html#figureS1" in [one["href"] for one in parsed.all("a")]
    assert "Figure S1" not in Parsed(page()).text


def test_the_clock_counts_jobs_side_by_side_once_and_pauses_apart():
    at = [datetime(2026, 1, 1, hour, minute, tzinfo=UTC) for hour in (10, 11, 14) for minute in (0, 30)]
    spans = [(at[4], at[5]), (at[0], at[2]), (at[1], at[3]), (at[1], at[2])]
    found = content.clock(spans)
    assert found == {"clock": "4 h 30 min", "busy": "2 h 00 min", "first": "2026-01-01 10:00 UTC"}
    assert content.clock([])["clock"] == ""
