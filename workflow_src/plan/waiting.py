"""Which jobs a run would start: the rules of the workflow, told by the files and their records alone."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from workflow_src.audit.start import SECTIONS, outdated
from workflow_src.config import Preset
from workflow_src.config.jobs import Job, jobs
from workflow_src.errors import UserError

BUNDLE = "bundle"


class Waiting(NamedTuple):
    """The jobs behind some targets.

    Attributes:
        needed: all of them by their first output, upstream first.
        run: the first outputs of those that would run.
        stale: reason by path, of results that would be made again.
    """

    needed: Mapping[str, Job]
    run: set[str]
    stale: Mapping[str, str]


class Workflow:
    """The jobs of a preset, and what is asked of them."""

    def __init__(self, preset: Preset, file: Path) -> None:
        self.preset, self.file = preset, file
        self.results = Path("results") / preset.preset
        made = list(jobs(preset))
        shown = [path for job in made for path in job.outputs if path.startswith(SECTIONS["bundle"])]
        # Extras are packed where they have been made.
        packed = [path for path in shown if path.startswith(SECTIONS["all"]) or (self.results / path).exists()]
        bundle = Job("bundle", (f"bundle/{preset.preset}.zip",), {}, reads=tuple(packed))
        self.jobs = {job.outputs[0]: job for job in (*made, bundle)}
        self.maker = {path: first for first, job in self.jobs.items() for path in job.outputs}

    def outputs(self, target: str) -> tuple[str, ...]:
        """The files, below the preset's results, that a rule or a file stands for.

        Raises:
            UserError: there is no such thing; the line names what there is.
        """
        name = target.removeprefix(f"{self.results.as_posix()}/").removeprefix("./")
        if target == BUNDLE:
            return (f"bundle/{self.preset.preset}.zip",)
        if found := tuple(path for path in self.maker if path.startswith(SECTIONS.get(target, ()))):
            return found
        if name in self.maker:
            return (name,)
        # The rule of a figure, table or page has its name.
        if found := tuple(
            path for path in self.maker if Path(path).stem == target and path.startswith(SECTIONS["bundle"])
        ):
            return found
        if found := tuple(path for path in self.maker if path.startswith(f"{name.rstrip('/')}/")):
            return found
        known = self.shown()
        near = get_close_matches(target, [*known, *self.maker], 1)
        guess = f"did you mean {near[0]}? " if near else ""
        raise UserError(f"{target}: no target of preset {self.preset.preset}; {guess}there are {', '.join(known)}")

    def shown(self) -> list[str]:
        """All rules that can be asked for by name, and those that stand for several."""
        single = dict.fromkeys(Path(path).stem for path in self.maker if path.startswith(SECTIONS["bundle"]))
        several = [name for name, folders in SECTIONS.items() if any(path.startswith(folders) for path in self.maker)]
        return [*(name for name in several if name != BUNDLE), *single, BUNDLE]

    def upstream(self, outputs: Iterable[str]) -> dict[str, Job]:
        """The jobs behind some outputs, in the order of the preset: upstream first."""
        waiting, found = [self.maker[path] for path in outputs], set()
        while waiting:
            first = waiting.pop()
            if first not in found:
                found.add(first)
                waiting += [self.maker[path] for path in self.jobs[first].reads if path in self.maker]
        return {first: job for first, job in self.jobs.items() if first in found}

    def waiting(self, targets: Sequence[str]) -> Waiting:
        """What a run for these targets would do."""
        outputs = [path for target in targets or ["all"] for path in self.outputs(target)]
        needed = self.upstream(outputs)
        old = outdated(self.preset, self.file, self.results, [str(self.results / path) for path in outputs]).stale
        forced = {self.maker[path] for path in self.maker if str(self.results / path) in old}
        missing = {self.maker[path] for path in outputs if not (self.results / path).exists()}
        return Waiting(needed, self._running(needed, (forced & needed.keys()) | missing), old)

    def _running(self, needed: Mapping[str, Job], run: set[str]) -> set[str]:
        """Jobs run if they are to, if what they read is made again, or if one that runs reads what is not there."""
        run = set(run)
        while True:
            before = len(run)
            for first, job in needed.items():
                if any(self.maker[path] in run for path in job.reads if path in self.maker):
                    run.add(first)
            for first in list(run):
                for path in needed[first].reads:
                    if path in self.maker and not (self.results / path).exists():
                        run.add(self.maker[path])
            if len(run) == before:
                return run
