"""Lint the workflow under every preset: `make check-workflow`.

Snakemake wishes for a conda environment or a container per rule; here one locked environment serves all rules, so this
wish is passed over. Every other finding fails.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PASSED_OVER = "Specify a conda environment or container for each rule."


def findings(preset: Path) -> list[str]:
    """What Snakemake's linter finds under one preset, as `rule or file: title`.

    Raises:
        RuntimeError: the workflow could not be read under this preset.
    """
    # Text and not JSON: the command line of Snakemake 9.27 prints text for either.
    command = [sys.executable, "-m", "snakemake", "--configfile", str(preset), "--lint", "text"]
    environment = os.environ | {"COLUMNS": "200", "NO_COLOR": "1"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    lines = (run.stdout + run.stderr).splitlines()
    found, place = [], ""
    for line in lines:
        if head := re.match(r"Lints for (.*):$", line):
            place = head[1]
        elif (item := re.match(r"    \* (.*?):?$", line)) and item[1] != PASSED_OVER:
            found.append(f"{place}: {item[1]}")
    if run.returncode and not place:
        raise RuntimeError("\n".join(lines))
    return found


def main() -> int:
    """Print the findings under all presets; 1 if there are any."""
    presets = sorted(path for path in (ROOT / "config").glob("*.yaml") if path.stem != "claims")
    failed = not presets
    for preset in presets:
        name = preset.relative_to(ROOT)
        try:
            found = findings(preset)
        except RuntimeError as error:
            found = [f"the workflow cannot be read:\n{error}"]
        for line in found or ["workflow is clean"]:
            print(f"{name}: {line}")
        failed |= bool(found)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
