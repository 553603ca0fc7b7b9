"""Where a result was made, as its record tells, and whether the same bits can be asked for here."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from workflow_src.provenance import machine

# Packages that compute.
PACKAGES = ("numpy", "scipy", "jax", "jaxlib", "equinox", "optax")
# Numbers of threads, which a step looks at when it chooses the compiler's settings.
THREADS = ("OMP_", "OPENBLAS_", "MKL_")
# Settings of a GPU's memory.
MEMORY = "XLA_PYTHON_CLIENT_"
# Of a reason in a report; flags of a compiler are longer.
LONGEST = 80


def here(**facts: Any) -> dict[str, Any]:
    """This machine in the form of a record."""
    return machine.software() | {"execution": machine.place()} | facts


def differences(record: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[str]:
    """What may change the last bits: machine, versions, numerics or sources; empty if all are the same.

    Args:
        record: of the result; None if it has none.
        now: of what was made anew.
    """
    if not record or "execution" not in record:
        return ["its machine and versions are not recorded"]
    return list(_differences(record, now))


def _differences(record: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    there, place = record["execution"], now["execution"]
    yield from _unlike("processor", there.get("cpu"), place["cpu"])
    yield from _unlike("system", _library(there), _library(place))
    yield from _unlike("Python", record.get("python"), now["python"])
    for name in PACKAGES:
        yield from _unlike(name, record.get("packages", {}).get(name), now["packages"].get(name))
    for name in ("device", "numerics", "pack", "code_fingerprint"):
        if name in now and record.get(name) != now[name]:
            yield {"code_fingerprint": "sources"}.get(name, name) + " differ"
    if "numerics" in now:
        for name in sorted({*(old := _settings(there)), *(new := _settings(place))}):
            yield from _unlike(name, old.get(name), new.get(name))


def threads(record: Mapping[str, Any] | None) -> dict[str, str]:
    """This process's environment with the number of threads of a record: the compiler's settings depend on it."""
    recorded = (record or {}).get("execution", {}).get("environment", {})
    kept = {name: value for name, value in os.environ.items() if not name.startswith(THREADS)}
    return kept | {name: value for name, value in recorded.items() if name.startswith(THREADS)}


def _settings(place: Mapping[str, Any]) -> dict[str, str]:
    """Settings that change numbers, without those that say which device a scheduler gave, or how much of it."""
    found = {name: value for name, value in place.get("environment", {}).items() if not name.startswith(MEMORY)}
    return {name: value for name, value in found.items() if name.startswith(machine.PREFIXES)}


def _unlike(name: str, old: Any, new: Any) -> Iterator[str]:
    if old != new:
        text = f"{name} {old} there, {new} here"
        yield text if len(text) <= LONGEST else f"{name} differs"


def _library(place: Mapping[str, Any]) -> str:
    """The C library without the version of the kernel, which computes nothing."""
    text = str(place.get("platform", ""))
    return text.partition("-with-")[2] or text
