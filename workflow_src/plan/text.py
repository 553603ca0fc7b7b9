"""A plan in words and numbers for terminals, and as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from workflow_src.columns import columns, duration
from workflow_src.plan.estimate import Estimate
from workflow_src.plan.plan import Plan, Sum, joined

MOST_BASES, MOST_STALE = 8, 4
# Numbers of GPUs or cores for which the time of a run is told.
MACHINES = (1, 2, 4, 8, 16, 50)
# Sizes of nodes for which the price of having one alone is told.
NODES = {"cuda": (4, 8), "cpu": (32, 64)}
HEAD = ("jobs", "GPU-hours", "CPU-hours", "disk", "longest job")


def text(plan: Plan) -> str:
    """Numbers stand with the range that they most likely lie in."""
    lines = [f"preset {plan.preset} on {_device(plan)}: {', '.join(plan.targets)}"]
    if not plan.rules:
        return "\n".join([*lines, f"nothing to do: all {plan.done} jobs are done and would not run again"])
    done = f"{plan.done} are done and would not run again" if plan.done else "none is done yet"
    lines += [f"{_count(plan.everything.jobs, 'job')} to run, {done}", ""]
    table = [("rule", *HEAD), *((name, *_cells(one)) for name, one in _folded(plan.rules).items())]
    lines += columns([*table, ("all of it", *_cells(plan.everything))], range(1, 6))
    if len(plan.shown) > 1:
        lines += ["", *columns([("alone", *HEAD), *((n, *_cells(one)) for n, one in plan.shown.items())], range(1, 6))]
        lines += ["jobs that several of these share are counted in each"]
    assert plan.longest is not None
    lines += [
        "",
        f"submissions to Slurm   {plan.submissions}{_submitting(plan)}",
        *_exclusive(plan),
        f"longest job            {_time(plan.everything.longest)}: {plan.longest}",
        f"longest chain          {_time(plan.chain_time)}: {_count(len(plan.chain), 'job')} that wait for each other",
        f"elapsed, at least      {_elapsed(plan)}",
    ]
    lines += ["", "times are from, by share of all hours"]
    shares = list(plan.bases.items())
    lines += columns([(f"  {_percent(share)}", basis) for basis, share in shares[:MOST_BASES]], (0,))
    lines += [f"  and {len(shares) - MOST_BASES} more"] if len(shares) > MOST_BASES else []
    if not plan.everything.longest.measured or any("assumed" in basis for basis in plan.bases):
        lines += ["", "ASSUMED times may be wrong by more than their range: nothing of their kind was measured here."]
    if plan.stale:
        lines += ["", f"{_count(len(plan.stale), 'result')} would be made again, as", *_reasons(plan.stale)]
    return "\n".join(lines)


def _reasons(stale: Mapping[str, str]) -> list[str]:
    """Why results would be made again, the commonest reasons first, each with a result that it is true of."""
    files: dict[str, list[str]] = {}
    for path, reason in stale.items():
        files.setdefault(reason, []).append(path)
    ranked = sorted(files.items(), key=lambda item: -len(item[1]))
    lines = [f"  {reason}: {paths[0]}{_others(len(paths) - 1)}" for reason, paths in ranked[:MOST_STALE]]
    return lines + ([f"  and {len(ranked) - MOST_STALE} more reasons"] if len(ranked) > MOST_STALE else [])


def _others(count: int) -> str:
    return f" and {_count(count, 'other')}" if count else ""


def as_json(plan: Plan) -> dict[str, Any]:
    """The same as data: seconds and bytes."""

    def told(value: Any) -> Any:
        if isinstance(value, Estimate | Sum):
            return {name: told(inner) for name, inner in value._asdict().items()}
        if isinstance(value, Mapping):
            return {name: told(inner) for name, inner in value.items()}
        return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value

    return {name: told(value) for name, value in plan._asdict().items()}


def _folded(rules: Mapping[str, Sum]) -> dict[str, Sum]:
    """The rules of all figures in one line, and those of all tables: each takes seconds."""
    found: dict[str, list[Sum]] = {}
    for name, one in rules.items():
        noun = next((f"{n}s" for n in ("figure", "table") if name.startswith(n)), name)
        found.setdefault(noun, []).append(one)
    return {name: joined(several) for name, several in found.items()}


def _device(plan: Plan) -> str:
    if plan.compute == "cpu":
        return "CPU"
    known = plan.devices.get("cuda")
    return f"GPU ({', '.join(known)})" if known else "GPU (none has been measured)"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _cells(one: Sum) -> tuple[str, ...]:
    return str(one.jobs), _hours(one.gpu), _hours(one.cpu), _bytes(one.bytes), _time(one.longest)


def _hours(one: Estimate) -> str:
    if one.high == 0:
        return "-"
    low, middle, high = (_short(value / 3600) for value in (one.low, one.middle, one.high))
    return f"{middle} ({low} to {high})" if low != high else middle


def _short(value: float) -> str:
    if value >= 9.95:
        return f"{value:.0f}"
    if value >= 0.95:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.005 else "<0.01"


def _time(one: Estimate) -> str:
    return f"{duration(one.middle)} ({duration(one.low, rough=True)} to {duration(one.high, rough=True)})"


def _submitting(plan: Plan) -> str:
    """How long submitting takes, and what Slurm adds to the longest chain even where no job waits for its place."""
    if not plan.submitting:
        return ""
    low, high = (duration(one, rough=True) for one in (plan.scheduling.low, plan.scheduling.high))
    return f": {duration(plan.submitting)} to submit, and {low} to {high} longer for the longest chain; queues on top"


def _exclusive(plan: Plan) -> list[str]:
    """Jobs with a node of their own hold all of it; counted above is what they use."""
    jobs, hours = plan.exclusive
    if not jobs:
        return []
    noun, unit = ("GPUs", "GPU-hours") if plan.compute == "cuda" else ("cores", "CPU-hours")
    held = ", ".join(f"{_hours(hours.times(size))} on nodes of {size} {noun}" for size in NODES[plan.compute])
    return [f"nodes of their own     {_count(jobs, 'job')}; where sites count whole nodes, {unit}: {held}"]


def _elapsed(plan: Plan) -> str:
    """With some jobs at once: no less than the longest chain, and than the work shared out evenly."""
    gpus = plan.compute == "cuda"
    work = plan.everything.gpu if gpus else plan.everything.cpu
    noun = "GPU" if gpus else "core"
    told = []
    for n in MACHINES:
        told.append(f"{duration(max(plan.chain_time.middle, work.middle / n))} on {_count(n, noun)}")
        if work.middle / n <= 1.001 * plan.chain_time.middle:
            return ", ".join(told) + " or more"
    return ", ".join(told)


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.005 else "<1%"


def _bytes(count: float) -> str:
    power = 1
    while count >= 999.5 * 1000**power and power < 4:
        power += 1
    return f"{count / 1000**power:.3g} {('kB', 'MB', 'GB', 'TB')[power - 1]}"
