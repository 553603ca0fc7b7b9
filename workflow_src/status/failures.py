"""The jobs that failed in one run of the workflow, from the log that Snakemake keeps of it."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from workflow_src.files import shortage
from workflow_src.status.collect import tail

LAST_LINES = 8
# A job that failed; what is said of a group that was submitted as one and failed, and one of its jobs.
_JOB = re.compile(r"^Error in rule (\w+):$")
_GROUP = re.compile(r"^    message: Error in group (\S+)$")
_GROUP_LOG = re.compile(r"^    log: (.*)$")
_MEMBER = re.compile(r"^        rule (\w+):$")
_FACT = re.compile(r"^\s+(message|jobid|output|log|external_jobid): (.*)$")
_FINISHED = re.compile(r"^Finished jobid: (\d+) ")
# What Snakemake logs of failed jobs even where it is quiet.
FAILED = "Exiting because a job execution failed"
_HINT = " (check log file(s) for error details)"
_FURTHER = "For further error details see the cluster/cloud log and the log files of the involved rule(s)."
# What the executor says of a group is no part of what Snakemake logs of it: see workflow_src/scheduler.py.
OF_GROUP = "slurm: group {name}: {said}"
_OF_GROUP = re.compile(OF_GROUP.format(name=r"(\S+)", said="(.*)"))


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
            logs = [value[name].removesuffix(_HINT) for name in ("log", "group_log") if name in value]
            message = value.get("message", "None").removesuffix(_FURTHER)
            found[value["jobid"]] = Failure(
                rule=value["rule"],
                output=value.get("output", "").partition(", ")[0],
                logs=tuple(log for some in logs for log in some.split(", ")),
                message=message if message != "None" else None,
                external=value.get("external_jobid"),
                attempts=1 + (earlier.attempts if earlier else 0),
            )
    return list(found.values())


def listing(found: Iterable[Failure]) -> str:
    """One paragraph per failed job: what it was to make, and the last lines of its logs."""
    found = list(found)
    lines = [f"{len(found)} {'job' if len(found) == 1 else 'jobs'} failed:"] if found else []
    shown: set[str] = set()
    for one in found:
        slurm = f", slurm job {one.external}" if one.external else ""
        tries = f", {one.attempts} attempts" if one.attempts > 1 else ""
        lines.append(f"  {one.rule} {one.output}{slurm}{tries}" + (f": {one.message}" if one.message else ""))
        for log in one.logs:
            if log in shown:
                lines.append(f"    {log}: as above")
                continue
            shown.add(log)
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
    """`failed` with a job's facts, and `finished` with its id.

    Each job of a group has the group's message, log and id. Snakemake tells of them once more, each by itself and
    indented, and of jobs that start in almost the same words: neither counts.
    """
    facts: dict[str, str] = {}
    group: dict[str, str] | None = None
    said: dict[str, str] = {}
    depth = 0
    for line in (*lines, ""):
        line = line.rstrip("\n")
        indent = len(line) - len(line.lstrip())
        job = _JOB.match(line)
        # What sbatch says goes on in lines that are not indented; the id comes after them.
        if facts and not job and (indent > depth or "jobid" not in facts):
            if indent > depth and (fact := _FACT.match(line)):
                facts.setdefault(fact[1], fact[2])
            continue
        if "jobid" in facts:
            yield "failed", (group or {}) | facts
        facts = {}
        if job:
            facts, depth, group = {"rule": job[1]}, 0, None
        elif told := _OF_GROUP.match(line):
            said[told[1]] = told[2]
        elif finished := _FINISHED.match(line):
            yield "finished", {"jobid": finished[1]}
        elif named := _GROUP.match(line):
            group = {"message": said.pop(named[1], "None")}
        elif group is not None and (log := _GROUP_LOG.match(line)):
            group["group_log"] = log[1].removesuffix(_HINT)
            # It is named by the id.
            group["external_jobid"] = Path(group["group_log"]).stem
        elif group is not None and (member := _MEMBER.match(line)):
            facts, depth = {"rule": member[1]}, 8
        elif indent == 0:
            group = None
