"""Whether a result is what today's preset and sources would make."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workflow_src.audit.examine import tail
from workflow_src.config import Preset, read_preset
from workflow_src.config.jobs import Job, jobs
from workflow_src.errors import UserError
from workflow_src.provenance.fingerprint import ROOT, fingerprint
from workflow_src.provenance.seals import sha256_of

MOST_CHANGES = 3
CLAIMS = ROOT / "config/claims.yaml"


class Today:
    """The jobs of a preset as it stands now."""

    def __init__(self, preset: Preset, file: Path) -> None:
        self.preset = preset
        self.file = file
        self.jobs: dict[str, Job] = {}
        for job in jobs(preset):
            # Compared with what came out of JSON.
            plain = job._replace(spec=json.loads(json.dumps(job.spec)))
            self.jobs |= dict.fromkeys(job.outputs, plain)

    def stale(self, output: str, record: Mapping[str, Any]) -> str | None:
        """Why a job would run again, in a few words; None if it would not.

        Args:
            output: path below the preset's folder of results.
            record: of the file there.
        """
        return self.other_settings(output, record) or self.other_sources(output, record)

    def other_settings(self, output: str, record: Mapping[str, Any]) -> str | None:
        """What today's preset asks for that a result was not made with; None if it is the same."""
        job = self.jobs.get(output)
        if job is None:
            return f"today's preset {self.preset.preset} does not make it"
        if changes := list(differences(record["spec"], job.spec)):
            more = f" and {len(changes) - MOST_CHANGES} more" if len(changes) > MOST_CHANGES else ""
            return f"the preset has changed: {', '.join(changes[:MOST_CHANGES])}{more}"
        if (chosen := self._inputs(job)) and chosen != (read := _read(record)):
            role = next(role for role in {**chosen, **read} if chosen.get(role) != read.get(role))
            return f"the preset has changed: {role} is {chosen.get(role)} instead of {read.get(role)}"
        listed = {one["sha256"] for one in record["inputs"] if one["role"] == "preset"}
        if job.step == "hyperparameters" and listed != {sha256_of(self.file)}:
            return f"the preset file {self.file.name} has changed"
        stated = {one["sha256"] for one in record["inputs"] if one["role"] == "stated"}
        if job.step == "claims" and stated != {sha256_of(CLAIMS)}:
            return f"the file {CLAIMS.name} has changed"
        return None

    def other_sources(self, output: str, record: Mapping[str, Any]) -> str | None:
        """Whether a result of today's preset was made by other sources; None if it was not."""
        job = self.jobs[output]
        modules = [f"workflow_src.{module}" for module in (f"steps.{job.step}", *job.modules)]
        if fingerprint(*modules) != record["code_fingerprint"]:
            return f"the sources of step {job.step} have changed"
        return None

    def _inputs(self, job: Job) -> dict[str, str]:
        return {role: f"{self.preset.preset}/{path}" for role, path in job.inputs.items()}


class Presets:
    """The presets in config/ as they stand now, and one that may lie elsewhere; each is read when it is asked for.

    Raises:
        UserError: the preset that may lie elsewhere is wrong.
    """

    def __init__(self, file: Path | None = None) -> None:
        given = Today(read_preset(file), file) if file is not None else None
        self.known: dict[str | None, Today | None] = {given.preset.preset: given} if given else {}

    def today(self, name: str | None) -> Today | None:
        """The preset of that name; None if there is no sound one."""
        if name not in self.known:
            file = ROOT / "config" / f"{name}.yaml"
            self.known[name] = None
            if name is not None and file.is_file():
                with contextlib.suppress(UserError):
                    self.known[name] = Today(read_preset(file), file)
        return self.known[name]

    def stale(self, name: str, record: Mapping[str, Any]) -> str | None:
        """Why the job of a record would run again, as far as its preset is here.

        Args:
            name: of the file.
        """
        output, known = below(record, name), self.today(record["preset"])
        return known.stale(output, record) if known and output else None


def below(record: Mapping[str, Any], name: str) -> str | None:
    """The output of this file name among those of a record, below the preset's folder of results."""
    parts = [found for text in record.get("outputs", []) if (found := tail(text))]
    if len(parts) > 1:
        parts = [one for one in parts if one[-1] == name] or parts
    return "/".join(parts[0][1:]) if parts else None


def differences(old: Any, new: Any, key: str = "") -> Iterator[str]:
    """What differs between two settings, as `training.updates 100 -> 200`."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({**old, **new}):
            # The outermost names are those of arguments.
            inner = f"{key}.{name}" if key else ("" if name in ("spec", "evaluation", "cells") else name)
            yield from differences(old.get(name), new.get(name), inner)
    elif old != new:
        yield f"{key} {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _read(record: Mapping[str, Any]) -> dict[str, str]:
    """Role and path of what the preset chose; the claims are no result."""
    return {
        one["role"]: "/".join(tail(one["path"]) or Path(one["path"]).parts)
        for one in record["inputs"]
        if one["role"] != "stated"
    }
