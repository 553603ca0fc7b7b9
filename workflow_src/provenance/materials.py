"""The software bill of materials of some jobs: Python and every package that was installed, in CycloneDX 1.6 JSON.

It states what the records of the jobs state. The hashes of the packages are in the lock files.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote


def bill(name: str, version: str, records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The bill of materials of jobs.

    Args:
        name: of the software that ran.
        version: of it.
        records: of the jobs; packages of several versions are listed once per version.
    """
    listed = list(records)
    pythons = sorted({record["python"] for record in listed})
    packages = sorted({item for record in listed for item in record["packages"].items()})
    locks = sorted({f"{one['name']} sha256:{one['sha256']}" for record in listed if (one := record["lock"])})
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": name,
                "name": name,
                "version": version,
                "licenses": [{"license": {"id": "MIT"}}],
            },
            "properties": [{"name": "gtf-deer:lock", "value": lock} for lock in locks],
        },
        "components": [
            *({"type": "platform", "bom-ref": f"python@{one}", "name": "Python", "version": one} for one in pythons),
            *(_component(*item) for item in packages),
        ],
    }


def _component(name: str, version: str) -> dict[str, Any]:
    address = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{quote(version, safe='.-~')}"
    return {"type": "library", "bom-ref": address, "name": name, "version": version, "purl": address}
