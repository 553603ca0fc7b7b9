"""Checkpoints: one file with a header line of JSON and the arrays of a PyTree behind it.

The header states what the arrays are and the SHA-256 of their bytes: deserialisation alone notices a truncated file
but neither a flipped bit nor trailing bytes nor another model of the same shapes.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax

from workflow_src.errors import UserError
from workflow_src.models.base import AbstractModel
from workflow_src.models.build import build
from workflow_src.specs.run import RunSpec
from workflow_src.store import write_atomically

FORMAT = "gtf-deer-checkpoint-1"


class OtherArrays(UserError):
    """A whole file that holds other arrays than were expected."""


def write(path: Path, header: Mapping[str, Any], tree: Any) -> None:
    """Save the arrays of a PyTree; the file appears whole or not at all."""
    buffer = io.BytesIO()
    eqx.tree_serialise_leaves(buffer, tree)
    payload = buffer.getvalue()
    head = {"format": FORMAT, **header, "bytes": len(payload), "sha256": hashlib.sha256(payload).hexdigest()}
    write_atomically(path, lambda beside: beside.write_bytes(json.dumps(head).encode() + b"\n" + payload))


def read_header(path: Path) -> dict[str, Any]:
    """The header alone."""
    return _read(path)[0]


def read_tree(path: Path, like: Any) -> Any:
    """The arrays, read into the structure of `like`.

    Raises:
        UserError: if the file is missing or damaged; `OtherArrays` if it holds others.
    """
    payload = _read(path)[1]
    try:
        return eqx.tree_deserialise_leaves(io.BytesIO(payload), like)
    except (RuntimeError, ValueError, EOFError) as error:
        raise OtherArrays(
            f"{path}: holds another model ({str(error).splitlines()[0]}); delete it and train again"
        ) from None


def save(path: Path, spec: RunSpec, models: AbstractModel, record: Mapping[str, Any]) -> None:
    """Save the trained pack: models stacked over the seeds of `spec`."""
    write(path, {"spec": spec.model_dump(mode="json"), "provenance": dict(record)}, models)


def read_spec(path: Path) -> RunSpec:
    """The specification that a trained pack was trained by."""
    return RunSpec.parse(json.dumps(read_header(path)["spec"]))


def load(path: Path) -> AbstractModel:
    """Load a trained pack, stacked over its seeds."""
    spec = read_spec(path)

    def one(seed: jax.Array) -> AbstractModel:
        return build(spec.architecture, spec.obs_dim, key=jax.random.key(seed))

    like = eqx.filter_eval_shape(eqx.filter_vmap(one), jax.ShapeDtypeStruct((len(spec.seeds),), int))
    return read_tree(path, like)


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    if not path.exists():
        raise UserError(f"{path}: no such checkpoint; train the model first")
    head, newline, payload = path.read_bytes().partition(b"\n")
    damaged = UserError(f"{path}: is damaged or no checkpoint; delete it and train again")
    try:
        header = json.loads(head)
        intact = header["format"] == FORMAT and newline == b"\n" and len(payload) == header["bytes"]
        intact = intact and hashlib.sha256(payload).hexdigest() == header["sha256"]
    except (ValueError, KeyError, TypeError):
        raise damaged from None
    if not intact:
        raise damaged
    return header, payload
