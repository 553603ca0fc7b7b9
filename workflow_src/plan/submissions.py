"""How many jobs a cluster's scheduler is given, and how long that takes.

What takes seconds runs where Snakemake does, and what a profile groups is submitted together.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

import yaml

from workflow_src.config.jobs import Job

PROFILE = Path("profiles/slurm")
# Steps whose rules are local to the machine where Snakemake runs.
HERE = ("aggregate", "aggregate_benchmark", "hyperparameters", "figure", "table", "claims", "report")
# Rules whose jobs have a node of their own under the profile, and what of sbatch gives it to them.
EXCLUSIVE = ("benchmark_runtime",)
EXTRA = "GTF_DEER_SBATCH_BENCHMARK", "--exclusive"
# Seconds that a submission takes beside its job: two starts of Snakemake around it, 4 to 6 measured; and the time until
# its end is noticed, as Slurm is asked up to 100 s apart where it remembers jobs for five minutes, its default.
AROUND, NOTICED = 5.0, (0.0, 100.0)
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def rule_of(job: Job) -> str:
    """The rule that runs a job: that of a figure or table has its name."""
    return str(job.spec[job.step]) if job.step in ("figure", "table") else job.step


def submissions(needed: Mapping[str, Job], run: Set[str], maker: Mapping[str, str], profile: Path = PROFILE) -> int:
    """The number of submissions.

    A group is submitted as one where its jobs hang together, and where the profile says how many such components may
    share a submission.

    Args:
        needed: jobs by their first output; `run` are those that run.
        maker: first output of the job that makes a file.
    """
    group_of, components = groups(profile)
    alone = 0
    members: dict[str, list[str]] = defaultdict(list)
    share: dict[str, int] = {}
    for first in run:
        job = needed[first]
        if job.step in HERE:
            continue
        if (stated := group_of.get(rule_of(job))) is None:
            alone += 1
            continue
        # A group may be one for each experiment.
        name = stated.replace("{experiment}", first.split("/")[1])
        members[name].append(first)
        share[name] = components.get(stated, components.get(name, 1))
    return alone + sum(-(-_components(found, needed, maker) // share[name]) for name, found in members.items())


def pace(profile: Path = PROFILE) -> float:
    """Seconds between two submissions, as a profile says; 0 where it says nothing."""
    stated = re.fullmatch(r"(\d+)/(\d+)([smhd])", str(_settings(profile).get("max-jobs-per-timespan")))
    return int(stated[2]) * UNITS[stated[3]] / int(stated[1]) if stated else 0.0


def exclusive() -> tuple[str, ...]:
    """Rules whose jobs have a node of their own, as this environment has it."""
    return EXCLUSIVE if "--exclusive" in os.environ.get(*EXTRA) else ()


def groups(profile: Path) -> tuple[dict[str, str], dict[str, int]]:
    """Group by rule, and components per submission by group, as a profile says; nothing without a profile."""
    settings = _settings(profile)
    sizes = {name: int(count) for name, count in _pairs(settings.get("group-components"))}
    return dict(_pairs(settings.get("groups"))), sizes


def _settings(profile: Path) -> dict[str, Any]:
    files = sorted(path for pattern in ("config*.yaml", "profile*.yaml") for path in profile.glob(pattern))
    return (yaml.safe_load(files[-1].read_text(encoding="utf-8")) or {}) if files else {}


def _pairs(stated: Any) -> Iterable[tuple[str, str]]:
    if isinstance(stated, Mapping):
        return [(str(name), str(value)) for name, value in stated.items()]
    listed = stated.split() if isinstance(stated, str) else stated or ()
    return [(name, value) for name, _, value in (str(one).partition("=") for one in listed)]


def _components(found: list[str], needed: Mapping[str, Job], maker: Mapping[str, str]) -> int:
    """How many sets of jobs there are among which none reads what another makes."""
    parent = {first: first for first in found}

    def root(first: str) -> str:
        while parent[first] != first:
            parent[first] = parent[parent[first]]
            first = parent[first]
        return first

    for first in found:
        for path in needed[first].reads:
            if (other := maker.get(path)) in parent:
                parent[root(other)] = root(first)
    return len({root(first) for first in found})
