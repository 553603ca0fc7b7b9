"""Where, when and of which sources a record of a long test was made."""

import sys
from typing import Any

from workflow_src import provenance
from workflow_src.provenance import machine


def circumstances(started: str, seconds: float) -> dict[str, Any]:
    """What every record begins with: time, commit, code of the trainings, machine, versions.

    Args:
        started: in ISO format.
        seconds: that it took.
    """
    git, place = provenance.read_git(), machine.place()
    return {
        "started": started,
        "seconds": round(seconds),
        "commit": git["commit"],
        "dirty": git["dirty"],
        "code_fingerprint": provenance.fingerprint("workflow_src.steps.train"),
        **{name: place[name] for name in ("platform", "cpu", "cores")},
        "python": sys.version.split()[0],
        "packages": {name: machine.software()["packages"][name] for name in ("jax", "jaxlib", "equinox", "numpy")},
    }
