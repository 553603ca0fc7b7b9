"""Records: one JSON file per comparison, complete in itself, which table and plot read and nothing else."""

import json
import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.cases import Case

SCHEMA = 1
RECORDS = Path(__file__).parent / "records"

# What every record has, and every solver in it: names and types of their values.
FIELDS: dict[str, Any] = {
    "schema": int,
    "case": dict,
    "model": dict,
    "settings": dict,
    "machine": dict,
    "versions": dict,
    "environment": dict,
    "commit": (str, type(None)),
    "dirty": (bool, type(None)),
    "code_sha256": str,
    "command": str,
    "started": str,
    "load_average": list,
    "floor": dict,
    "reference": dict,
    "solvers": dict,
}
SOLVER_FIELDS: dict[str, Any] = {
    "status": str,
    "out_of_memory": bool,
    "message": (str, type(None)),
    "first_call_seconds": (float, type(None)),
    "memory": (dict, type(None)),
    "seconds": list,
    "median": (float, type(None)),
}


def write(record: dict[str, Any], folder: Path = RECORDS) -> Path:
    """Save a record under the names of its device and case; the file appears whole or not at all."""
    check(record)
    day = re.sub(r"[^0-9T]", "", record["started"].partition("+")[0])
    path = folder / f"{slug(record['machine']['device'])}_{record['case']['name']}_{day}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(_plain(record), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    beside.replace(path)
    return path


def read(folder: Path = RECORDS) -> list[dict[str, Any]]:
    """All records, oldest first.

    Raises:
        ValueError: naming the file that is no record.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            check(record)
        except ValueError as error:
            raise ValueError(f"{path}: is no record ({error}); delete it and measure again") from None
        found.append(record)
    return sorted(found, key=lambda record: record["started"])


def check(record: dict[str, Any]) -> None:
    """Raise ValueError at the first field that is missing or of another type."""
    if record.get("schema") != SCHEMA:
        raise ValueError(f"schema {record.get('schema')} is not {SCHEMA}")
    for where, fields, values in [
        ("", FIELDS, record),
        *((f"solvers.{name}.", SOLVER_FIELDS, solver) for name, solver in record.get("solvers", {}).items()),
    ]:
        for name, kind in fields.items():
            if name not in values or not isinstance(values[name], kind):
                raise ValueError(f"{where}{name}: missing or of the wrong type")


def latest(records: Iterable[dict[str, Any]], case: Case, device: str | None = None) -> dict[str, Any] | None:
    """The newest record of a case, by its numbers and not by its name; None where there is none."""
    wanted = _numbers(asdict(case))
    fitting = [r for r in records if _numbers(r["case"]) == wanted and device in (None, r["machine"]["device"])]
    return max(fitting, key=lambda record: record["started"], default=None)


def has(records: Iterable[dict[str, Any]], case: Case, device: str, solvers: Sequence[str]) -> bool:
    """Whether a record of this device has the case with all of these solvers."""
    wanted = _numbers(asdict(case))
    return any(
        _numbers(record["case"]) == wanted
        and record["machine"]["device"] == device
        and set(solvers) <= record["solvers"].keys()
        for record in records
    )


def _numbers(case: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in case.items() if key != "name"}


def slug(text: str) -> str:
    """A name for a file."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _plain(value: Any) -> Any:
    """JSON knows neither inf nor NaN: they become text."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
