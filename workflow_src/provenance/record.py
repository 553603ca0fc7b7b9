"""The record of one job: what ran, on what, with what, when, where, and how it ended.

All but `execution` says what was done and is hashed into the record's `id`: the same job done again has the same id.
`execution` says when and where.
"""

import contextlib
import shlex
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from workflow_src import lock, logs
from workflow_src.errors import UserError
from workflow_src.provenance import attempts, carriers, lineage, machine, sidecar
from workflow_src.provenance.fingerprint import fingerprint
from workflow_src.provenance.git import read_git
from workflow_src.provenance.lineage import Ancestor
from workflow_src.provenance.seals import digest, identity, sealed, sha256_of
from workflow_src.status import live
from workflow_src.stop import Stopped

SCHEMA = 2


class Record:
    """The facts of a job. Its times and memory are those at the moment of reading.

    A result is saved while its job still runs: each file states the time and memory that it took to come about.

    Attributes:
        afterwards: what is to be done when the job has succeeded and all is written, but is still this job's alone.
    """

    def __init__(self, facts: Mapping[str, Any], execution: Mapping[str, Any], upstream: str | None) -> None:
        self.facts = dict(facts)
        self.execution = dict(execution)
        self.upstream = upstream
        self.began = time.monotonic()
        self.afterwards: list[Callable[[], object]] = []

    def __getitem__(self, key: str) -> Any:
        return self.facts[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.facts[key] = value

    def update(self, facts: Mapping[str, Any]) -> None:
        self.facts |= facts

    def diverged(self, seeds: Sequence[int]) -> None:
        """State which seeds diverged; none is a status too."""
        self.facts |= {"status": "diverged" if seeds else "ok", "diverged_seeds": list(seeds)}

    def document(self) -> dict[str, Any]:
        """The whole record as it stands."""
        wall = round(time.monotonic() - self.began, 3)
        now = {"ended": _now(), "wall_seconds": wall, **machine.usage()}
        return sealed(self._lasting() | {"execution": self.execution | now})

    def repeatable(self) -> dict[str, Any]:
        """The record without when and where: a figure that is drawn again has the same bytes."""
        return sealed(self._lasting())

    def _lasting(self) -> dict[str, Any]:
        lasting = self.facts | {"id": identity(self.facts)}
        return lasting | ({"lineage": self.upstream} if self.upstream else {})


class Made(SystemExit):
    """Another process made the very result while this one waited or was suspended: the job is done.

    The exit status is 0: of a job that fails, Snakemake deletes the outputs, whoever made them.
    """

    def __init__(self) -> None:
        super().__init__(0)


@contextlib.contextmanager
def record(step: str, args: Namespace, outputs: Sequence[str] = (), modules: Sequence[str] = ()) -> Iterator[Record]:
    """Collect the facts of a job while it runs; pass the record to whatever saves its results.

    No other process makes the same outputs at that time. When the job has succeeded, every output gets its sidecar.

    Args:
        step: the step's name, which is also its module under workflow_src.steps.
        args: its parsed arguments: settings are taken as the specification, paths other than outputs as inputs.
        outputs: names of the arguments that are paths of results.
        modules: modules under workflow_src that the step imports by name while it runs.
    Raises:
        Made: the job was done by another process meanwhile.
    """
    written: list[Path] = [getattr(args, name) for name in outputs]
    with contextlib.ExitStack() as stack:
        held = stack.enter_context(lock.held(written[0])) if written else None
        facts, upstream = _facts(step, args, outputs, modules)
        if held and held.waited:
            _end_if_made(written, facts)
        place = machine.place()
        job = {"spec": facts["spec_sha256"], "code": facts["code_fingerprint"]}
        attempt = {"started": _now(), "host": place["host"], "scheduler_job": place["scheduler_job"]}
        tried = attempts.begin(written[0], job, attempt) if written else [attempt | {"ended": None, "outcome": None}]
        made = Record(facts, place | {"started": attempt["started"], "attempts": tried}, lineage.pack(upstream))
        live.begin(logs.log_of(written[0]) if written else None, _seen(step, facts, attempt, len(tried)))
        try:
            with _giving_way(held, written, facts):
                yield made
                _finish(made, written, tried)
        except Made:
            live.end()
            raise
        except BaseException as error:
            live.end(error)
            if written:
                attempts.fail(written[0], job, tried, _now(), _outcome(error))
            raise
        live.end()


def _finish(made: Record, written: Sequence[Path], tried: Sequence[dict[str, Any]]) -> None:
    """Write the sidecars, and clear away what the job needed only until then."""
    made.execution["attempts"] = [*tried[:-1], tried[-1] | {"ended": _now(), "outcome": "ok"}]
    for path in written:
        if not path.exists():
            raise UserError(f"{path}: was deleted while the job ran; start it again")
        sidecar.write(path, made.document())
    lock.confirm()
    if written:
        attempts.forget(written[0])
    for act in made.afterwards:
        act()


@contextlib.contextmanager
def _giving_way(held: lock.Lock | None, written: Sequence[Path], facts: Mapping[str, Any]) -> Iterator[None]:
    """Where a block fails in a process that has lost its lock, the result of whoever has it now counts."""
    try:
        yield
    except Exception:
        if held is None or held.is_mine():
            raise
        logs.say(str(held.loss()))
        lock.wait(held.output)
        _end_if_made(written, facts)
        raise


def _end_if_made(written: Sequence[Path], facts: Mapping[str, Any]) -> None:
    if _is_made(written, facts):
        logs.say(f"{written[0]}: is made; nothing is left to do")
        raise Made


def _facts(
    step: str, args: Namespace, outputs: Sequence[str], modules: Sequence[str]
) -> tuple[dict[str, Any], list[Ancestor]]:
    """What is known of a job before it starts, and everything upstream of it."""
    sources = [f"workflow_src.{module}" for module in (f"steps.{step}", *modules)]
    spec = {k: v.model_dump(mode="json") for k, v in vars(args).items() if isinstance(v, BaseModel)}
    settings = {k: v for k, v in vars(args).items() if isinstance(v, str)}
    written: list[Path] = [getattr(args, name) for name in outputs]
    inputs, upstream = _inputs(args, outputs)
    facts = {
        "schema": SCHEMA,
        "step": step,
        "command": shlex.join(["python", "-m", f"workflow_src.steps.{step}", *sys.argv[1:]]),
        "outputs": [str(path) for path in written],
        "preset": _preset(spec, written),
        "spec": spec | settings,
        "spec_sha256": digest(spec | settings),
        "seeds": sorted(_seeds(spec)),
        "modules": sources,
        "code_fingerprint": fingerprint(*sources),
        "inputs": inputs,
        **read_git(),
        **machine.software(),
        "status": "ok",
        "diverged_seeds": [],
    }
    return facts, upstream


def _is_made(written: Sequence[Path], facts: Mapping[str, Any]) -> bool:
    """Whether all outputs are there, whole, and made by this job from these inputs."""
    for path in written:
        try:
            found = sidecar.read(path)
        except carriers.Damaged:
            return False
        if found is None or not path.is_file() or found["file"]["sha256"] != sha256_of(path):
            return False
        if any(found["record"].get(key) != facts[key] for key in ("spec_sha256", "code_fingerprint", "inputs")):
            return False
    return True


def _outcome(error: BaseException) -> str:
    return f"stopped: {error.signal}" if isinstance(error, Stopped) else f"failed: {type(error).__name__}"


def _seen(step: str, facts: Mapping[str, Any], attempt: Mapping[str, Any], count: int) -> dict[str, Any]:
    """What the status of a running job says of it."""
    where = {"node": attempt["host"], "scheduler_job": attempt["scheduler_job"], "attempt": count}
    return {"step": step, "outputs": facts["outputs"], "seeds": len(facts["seeds"]), **where}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _inputs(args: Namespace, outputs: Sequence[str]) -> tuple[list[dict[str, Any]], list[Ancestor]]:
    """What each input is, and everything upstream. A file that is missing is the step's business."""
    given = [(role, path, sha256_of(path)) for role, path in _paths(args, outputs) if path.is_file()]
    upstream = lineage.collect((path, sha256) for _, path, sha256 in given)
    known = {(one.path, one.sha256): one for one in upstream}
    inputs = []
    for role, path, sha256 in given:
        one = known[str(path), sha256]
        inputs.append(
            {
                "role": role,
                "path": str(path),
                "bytes": path.stat().st_size,
                "sha256": sha256,
                "content_sha256": one.content_sha256,
                "record": one.record.get("id") if one.record else None,
            }
        )
    return inputs, upstream


def _paths(args: Namespace, outputs: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Role and path of every input."""
    for name, value in vars(args).items():
        if name in outputs:
            continue
        if isinstance(value, dict):
            yield from ((role, path) for role, path in value.items() if isinstance(path, Path))
        else:
            items = value if isinstance(value, list | tuple) else [value]
            yield from ((name, path) for path in items if isinstance(path, Path))


def _preset(spec: Any, outputs: Sequence[Path]) -> str | None:
    """The preset's name: as the specification states it, or the folder of the results."""
    for part in (spec, *spec.values(), *(inner for one in spec.values() for inner in one.values())):
        if isinstance(part, dict) and isinstance(part.get("preset"), str):
            return part["preset"]
    for path in outputs:
        if "results" in path.parts[:-2]:
            return path.parts[path.parts.index("results") + 1]
    return None


def _seeds(spec: Any) -> set[int]:
    """Every seed that a specification names."""
    if isinstance(spec, list):
        return {seed for one in spec for seed in _seeds(one)}
    if not isinstance(spec, dict):
        return set()
    found = {seed for one in spec.values() for seed in _seeds(one)}
    for key in ("seeds", "packs", "noise_seed"):
        found |= _whole(spec.get(key))
    return found


def _whole(value: Any) -> set[int]:
    if isinstance(value, list | tuple):
        return {number for one in value for number in _whole(one)}
    return {value} if isinstance(value, int) else set()
