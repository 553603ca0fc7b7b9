"""Pin the dependency tables of pyproject.toml, with hashes, for every Python and platform: `make lock`.

Pins that still fit are kept; `make lock UPGRADE=--upgrade` takes the newest versions. cpu.txt is pinned under
cuda12.txt, so the two differ by the CUDA packages and nothing else.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ENVS = Path(__file__).parent
PYPROJECT = ENVS.parent / "pyproject.toml"
EXTRAS = {"cuda12": ("dev", "cuda12"), "cpu": ("dev",)}
HEADER = """\
# Every package of the environment '{accelerator}', pinned and hashed for Python {python}. Made by: make lock
# pyproject-dependencies-sha256: {digest}
"""


def dependencies_digest(pyproject: Path = PYPROJECT) -> str:
    """SHA-256 of what the pins depend on: Python range, dependencies and extras."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    tables = {key: project[key] for key in ("requires-python", "dependencies", "optional-dependencies")}
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()


def lock(accelerator: str, options: list[str]) -> None:
    """Resolve one environment and write its file when that has worked."""
    target = ENVS / f"{accelerator}.txt"
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    lowest = project["requires-python"].removeprefix(">=").partition(",")[0]
    command = [sys.executable, "-m", "uv", "pip", "compile", str(PYPROJECT), "--quiet"]
    command += ["--universal", "--python-version", lowest, "--fork-strategy", "fewest", "--generate-hashes"]
    command += ["--no-emit-index-url", "--no-annotate", "--no-header"]
    command += [f"--extra={extra}" for extra in EXTRAS[accelerator]]
    if accelerator != "cuda12":
        command += ["--constraints", str(ENVS / "cuda12.txt")]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / target.name
        if target.exists():
            output.write_text(target.read_text(encoding="utf-8"), encoding="utf-8")
        subprocess.run([*command, *options, "--output-file", str(output)], check=True, stdout=subprocess.DEVNULL)
        pins = output.read_text(encoding="utf-8")
    header = HEADER.format(accelerator=accelerator, python=project["requires-python"], digest=dependencies_digest())
    target.write_text(header + pins, encoding="utf-8")


def main() -> None:
    """Lock every environment."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions instead of keeping pins")
    arguments = parser.parse_args()
    for accelerator in EXTRAS:
        lock(accelerator, ["--upgrade"] if arguments.upgrade else [])
        print(f"envs/{accelerator}.txt")


if __name__ == "__main__":
    main()
