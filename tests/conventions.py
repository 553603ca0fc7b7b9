"""The conventions for climate and forecast metadata, CF-1.11, by the checker of the IOOS."""

import json
import tempfile
from pathlib import Path

from compliance_checker.runner import CheckSuite, ComplianceChecker


def faults(path, skipped=()):
    """Number of faults of a netCDF file by how grave they are."""
    CheckSuite.load_all_available_checkers()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        _, crashed = ComplianceChecker.run_checker(
            str(path),
            ["cf:1.11"],
            verbose=0,
            criteria="strict",
            skip_checks=list(skipped),
            output_filename=str(report),
            output_format="json",
        )
        assert not crashed
        counts = json.loads(report.read_text())["cf:1.11"]
    return {level: counts[f"{level}_count"] for level in ("high", "medium", "low")}
