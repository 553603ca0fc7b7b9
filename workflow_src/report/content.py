"""What the page says, gathered from results and their records."""

import base64
import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import xarray as xr

from workflow_src import store
from workflow_src.effort import shares_of
from workflow_src.errors import UserError
from workflow_src.figures.labels import label_of
from workflow_src.provenance import lineage, sha256_of, sidecar
from workflow_src.provenance.carriers import Damaged
from workflow_src.provenance.git import last_commit
from workflow_src.report import captions
from workflow_src.report.seen import seen
from workflow_src.tables.write import DIVERGED, MISSING, presented

Record = Mapping[str, Any]
VERDICTS = {"supported": "✓", "not supported": "✗", "inconclusive": "?", "untestable here": "–"}
CLAIM_NUMBERS = ("effect", "low", "high", "p", "p_holm")
# How many values a claim was judged by, and how many of them failed: words of the page, and columns of claims.csv.
CLAIM_COUNTS = {"used": "values_used", "failed": "values_failed"}
NAMED = ("jax", "equinox", "optax", "numpy", "scipy", "netCDF4", "matplotlib", "snakemake")
HOW = {1: "in training", 2: "in free-running generation"}
# The folder of figures beyond the paper.
EXTRAS = "extras"
# Keys of experiments that hold several values for all of their models.
LISTS = ("models", "sequence_lengths")
# Longer tables are folded, and wider ones are set more tightly on paper.
MOST_ROWS = 16
MOST_COLUMNS = 12


class Cell(NamedTuple):
    text: str
    number: bool


class Table(NamedTuple):
    """A table for readers: heads with whether their column holds numbers, and rows of cells."""

    heads: list[Cell]
    rows: list[list[Cell]]

    @property
    def long(self) -> bool:
        return len(self.rows) > MOST_ROWS

    @property
    def wide(self) -> bool:
        return len(self.heads) > MOST_COLUMNS


def gather(
    shown: Sequence[str],
    results: Sequence[Path],
    page: Path,
    varied: Sequence[Mapping[str, Any]],
    elsewhere: str = "none",
) -> dict[str, Any]:
    """Everything that the template shows.

    Args:
        shown: names of figures and tables, in order.
        results: files of one preset: figures, tables, hyper-parameters, aggregates and claims.
        page: where it will lie: links start from its folder, and a page among `extras` is of figures beyond the paper.
        varied: what Fig. S1 varies: label, reference and values of each factor.
        elsewhere: names of figures that have a page of their own, comma-separated; `none` where none has.
    Raises:
        UserError: a file or its record is missing.
    """
    beside = {path: _sidecar(path) for path in results}
    records = all_records(results, beside)
    aggregates = {path.stem: store.load(path) for path in results if path.parent.name == "aggregate"}
    runs = {name: dataset for name, dataset in aggregates.items() if "status" in dataset}
    beyond = page.parent.name == EXTRAS
    folder = page.parent.parent if beyond else page.parent
    by_name = {path.relative_to(folder).as_posix(): path for path in results}
    preset, file = str(folder.name), _preset_file(records)
    drawn = EXTRAS if beyond else "figures"
    claims = read_csv(by_name["claims.csv"]) if "claims.csv" in by_name else []
    listed = read_csv(by_name["tables/hyperparameters.csv"]) if "tables/hyperparameters.csv" in by_name else []
    lost = list(diverged(runs))
    command = f"snakemake -c2 --configfile {file} -- "
    figures = [name for name in shown if f"{drawn}/{name}.png" in by_name]
    tables = [name for name in shown if f"tables/{name}.csv" in by_name]
    return {
        "preset": preset,
        "preset_file": file,
        "page": f"results/{preset}/{page.relative_to(folder).as_posix()}",
        "beyond": beyond,
        "elsewhere": [captions.label(name) for name in elsewhere.split(",") if name != "none"],
        "commit": commit(records),
        "claims_file": claims_file(records),
        "claims": [claim(row) for row in claims],
        "verdicts": verdicts(claims),
        "marks": VERDICTS,
        "runs": sum(dataset["status"].size for dataset in runs.values()),
        "lost": lost,
        "experiments": len(runs),
        "figures": [
            {
                "name": name,
                "label": captions.label(name),
                "words": captions.of("figure", name),
                "seen": seen(pd.read_csv(by_name[f"{drawn}/{name}.csv"])),
                "counts": counts(beside[picture], runs),
                "image": base64.b64encode(picture.read_bytes()).decode(),
                "size": png_size(picture),
                "file": name if beyond else f"{drawn}/{name}",
                "command": f"{command}results/{preset}/{drawn}/{name}.pdf",
            }
            for name in figures
            for picture in [by_name[f"{drawn}/{name}.png"]]
        ],
        "tables": [
            {
                "name": name,
                "label": captions.label(name),
                "words": captions.of("table", name),
                "table": table(pd.read_csv(by_name[f"tables/{name}.csv"])),
                "command": f"{command}results/{preset}/tables/{name}.csv",
            }
            for name in tables
        ],
        **assumptions(listed),
        "unequal": unequal(listed, runs),
        "varied": varied,
        "times": times(records),
        "versions": versions(records),
        "locks": sorted({f"{one['lock']['name']} {one['lock']['sha256'][:12]}" for one in records if one["lock"]}),
        "machines": machines(records),
    }


def all_records(results: Sequence[Path], beside: Mapping[Path, Mapping[str, Any]]) -> list[Record]:
    """One record per job of everything upstream; that with times, where a picture has one without."""
    found: dict[str, Record] = {str(one["record"]["id"]): one["record"] for one in beside.values()}
    for one in lineage.collect((path, sha256_of(path)) for path in results):
        if one.record is not None and "id" in one.record:
            found.setdefault(str(one.record["id"]), one.record)
    return list(found.values())


def diverged(runs: Mapping[str, xr.Dataset]) -> Iterator[dict[str, Any]]:
    """Every run that did not stay finite: experiment, model, T, seed, and when."""
    for name, dataset in runs.items():
        for model in dataset["model"].values:
            for length in dataset["sequence_length"].values:
                point = dataset.sel(model=model, sequence_length=length)
                for seed in point["seed"].values:
                    status = float(point["status"].sel(seed=seed))
                    if status > 0:
                        how = HOW.get(int(status), "")
                        if status == 1 and "diverged_at" in point:
                            how += f", update {int(point['diverged_at'].sel(seed=seed))}"
                        run = {"experiment": name, "model": str(model), "label": label_of(str(model))}
                        yield run | {"length": int(length), "seed": int(seed), "how": how}


def counts(document: Mapping[str, Any], runs: Mapping[str, xr.Dataset]) -> list[str]:
    """n of every experiment that a figure shows, and how many of the runs diverged, and when.

    A run that diverges in free-running generation may still make short forecasts.
    """
    chosen = str(document["record"]["spec"].get("models", "all"))
    found = []
    for one in document["record"]["inputs"]:
        name = Path(one["path"]).stem
        if Path(one["path"]).parent.name != "aggregate":
            found.append(f"{name}: one simulated orbit, no runs")
        elif name not in runs:
            found.append(f"{name}: a benchmark; n stands in the figure")
        else:
            shown = runs[name]
            if one["role"] in ("comparison", "models") and chosen != "all":
                shown = shown.sel(model=chosen.split(","))
            status = shown["status"]
            lost = ", ".join(f"{int((status == kind).sum())} diverged {how}" for kind, how in HOW.items())
            fewer = "".join(f", {label_of(model)} had {share}" for model, share in shares_of(shown).items())
            found.append(f"{name}: n = {status.size} runs, {lost}{fewer}")
    return found


def claim(row: Mapping[str, str]) -> dict[str, Any]:
    """A row of the claims with its numbers as readers see them, and whether it has any."""
    numbers = {key: number(row[key]) for key in CLAIM_NUMBERS} | {
        word: number(row[column]) for word, column in CLAIM_COUNTS.items()
    }
    return dict(row) | numbers | {"judged": any(text != "–" for text in numbers.values())}


def verdicts(claims: Sequence[Mapping[str, str]]) -> list[tuple[str, int]]:
    """How many claims have each verdict, the known ones first."""
    found = Counter(row.get("verdict", "") for row in claims)
    return [(name, found[name]) for name in dict.fromkeys([*VERDICTS, *found]) if found[name] or name in VERDICTS]


def assumptions(rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Hyper-parameters that nothing but an assumption supports, equal ones together; and how many have each source."""
    kinds = Counter(row["source"].partition(":")[0] for row in rows if row["source"] != "–")
    merged: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        if "assumed" in row["source"]:
            merged.setdefault((row["key"], row["value"], row["source"]), []).append(row["name"])
    listed = [
        {"key": key, "value": value, "source": source, "where": ", ".join(dict.fromkeys(names))}
        for (key, value, source), names in merged.items()
    ]
    return {"assumed": listed, "sources": kinds.most_common(6)}


def unequal(rows: Sequence[Mapping[str, str]], experiments: Iterable[str]) -> list[dict[str, str]]:
    """Assumed settings in which models of one experiment differ, those of training first.

    Args:
        experiments: names of those that the page shows.
    """
    shown = set(experiments)
    found = [
        {"key": row["key"], "value": row["value"], "where": row["name"], "source": row["source"]}
        for row in rows
        if row["section"] == "experiment" and row["name"] in shown and "assumed" in row["source"]
        # Several values of one key are those of several models, but for what the experiment itself lists.
        if ", " in row["value"] and row["key"] not in LISTS and not row["key"].startswith("evaluation.")
    ]
    return sorted(found, key=lambda one: not one["key"].startswith("training."))


def times(records: Iterable[Record]) -> dict[str, Any]:
    """Jobs, wall time, processor time and largest memory per step, from the jobs that state them; the longest first.

    Beside them the time on the clock.
    """
    steps: dict[str, dict[str, float]] = {}
    spans: list[tuple[datetime, datetime]] = []
    for one in records:
        spent = one.get("execution")
        if not spent or "wall_seconds" not in spent:
            continue
        spans.append((datetime.fromisoformat(spent["started"]), datetime.fromisoformat(spent["ended"])))
        row = steps.setdefault(one["step"], {"jobs": 0, "wall": 0.0, "cpu": 0.0, "memory": 0.0})
        row["jobs"] += 1
        row["wall"] += spent["wall_seconds"]
        row["cpu"] += spent["cpu_seconds"]
        row["memory"] = max(row["memory"], spent["peak_memory_mib"])
    total = sum(row["wall"] for row in steps.values())
    ordered = sorted(steps.items(), key=lambda item: -item[1]["wall"])
    rows = [
        {
            "step": step,
            "jobs": int(row["jobs"]),
            "wall": duration(row["wall"]),
            "cpu": duration(row["cpu"]),
            "memory": f"{row['memory']:,.0f}",
            "share": round(100 * row["wall"] / total, 1) if total else 0.0,
        }
        for step, row in ordered
    ]
    whole = {"wall": duration(total), "cpu": duration(sum(row["cpu"] for row in steps.values()))}
    return {"rows": rows, "jobs": sum(row["jobs"] for row in rows), **whole, **clock(spans)}


def clock(spans: Iterable[tuple[datetime, datetime]]) -> dict[str, str]:
    """The time from the first start to the last end of jobs, and that of it in which any ran; empty without jobs."""
    ordered = sorted(spans)
    if not ordered:
        return {"clock": "", "busy": "", "first": ""}
    first, last, busy = ordered[0][0], ordered[0][0], 0.0
    for started, ended in ordered:
        busy += max((ended - max(started, last)).total_seconds(), 0.0)
        last = max(last, ended)
    passed = duration((last - first).total_seconds())
    return {"clock": passed, "busy": duration(busy), "first": f"{first.astimezone(UTC):%Y-%m-%d %H:%M} UTC"}


def commit(records: Sequence[Record]) -> dict[str, Any]:
    """The commit of most jobs, how many others there are, and whether any ran in a changed tree."""
    found = Counter(one["commit"] or "unknown" for one in records)
    first = found.most_common(1)[0][0] if found else "unknown"
    return {"id": first, "others": max(len(found) - 1, 0), "dirty": sum(bool(one["dirty"]) for one in records)}


def claims_file(records: Sequence[Record]) -> dict[str, str] | None:
    """Path, hash and last commit of the file that states the claims; None without claims."""
    for one in records:
        for read in one["inputs"] if one["step"] == "claims" else ():
            if Path(read["path"]).suffix in (".yaml", ".yml"):
                return {"path": read["path"], "sha256": read["sha256"], "commit": last_commit(Path(read["path"]))}
    return None


def versions(records: Sequence[Record]) -> list[tuple[str, str]]:
    """Python and the packages that compute, with every version that any job had."""
    found = [("Python", sorted({one["python"] for one in records}))]
    for name in NAMED:
        found.append((name, sorted({one["packages"][name] for one in records if name in one["packages"]})))
    return [(name, ", ".join(values)) for name, values in found if values]


def machines(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Where jobs ran, and how many."""
    found: Counter[tuple[str, str, str, str]] = Counter()
    for one in records:
        if place := one.get("execution"):
            driver = place.get("gpu_driver") or ""
            found[place["host"], place["cpu"], str(place["cores"]), driver] += 1
    keys = ("host", "cpu", "cores", "driver")
    return [dict(zip(keys, place, strict=True)) | {"jobs": count} for place, count in found.most_common()]


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{key: value or "" for key, value in row.items()} for row in csv.DictReader(file)]


def table(frame: pd.DataFrame) -> Table:
    """A table as its Markdown file shows it."""
    shown = presented(frame)
    numeric = [
        all(_is_number(cell.partition(" ± ")[0]) or cell in (MISSING, DIVERGED) for cell in shown[head])
        for head in shown
    ]
    heads = [Cell(str(head), kind) for head, kind in zip(shown, numeric, strict=True)]
    rows = [
        [Cell(str(text), kind) for text, kind in zip(row, numeric, strict=True)] for row in shown.to_numpy().tolist()
    ]
    return Table(heads, rows)


def number(text: str) -> str:
    """A number of a CSV with three significant digits; other text as it is, and a dash for none."""
    if not _is_number(text):
        return text or "–"
    value = float(text)
    if value != value:
        return "–"
    if value.is_integer() and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.3g}"


def duration(seconds: float | int) -> str:
    """`3 h 05 min`, `4 min 23 s` or `2.4 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left:02d} min" if hours else f"{minutes} min {rest:02d} s"


def png_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels."""
    head = path.read_bytes()[16:24]
    return int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _sidecar(path: Path) -> Mapping[str, Any]:
    try:
        document = sidecar.read(path) if path.is_file() else None
    except Damaged as error:
        raise UserError(f"{path}: {error}; make it again") from None
    if document is None:
        raise UserError(f"{path}: is not here, or has no record {path.name}{sidecar.ENDING}; make it again")
    return document


def _preset_file(records: Iterable[Record]) -> str:
    """The preset's own file, as the listing of hyper-parameters read it."""
    for one in records:
        for read in one["inputs"]:
            if one["step"] == "hyperparameters" and read["role"] == "preset":
                return read["path"]
    return "config/PRESET.yaml"
