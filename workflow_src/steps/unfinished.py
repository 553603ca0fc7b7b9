"""The checkpoints of an unfinished training, beside its outputs until they are written.

There are two generations, so that one damaged file loses little: a machine that loses its power may lose what it said
it had written.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflow_src import lock, logs, store
from workflow_src.errors import UserError
from workflow_src.models import checkpoint
from workflow_src.specs.run import RunSpec
from workflow_src.training import loop

# What the parts of an identity are called in messages.
WORDS = {"spec": "specification", "code": "code", "data": "dataset"}


STEM = "unfinished"


class Unfinished:
    """The last two checkpoints of a training.

    Attributes:
        path: of the last one, named `unfinished.eqx` or like it.
        identity: what a checkpoint must agree with to be continued: specification, code and data.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self.identity = dict(identity)
        self.previous = path.with_stem(f"{path.stem}.previous")

    def exists(self) -> bool:
        return self.path.exists() or self.previous.exists()

    def is_begun(self) -> bool:
        """Whether there is an undamaged checkpoint of this very training."""
        for path in (self.path, self.previous):
            with contextlib.suppress(UserError):
                if path.exists() and not self._others(path):
                    return True
        return False

    def of(self, part: RunSpec) -> "Unfinished":
        """The checkpoints of a part of the pack, which is trained by itself."""
        seeds = f"{part.seeds[0]}-{part.seeds[-1]}"
        spec = {**self.identity["spec"], "seeds": list(part.seeds)}
        return Unfinished(self.path.with_name(f"{STEM}.seeds{seeds}.eqx"), {**self.identity, "spec": spec})

    def keep(self, progressed: loop.Progressed) -> None:
        """Write a checkpoint; the one before becomes the previous one."""
        lock.confirm()
        if self.path.exists():
            self.path.replace(self.previous)
        checkpoint.write(self.path, {**self.identity, "updates": progressed.updates}, progressed)

    def resume(self, spec: RunSpec) -> loop.Progressed | None:
        """The last sound checkpoint of an earlier attempt at this very training; what is wrong with others is told."""
        wrong = False
        for path in (self.path, self.previous):
            if not path.exists():
                continue
            try:
                if other := self._others(path):
                    logs.say(f"{path}: is of another {' and '.join(other)}; not used")
                    wrong = True
                    continue
                progressed = checkpoint.read_tree(path, loop.blank(spec, checkpoint.read_header(path)["updates"]))
            except UserError as error:
                fault = "holds another model" if isinstance(error, checkpoint.OtherArrays) else "is damaged"
                logs.say(f"{path}: {fault}; removed")
                lock.confirm()
                # It must not take the place of the previous one.
                path.unlink(missing_ok=True)
                wrong = True
                continue
            logs.say(f"continuing after update {progressed.updates} of {spec.training.updates}")
            return progressed
        if wrong:
            logs.say("no sound checkpoint of this training; starting afresh")
        return None

    def _others(self, path: Path) -> list[str]:
        """In what a checkpoint is of another training."""
        header = checkpoint.read_header(path)
        return [word for key, word in WORDS.items() if header.get(key) != self.identity[key]]

    def remove(self) -> None:
        """Delete these, those of parts, and what killed attempts to write them left."""
        for path in self.path.parent.glob(f"{STEM}.*eqx"):
            store.remove(path)
        for stale in self.path.parent.glob(f".{STEM}.*.part"):
            stale.unlink(missing_ok=True)
