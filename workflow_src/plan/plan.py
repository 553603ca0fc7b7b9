"""The plan of a run: jobs, hours, disk, the longest job, the longest chain, and the same for each figure and table."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import NamedTuple

from workflow_src.config import Preset
from workflow_src.config.jobs import Job
from workflow_src.plan.cost import Cost, Costs
from workflow_src.plan.estimate import Estimate, total
from workflow_src.plan.records import Records
from workflow_src.plan.submissions import AROUND, HERE, NOTICED, PROFILE, exclusive, pace, rule_of, submissions
from workflow_src.plan.waiting import Workflow


class Sum(NamedTuple):
    """Some jobs together, hours in seconds."""

    jobs: int
    gpu: Estimate
    cpu: Estimate
    longest: Estimate
    bytes: float


class Plan(NamedTuple):
    """What a run would do and cost.

    Attributes:
        targets: as they were asked for.
        rules: by rule, in the order in which they first run.
        everything: of all jobs that would run.
        shown: by figure, table or page: what it alone would take, jobs that it shares with others included.
        done: jobs that have run and would not run again.
        stale: reason by path, of results that would be made again.
        longest: the job that takes longest; None where nothing would run.
        chain: the longest chain of jobs that wait for each other, and its time: no number of machines is faster.
        submissions: to a cluster's scheduler, under the profile for Slurm.
        submitting: seconds that pass until the last of them can be submitted, if nothing else holds it up.
        scheduling: seconds that the longest chain takes longer by, on a cluster that starts every job at once.
        exclusive: how many jobs have a node of their own there, and for how long in all.
        bases: what the times are from, with the share of all hours that each stands for.
    """

    preset: str
    compute: str
    targets: tuple[str, ...]
    rules: Mapping[str, Sum]
    everything: Sum
    shown: Mapping[str, Sum]
    done: int
    stale: Mapping[str, str]
    longest: str | None
    chain: Sequence[str]
    chain_time: Estimate
    submissions: int
    submitting: float
    scheduling: Estimate
    exclusive: tuple[int, Estimate]
    bases: Mapping[str, float]
    devices: Mapping[str, Sequence[str]]


def plan(preset: Preset, file: Path, targets: Sequence[str], records: Records, profile: Path = PROFILE) -> Plan:
    """Plan a run of a preset, in the folder where its results are.

    Args:
        file: of the preset.
        targets: rules and files; everything by default.
    Raises:
        UserError: there is no such target.
    """
    workflow = Workflow(preset, file)
    waiting = workflow.waiting(targets)
    specs = {
        job.outputs[0].removeprefix("train/").removesuffix("/model.eqx"): job.spec["spec"]
        for job in workflow.jobs.values()
        if job.step == "train"
    }
    costs = Costs(records, preset.compute, specs)
    run = {first: job for first, job in waiting.needed.items() if first in waiting.run}
    cost = {first: costs.of(job) for first, job in run.items()}
    rules: dict[str, list[str]] = defaultdict(list)
    for first, job in run.items():
        rules[rule_of(job)].append(first)
    chain = _chain(run, cost, workflow.maker)
    alone = [cost[first].seconds for rule in exclusive() for first in rules.get(rule, ())]
    submitted = submissions(run, run.keys(), workflow.maker, profile)
    return Plan(
        preset=preset.preset,
        compute=preset.compute,
        targets=tuple(targets) or ("all",),
        rules={rule: _sum(cost, firsts) for rule, firsts in rules.items()},
        everything=_sum(cost, run),
        shown={name: _sum(cost, firsts) for name, firsts in _shown(workflow, run)},
        done=len(waiting.needed) - len(run),
        stale=waiting.stale,
        longest=max(cost, key=lambda first: cost[first].seconds.middle, default=None),
        chain=chain,
        chain_time=total(cost[first].seconds for first in chain),
        submissions=submitted,
        submitting=submitted * pace(profile),
        scheduling=total(_around(run[first]) for first in chain),
        exclusive=(len(alone), total(alone)),
        bases=_bases(cost.values()),
        devices={device: sorted(names) for device, names in records.devices.items()},
    )


def _sum(cost: Mapping[str, Cost], firsts: Iterable[str]) -> Sum:
    found = [cost[first] for first in firsts]
    return Sum(
        jobs=len(found),
        gpu=total(one.seconds.times(one.gpus) for one in found),
        cpu=total(one.cpu_seconds for one in found),
        longest=max((one.seconds for one in found), key=lambda one: one.middle, default=total([])),
        bytes=sum(one.bytes for one in found),
    )


def joined(sums: Sequence[Sum]) -> Sum:
    """All jobs of several sums."""
    return Sum(
        jobs=sum(one.jobs for one in sums),
        gpu=total(one.gpu for one in sums),
        cpu=total(one.cpu for one in sums),
        longest=max((one.longest for one in sums), key=lambda one: one.middle),
        bytes=sum(one.bytes for one in sums),
    )


def _shown(workflow: Workflow, run: Mapping[str, Job]) -> Iterable[tuple[str, Set[str]]]:
    """Each figure and table with the jobs that it needs and that would run."""
    for job in run.values():
        if job.step in ("figure", "table"):
            yield rule_of(job), workflow.upstream(job.outputs).keys() & run.keys()


def _chain(run: Mapping[str, Job], cost: Mapping[str, Cost], maker: Mapping[str, str]) -> list[str]:
    """The chain of jobs that takes longest, first to last."""
    ends: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for first, job in run.items():
        reads = [maker[path] for path in job.reads if maker.get(path) in ends]
        last = max(reads, key=ends.__getitem__, default=None)
        before[first] = last
        ends[first] = (ends[last] if last is not None else 0.0) + cost[first].seconds.middle
    chain, here = [], max(ends, key=ends.__getitem__, default=None)
    while here is not None:
        chain.append(here)
        here = before[here]
    return chain[::-1]


def _around(job: Job) -> Estimate:
    """What a job takes longer by as a cluster runs it."""
    low, high = (0.0, 0.0) if job.step in HERE else (AROUND + one for one in NOTICED)
    return Estimate(low, (low + high) / 2, high, "", measured=True)


def _bases(costs: Iterable[Cost]) -> dict[str, float]:
    """Share of all hours by what they are from, the largest first."""
    hours: dict[str, float] = defaultdict(float)
    for one in costs:
        hours[one.seconds.basis] += one.seconds.middle
    whole = sum(hours.values()) or 1.0
    return {basis: share / whole for basis, share in sorted(hours.items(), key=lambda item: -item[1])}
