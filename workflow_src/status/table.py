"""The states of the jobs of a preset as a table for terminals."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workflow_src.columns import columns, duration
from workflow_src.status.collect import JobState, clock, collect, tail

# Seconds for which a finished job is worth a line, and how many of them are.
RECENTLY, MOST_FINISHED = 3600.0, 8
LAST_LINES = 5
HEAD = ("job", "done", "of", "", "per s", "loss", "iter", "diverged", "left", "node", "slurm", "since")
NUMBERS = (1, 2, 3, 4, 5, 6, 7, 8)


def table(results: Path, now: float | None = None) -> str:
    """Running jobs with their progress, those that failed or stalled with the end of their logs, the last to finish."""
    now = clock(results / "logs") if now is None else now
    jobs = collect(results, now)
    if not jobs:
        return f"{results}: no job has run here, or none that left a status"
    counts = Counter(one.state for one in jobs)
    told = ", ".join(f"{counts[state]} {state}" for state in ("running", "stalled", "failed", "stopped", "finished"))
    lines = [f"{results}: {told}"]
    if running := [one for one in jobs if one.state == "running"]:
        lines += ["", *columns([HEAD, *(_row(one, now) for one in sorted(running, key=_left))], NUMBERS)]
        lines += [f"a second copy of {one.job} waits for its end" for one in running if one.copy_waits]
    for one in jobs:
        if one.state in ("stalled", "failed", "stopped"):
            lines += ["", *_trouble(one, now)]
    recent = [one for one in jobs if one.state == "finished" and now - one.since < RECENTLY]
    if recent:
        lines += ["", f"finished within the last hour: {len(recent)}"]
        lines += columns([_finished(one, now) for one in recent[:MOST_FINISHED]], (1, 2))
        lines += [f"and {len(recent) - MOST_FINISHED} more"] if len(recent) > MOST_FINISHED else []
    return "\n".join(lines)


def as_json(results: Path) -> list[dict[str, Any]]:
    """All that is known of each job."""
    return [
        {**one.facts, "job": one.job, "state": one.state, "why": one.why, "log": str(one.log)}
        for one in collect(results)
    ]


def _row(one: JobState, now: float) -> Sequence[str]:
    facts = one.facts
    done, total = facts.get("done"), facts.get("total")
    share = f"{done / total:.0%}" if done is not None and total else ""
    rate, loss, iterations = (facts.get(name) for name in ("rate", "loss", "iterations"))
    diverged = f"{facts['diverged']}/{facts['seeds']}" if facts.get("diverged") else ""
    left = facts.get("remaining_seconds")
    return (
        one.job,
        "starting" if done is None else str(done),
        "" if total is None else f"{total} {facts.get('unit', '')}s".rstrip(),
        share,
        f"{rate:.3g}" if rate else "",
        f"{loss:.3g}" if loss is not None else "",
        f"{iterations:.1f}" if iterations is not None else "",
        diverged,
        duration(left) if left is not None else "",
        str(facts["node"]),
        str(facts.get("scheduler_job") or ""),
        duration(max(one.ran + now - one.since, 0.0)),
    )


def _left(one: JobState) -> float:
    left = one.facts.get("remaining_seconds")
    return float("inf") if left is None else left


def _trouble(one: JobState, now: float) -> list[str]:
    facts = one.facts
    slurm = f", slurm job {facts['scheduler_job']}" if facts.get("scheduler_job") else ""
    attempt = f", attempt {facts['attempt']}" if facts.get("attempt", 1) > 1 else ""
    at = f" at {facts.get('unit')} {facts['done']} of {facts['total']}" if facts.get("done") else ""
    head = f"{one.state.upper()} {one.job}{at}: {one.why or 'see its log'}"
    where = f"  on {facts['node']}{slurm}{attempt}, {duration(max(now - one.since, 0.0))} ago; {one.log}"
    return [head, where, *(f"    {line}" for line in tail(one.log, LAST_LINES))]


def _finished(one: JobState, now: float) -> Sequence[str]:
    took = duration(one.ran)
    return f"  {one.job}", f"took {took}", f"{duration(max(now - one.since, 0.0))} ago", f"on {one.facts['node']}"
