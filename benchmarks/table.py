"""Tables of the records in Markdown: the rows and what they had to reach, exactness and memory, and everything else.

python -m benchmarks.table
python -m benchmarks.table --device H100 --output docs/speed.md
"""

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import cases, records
from benchmarks.cases import Case, Requirement
from benchmarks.evaluation import BASELINES

NONE = "-"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=Path, default=records.RECORDS, help="folder of the records")
    parser.add_argument("--device", help="only devices with this in their name")
    parser.add_argument("--output", type=Path, help="a file instead of standard output")
    args = parser.parse_args(argv)
    found = records.read(args.records)
    found = [record for record in found if (args.device or "").lower() in record["machine"]["device"].lower()]
    if not found:
        parser.exit(1, f"{args.records}: no record; python -m benchmarks.compare --rows makes them\n")
    text = tables(found)
    if args.output is None:
        sys.stdout.write(text)
    else:
        args.output.write_text(text, encoding="utf-8")


def tables(found: Sequence[dict[str, Any]]) -> str:
    """All tables, one section per device."""
    devices = dict.fromkeys(record["machine"]["device"] for record in found)
    return "\n".join(_section(device, found) for device in devices)


def _section(device: str, found: Sequence[dict[str, Any]]) -> str:
    mine = [record for record in found if record["machine"]["device"] == device]
    rows = {case: record for case in cases.ROWS if (record := records.latest(mine, case)) is not None}
    memory = records.latest(mine, cases.MEMORY)
    in_rows = [*rows.values(), *([memory] if memory else [])]
    known = [*cases.ROWS, cases.MEMORY]
    rest = _newest(one for one in mine if all(records.latest([one], case) is None for case in known))
    parts = [f"## {device}\n", _provenance(mine)]
    if rows:
        parts += ["### Speed, ratios of medians\n", _speed(rows), "### Baselines and floor\n", _baselines(rows)]
    if in_rows:
        parts += ["### Exactness, first call and memory\n", _exactness(in_rows)]
    if rest:
        parts += ["### Other cases, medians in ms\n", _others(rest)]
    return "\n".join(parts)


def _provenance(mine: Sequence[dict[str, Any]]) -> str:
    """What the records of a device share, or all that they do not."""
    commits = {f"{(r['commit'] or 'no git')[:7]}{' with changes' if r['dirty'] else ''}" for r in mine}
    versions = {f"jax {r['versions']['jax']}, equinox {r['versions']['equinox']}" for r in mine}
    loads = [load for r in mine for load in r["load_average"] if load is not None]
    days = sorted(r["started"][:10] for r in mine)
    load = f", load average {min(loads):.1f} to {max(loads):.1f}" if loads else ""
    cores = ", ".join(str(n) for n in sorted({r["machine"]["cores"] for r in mine}))
    days_text = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    return (
        f"{cores} cores; {'; '.join(sorted(versions))}; commit {', '.join(sorted(commits))}; {days_text}{load}. "
        "float32, products at full precision; value and gradient of trained models.\n"
    )


def _speed(rows: dict[Case, dict[str, Any]]) -> str:
    lines = []
    for case, record in rows.items():
        wanted = cases.ROWS[case]
        times = record["solvers"]
        for name in _ours(times):
            over_deer = ratio(times, "deer", name)
            over_scan = ratio(times, "sequential", name)
            lines.append(
                [
                    case.name,
                    name,
                    _time(times[name]),
                    _factor(over_deer),
                    f">= {wanted.over_deer:g}x",
                    _factor(over_scan),
                    f">= {wanted.over_sequential:g}x",
                    _verdict(times[name], over_deer, over_scan, wanted),
                ]
            )
    head = ["case", "solver", "median (quartiles), ms", "over `deer`", "required", "over `lax.scan`", "required", ""]
    return _markdown(head, lines)


def _baselines(rows: dict[Case, dict[str, Any]]) -> str:
    lines = []
    for case, record in rows.items():
        times, most = record["solvers"], cases.ROWS[case].deer_at_most
        floor = record["floor"]["seconds_datasheet"] or record["floor"]["seconds"]
        lines.append(
            [
                case.name,
                *(_time(times.get(name)) for name in BASELINES),
                _factor(ratio(times, "deer", "sequential")),
                NONE if most is None else f"<= {most:g}x",
                f"{1e3 * floor:.3g}",
            ]
        )
    head = ["case", "`lax.scan` autodiff", "`lax.scan` hand adjoint", "`deer`", "`deer` over `lax.scan`", "required"]
    return _markdown([*head, "floor, ms"], lines)


def _exactness(found: Iterable[dict[str, Any]]) -> str:
    lines = []
    for record in found:
        for name, solver in record["solvers"].items():
            first, error = solver["first_call_seconds"], _number(solver.get("gradient_error"))
            share = _memory_share(record["solvers"], name)
            lines.append(
                [
                    record["case"]["name"],
                    name,
                    solver["status"].replace("_", " ") if solver["status"] != "timed" else _converged(solver),
                    NONE if solver["status"] != "timed" else f"{solver['iterations_mean']:.1f}",
                    _flag(_number(solver.get("gradient_error_float64")), cases.MOST_GRADIENT_ERROR, "{:.1e}"),
                    _flag(error, cases.MOST_GRADIENT_ERROR, "{:.1e}"),
                    _flag(first, math.inf if name in BASELINES else cases.MOST_FIRST_CALL, "{:.2f}"),
                    NONE if solver["memory"] is None else f"{_extra_memory(solver) / 2**20:.1f}",
                    NONE if share is None else f"{100 * share:.1f} %",
                ]
            )
    most = f"(<= {cases.MOST_GRADIENT_ERROR:.0e})"
    head = ["case", "solver", "", "iterations", f"gradient error in float64 {most}", f"in float32 {most}"]
    head += [f"first call, s (<= {cases.MOST_FIRST_CALL:g})", "memory, MiB", "of `deer`'s"]
    note = (
        "Gradient errors are against float64 BPTT. In float32 that of `sequential` is rounding alone, which near a "
        "minimum, where terms cancel, is large. At T = 1e5, M = 30 the memory must be at most "
        f"{100 * cases.MOST_MEMORY_OVER_DEER:g} % of `deer`'s.\n"
    )
    return _markdown(head, lines) + "\n" + note


def _others(found: Sequence[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for record in found for name in record["solvers"]))
    lines = []
    for record in sorted(found, key=lambda record: _sizes(record)):
        case, recipe = record["case"], record["case"]["recipe"]
        sizes = [recipe["latent_dim"], recipe["obs_dim"], recipe["hidden_dim"], case["sequence_length"]]
        sizes += [case["batch_size"], recipe["forcing_strength"]]
        floor = record["floor"]["seconds_datasheet"] or record["floor"]["seconds"]
        times = [_time(record["solvers"].get(name), quartiles=False) for name in names]
        lines.append([case["name"], *map(str, sizes), *times, f"{1e3 * floor:.3g}"])
    return _markdown(["case", "M", "N", "L", "T", "B", "alpha", *(f"`{name}`" for name in names), "floor"], lines)


def ratio(solvers: dict[str, Any], slow: str, fast: str) -> float | None:
    """How many times the median of one solver is that of the other; None unless both were timed."""
    medians = [solvers.get(name, {}).get("median") for name in (slow, fast)]
    return None if None in medians else medians[0] / medians[1]


def _verdict(solver: dict[str, Any], over_deer: float | None, over_scan: float | None, wanted: Requirement) -> str:
    if solver["status"] != "timed":
        return solver["status"].replace("_", " ")
    if not solver["converged"]:
        return "not converged"
    if over_deer is None or over_scan is None:
        return "no baseline"
    reached = over_deer >= wanted.over_deer and over_scan >= wanted.over_sequential
    return "reached" if reached else "**not reached**"


def _ours(solvers: dict[str, Any]) -> list[str]:
    return [name for name in solvers if name not in BASELINES]


def _newest(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The newest record of each case by its name."""
    return list({record["case"]["name"]: record for record in found}.values())


def _sizes(record: dict[str, Any]) -> tuple[Any, ...]:
    name = record["case"]["name"]
    return name.partition("_")[0], record["case"]["recipe"]["latent_dim"], record["case"]["sequence_length"], name


def _extra_memory(solver: dict[str, Any]) -> int:
    """What a call needs beside its arguments."""
    return solver["memory"]["temp_bytes"] + solver["memory"]["output_bytes"]


def _memory_share(solvers: dict[str, Any], name: str) -> float | None:
    if not all(one in solvers and solvers[one]["memory"] for one in (name, "deer")):
        return None
    return _extra_memory(solvers[name]) / _extra_memory(solvers["deer"])


def _time(solver: dict[str, Any] | None, *, quartiles: bool = True) -> str:
    if solver is None:
        return NONE
    if solver["median"] is None:
        return solver["status"].replace("_", " ")
    text = _ms(solver["median"])
    if quartiles and len(solver["seconds"]) > 1:
        text += f" ({_ms(solver['lower_quartile'])} to {_ms(solver['upper_quartile'])})"
    return text if solver["converged"] else f"{text}, not converged"


def _ms(seconds: float) -> str:
    """Milliseconds to three digits, never as a power of ten."""
    return f"{1e3 * seconds:.3g}" if seconds < 1 else f"{1e3 * seconds:.0f}"


def _converged(solver: dict[str, Any]) -> str:
    return "converged" if solver["converged"] else "not converged"


def _factor(value: float | None) -> str:
    return NONE if value is None else f"{value:.3g}x"


def _number(value: Any) -> float | None:
    """Records write inf and NaN as text."""
    return None if value is None else float(value)


def _flag(value: float | None, most: float, form: str) -> str:
    if value is None:
        return NONE
    return form.format(value) if value <= most else f"**{form.format(value)}**"


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    main()
