"""Processes and whether they still run: told exactly on their own machine, elsewhere by the scheduler or not at all."""

import os
import platform
import secrets
from pathlib import Path
from typing import Any, NamedTuple

JOB_IDS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID")


class Process(NamedTuple):
    """A process, as it describes itself to others.

    Attributes:
        host: name of the machine.
        space: boot and process namespace; where both agree, process ids mean the same.
        pid: process id.
        started: ticks between boot and start of the process, which tell it from a later one of the same id; None where
            the system does not say.
        scheduler_job: id at the cluster's scheduler.
        restarts: how often the scheduler has started that job again.
        token: random; no two are equal.
    """

    host: str
    space: str
    pid: int
    started: int | None
    scheduler_job: str | None
    restarts: int
    token: str

    def __str__(self) -> str:
        job = f", scheduler's job {self.scheduler_job}" if self.scheduler_job else ""
        return f"process {self.pid} on {self.host}{job}"


def this() -> Process:
    """This process, under a new token."""
    pid = os.getpid()
    return Process(
        host=platform.node(),
        space=_space(),
        pid=pid,
        started=_started(pid),
        scheduler_job=scheduler_job(),
        # The second is set by the workflow on the node, where the executor hides the first from the job.
        restarts=int(os.environ.get("SLURM_RESTART_COUNT") or os.environ.get("GTF_DEER_RESTARTS") or 0),
        token=secrets.token_hex(8),
    )


def scheduler_job() -> str | None:
    """The job's id at the cluster's scheduler; an element of an array is `array_index`."""
    if array := os.environ.get("SLURM_ARRAY_JOB_ID"):
        return f"{array}_{os.environ.get('SLURM_ARRAY_TASK_ID', '')}"
    return next((os.environ[name] for name in JOB_IDS if os.environ.get(name)), None)


def parse(fields: dict[str, Any]) -> Process:
    """The process that `_asdict` described.

    Raises:
        KeyError, TypeError, ValueError: it did not.
    """
    one = Process(**{name: fields[name] for name in Process._fields})
    return one._replace(pid=int(one.pid), restarts=int(one.restarts))


def is_alive(other: Process, seen_from: Process) -> bool | None:
    """Whether a process still runs; None where only its heartbeat can tell."""
    if other.scheduler_job and other.scheduler_job == seen_from.scheduler_job and other.restarts < seen_from.restarts:
        # The scheduler starts a job again only when it has ended.
        return False
    if not other.space or (other.host, other.space) != (seen_from.host, seen_from.space):
        return None
    started = _started(other.pid)
    return started is not None and started == other.started


def _space() -> str:
    """Containers share a machine's boot but not its process ids."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _started(pid: int) -> int | None:
    """Start of a running process in ticks since boot; None if there is none, or only what its parent has not buried."""
    try:
        # The name, in parentheses, may hold spaces and parentheses.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
