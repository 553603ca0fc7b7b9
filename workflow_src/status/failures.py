"""The jobs that failed in one run of the workflow, from the log that Snakemake keeps of it."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from workflow_src.files import shortage
from workflow_src.status.collect import tail

LAST_LINES = 8
# A line that starts the facts of a failed job: alone, or among those of a group that was submitted as one.
_JOB = re.compile(r"^(\s*)(?:Error in rule|rule) (\w+):$")
_FACT = re.compile(r"^\s+(message|jobid|output|log|external_jobid): (.*)$")
_FINISHED = re.compile(r"^Finished jobid: (\d+) ")
# What Snakemake logs of failed jobs even where it is quiet.
FAILED = "Exiting because a job execution failed"
_HINT = " (check log file(s) for error details)"


class Failure(NamedTuple):
    """A job that failed, at its last attempt.

    Attributes:
        external: its id at the cluster's scheduler.
    """

    rule: str
    output: str
    logs: tuple[str, ...]
    message: str | None = None
    external: str | None = None
    attempts: int = 1


def failures(lines: Iterable[str]) -> list[Failure]:
    """The jobs that have failed and did not succeed at a later attempt, in the order of their last one."""
    found: dict[str, Failure] = {}
    for kind, value in _events(lines):
        if kind == "finished":
            found.pop(value["jobid"], None)
        else:
            earlier = found.pop(value["jobid"], None)
            logs = value.get("log", "").removesuffix(_HINT)
            message = value.get("message")
            found[value["jobid"]] = Failure(
                rule=value["rule"],
                output=value.get("output", "").partition(", ")[0],
                logs=tuple(logs.split(", ")) if logs else (),
                message=message if message != "None" else None,
                external=value.get("external_jobid"),
                attempts=1 + (earlier.attempts if earlier else 0),
            )
    return list(found.values())


def listing(found: Iterable[Failure]) -> str:
    """One paragraph per failed job: what it was to make, and the last lines of its logs."""
    found = list(found)
    lines = [f"{len(found)} {'job' if len(found) == 1 else 'jobs'} failed:"] if found else []
    for one in found:
        slurm = f", slurm job {one.external}" if one.external else ""
        tries = f", {one.attempts} attempts" if one.attempts > 1 else ""
        lines.append(f"  {one.rule} {one.output}{slurm}{tries}" + (f": {one.message}" if one.message else ""))
        for log in one.logs:
            last = tail(Path(log), LAST_LINES)
            lines += [f"    {log}{'' if last else _without_lines(Path(log))}", *(f"      {line}" for line in last)]
    return "\n".join(lines)


def _without_lines(log: Path) -> str:
    # A full disk has no room for what a job says of it.
    full = shortage(log) if log.exists() else None
    return f" is empty; {full}" if full else " is empty or gone"


def newest_log(folder: Path = Path(".snakemake/log")) -> Path | None:
    """Snakemake's log of the last run in this folder."""
    return max(folder.glob("*.snakemake.log"), key=lambda path: path.name, default=None)


def _events(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """`failed` with a job's facts, and `finished` with its id."""
    facts: dict[str, str] = {}
    depth = 0
    for line in lines:
        line = line.rstrip("\n")
        inside = len(line) - len(line.lstrip()) > depth
        if facts and inside and (fact := _FACT.match(line)):
            facts.setdefault(fact[1], fact[2])
            continue
        if facts and (not inside or _JOB.match(line)):
            if "jobid" in facts:
                yield "failed", facts
            facts = {}
        if finished := _FINISHED.match(line):
            yield "finished", {"jobid": finished[1]}
        # A rule that is not indented is a job that starts.
        elif (job := _JOB.match(line)) and (job[1] or line.startswith("Error")):
            facts, depth = {"rule": job[2]}, len(job[1])
    if "jobid" in facts:
        yield "failed", facts
