"""The page in a browser: it loads alone, fits narrow and wide windows in light and dark, and its links work."""

import base64
import os
import shutil
from pathlib import Path

import pytest

from workflow_src.report import captions
from workflow_src.report.content import Cell, Table
from workflow_src.report.page import render

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"),
]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SHIPPED = Path(__file__).parents[2] / "results/laptop/report.html"
LONG = "a_name_of_more_letters_than_a_telephone_is_wide_" * 3


def content():
    """A page with every part, wide tables and long words."""
    assert base64.b64decode(PIXEL)
    wide = Table([Cell(f"column {k}", True) for k in range(25)], [[Cell("1.2345", True)] * 25] * 3)
    numbers = dict.fromkeys(("effect", "low", "high", "p", "p_holm", "used", "failed"), "1.25")
    words = dict.fromkeys(("claim", "where", "finding", "comparison", "test", "reason"), f"Some words and {LONG}")
    kinds = ("supported", "not supported", "inconclusive", "untestable here")
    return {
        "preset": LONG,
        "preset_file": f"config/{LONG}.yaml",
        "page": f"results/{LONG}/report.html",
        "beyond": False,
        "elsewhere": ["Figure S1", "Figure B1"],
        "commit": {"id": "c" * 40, "others": 1, "dirty": 2},
        "claims_file": {"path": "config/claims.yaml", "sha256": "a" * 64, "commit": "b" * 40},
        "claims": [
            numbers | words | {"effect_unit": "nats", "unit": "forward passes", "judged": True, "verdict": verdict}
            for verdict in kinds
        ],
        "verdicts": [(verdict, 1) for verdict in kinds],
        "marks": dict.fromkeys(kinds, "✓"),
        "runs": 4,
        "experiments": 2,
        "lost": [{"experiment": LONG, "model": LONG, "label": "m", "length": 10, "seed": 1, "how": "in training"}],
        "figures": [
            {
                "name": name,
                "label": captions.label(name),
                "words": captions.of("figure", name),
                "seen": "A, loss: median 0.1 at 2.",
                "counts": [f"{LONG}: n = 3 runs, 1 diverged"],
                "image": PIXEL,
                "size": (1400, 700),
                "file": f"figures/{name}",
                "command": f"snakemake -c2 {LONG}",
            }
            for name in ("figure1", "figureA2", "figureS1")
        ],
        "tables": [
            {
                "name": "table1",
                "label": "Table 1",
                "words": captions.of("table", "table1"),
                "table": wide,
                "command": LONG,
            },
            {
                "name": "table5",
                "label": "Table 5",
                "words": captions.of("table", "table5"),
                "table": wide._replace(rows=wide.rows * 9),
                "command": LONG,
            },
        ],
        "assumed": [{"key": LONG, "value": LONG, "source": LONG, "where": LONG}],
        "sources": [("assumed", 3)],
        "unequal": [{"key": LONG, "value": LONG, "source": LONG, "where": LONG}],
        "varied": [{"label": LONG, "reference": "0.1", "values": ["0.1", LONG]}],
        "times": {
            "rows": [{"step": "train", "jobs": 3, "wall": "1 s", "cpu": "2 s", "memory": "700", "share": 99.0}],
            "jobs": 3,
            "wall": "1 s",
            "cpu": "2 s",
            "clock": "1 s",
            "busy": "1 s",
            "first": "2026-01-01 00:00 UTC",
        },
        "versions": [("Python", "3.12.1")],
        "locks": ["envs/cpu.txt " + "d" * 12],
        "machines": [{"host": LONG, "cpu": LONG, "cores": "2", "driver": "", "jobs": 3}],
    }


@pytest.fixture(scope="module", params=["results", "beyond", "shipped"])
def file(request, tmp_path_factory):
    """A page of every part, one beyond the paper, and the page of the laptop results that comes with a clone."""
    if request.param == "shipped":
        return SHIPPED
    path = tmp_path_factory.mktemp("page") / "report.html"
    changed = {"beyond": True, "elsewhere": [], "tables": [], "claims": []} if request.param == "beyond" else {}
    path.write_text(render(content() | changed, '<meta name="provenance" content="{}">'))
    return path


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.getuid() == 0 else []
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield found
        found.close()


@pytest.fixture(
    params=[(390, "light"), (390, "dark"), (1440, "light"), (1440, "dark")], ids=lambda one: f"{one[0]}-{one[1]}"
)
def seen(request, browser, file):
    """The open page, what the browser complained of, and what it asked for."""
    width, scheme = request.param
    page = browser.new_page(viewport={"width": width, "height": 850}, color_scheme=scheme)
    told, asked = [], []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    yield page, told, asked
    page.close()


def test_the_page_loads_alone_and_without_complaints(seen, file):
    page, told, asked = seen
    assert told == []
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")


def test_the_page_itself_never_scrolls_sideways(seen):
    page, _, _ = seen
    for opened in (False, True):
        page.evaluate(f"document.querySelectorAll('details').forEach(d => d.open = {str(opened).lower()})")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), opened
    if page.viewport_size["width"] < 1000:
        assert page.evaluate("[...document.querySelectorAll('.scroll')].some(d => d.scrollWidth > d.clientWidth)")


def test_pictures_keep_a_size_to_read_on_a_phone_and_lead_to_their_pdf(seen):
    page, _, _ = seen
    shown = page.evaluate("[...document.querySelectorAll('.card img')].map(i => i.getBoundingClientRect().width)")
    assert min(shown) >= 700
    links = page.evaluate("[...document.querySelectorAll('.card a')].map(a => a.getAttribute('href'))")
    assert len(links) == len(shown)
    assert all(link.endswith(".pdf") for link in links)


def test_tables_and_pictures_fit_on_a_printed_page(browser, file):
    # A4 without margins of 10 mm. No table of ours has more columns of numbers than 16.
    page = browser.new_page(viewport={"width": 718, "height": 1000})
    page.emulate_media(media="print")
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    ours = "[...document.querySelectorAll('table')].filter(t => t.rows[0].cells.length <= 16)"
    wide = page.evaluate(f"{ours}.concat(...document.images).map(t => t.getBoundingClientRect().right)")
    page.close()
    assert wide
    assert max(wide) <= 718


def test_every_link_within_the_page_has_its_target(seen):
    page, _, _ = seen
    missing = "[...document.querySelectorAll('a[href^=\"#\"]')].filter(a => !document.getElementById(a.hash.slice(1)))"
    assert page.evaluate(f"{missing}.map(a => a.hash)") == []
    assert page.evaluate("document.querySelectorAll('a[href^=\"#\"]').length") > 6


def test_text_stands_out_from_its_background(seen):
    """Contrast of 4.5 for body text, links and badges, as WCAG AA asks; pictures lie on a light card."""
    page, _, _ = seen
    ratios = page.evaluate(
        """() => {
          const rgb = text => text.match(/[0-9.]+/g).slice(0, 3).map(Number);
          const light = c => rgb(c).map(v => v / 255)
            .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
          const ground = light(getComputedStyle(document.body).backgroundColor);
          const badges = ['supported', 'not-supported', 'inconclusive', 'untestable-here'];
          // A page without claims has no badges; those that there are lie in the tally and in the table.
          const shown = ['body', 'nav a', 'figcaption .counts', '.kicker', '.tally li > span:not(.badge)',
            ...badges.map(one => '.tally .' + one), ...badges.map(one => '#claims .' + one)];
          const there = shown.flatMap(one => [...document.querySelectorAll(one)].slice(0, 1));
          return there.map(one => {
            const text = light(getComputedStyle(one).color);
            return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
          });
        }"""
    )
    assert len(ratios) >= 5
    assert min(ratios) >= 4.5
    card = page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
    assert min(map(int, card[4:-1].split(","))) > 230


def test_a_badge_has_the_colour_of_its_verdict_in_the_tally_too(seen):
    page, _, _ = seen
    colours = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('.badge')].map(one =>
          [one.className + (one.closest('.tally') ? ' of tally' : ''), getComputedStyle(one).color]))"""
    )
    in_tally = {name.removesuffix(" of tally"): colour for name, colour in colours.items() if name.endswith("tally")}
    assert all(colours[name] == colour for name, colour in in_tally.items() if name in colours)
    assert len(set(in_tally.values())) == len(in_tally)


def test_the_claims_of_the_laptop_preset_fit_in_a_wide_window(browser):
    page = browser.new_page(viewport={"width": 1440, "height": 850})
    page.goto(SHIPPED.as_uri())
    table = "document.querySelector('#claims .scroll')"
    seen, whole = page.evaluate(f"[{table}.clientWidth, {table}.scrollWidth]")
    page.close()
    assert whole <= seen


def test_the_first_key_reaches_the_skip_link_and_it_shows(seen):
    page, _, _ = seen
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
