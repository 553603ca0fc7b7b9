"""The locked environments fit pyproject.toml, and `make env` tells in one line what it cannot do."""

import os
import re
import runpy
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = runpy.run_path(str(ROOT / "envs/lock.py"))
EXTRAS = LOCK["EXTRAS"]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))


def pins(accelerator: str) -> dict[str, tuple[Requirement, list[str]]]:
    """Every requirement of a lock file by its name, with its hashes."""
    text = (ROOT / f"envs/{accelerator}.txt").read_text()
    lines = [line for line in text.replace("\\\n", " ").splitlines() if not line.startswith("#")]
    parts = [re.split(r"\s+--hash=", line.strip()) for line in lines]
    requirements = [(Requirement(head), hashes) for head, *hashes in parts]
    return {canonicalize_name(requirement.name): (requirement, hashes) for requirement, hashes in requirements}


def required(accelerator: str) -> list[Requirement]:
    """What pyproject.toml asks for in one environment."""
    extras = [text for extra in EXTRAS[accelerator] for text in PROJECT["optional-dependencies"][extra]]
    return [Requirement(text) for text in (*PROJECT["dependencies"], *extras)]


def markers(python: str, platform: str, machine: str) -> dict[str, str]:
    return {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": platform,
        "platform_machine": machine,
        "platform_system": {"linux": "Linux", "darwin": "Darwin"}[platform],
        "extra": "",
    }


@pytest.mark.parametrize("accelerator", EXTRAS)
def test_lock_file_is_not_older_than_the_dependency_tables(accelerator):
    digest = re.search(
        r"^# pyproject-dependencies-sha256: (\w+)$", (ROOT / f"envs/{accelerator}.txt").read_text(), re.M
    )
    assert digest is not None
    assert digest[1] == LOCK["dependencies_digest"](), "pyproject.toml has changed: make lock"


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("accelerator", EXTRAS)
def test_pins_satisfy_every_requirement_on_every_python(accelerator, python):
    locked = pins(accelerator)
    for platform, machine in PLATFORMS:
        environment = markers(python, platform, machine)
        for requirement in required(accelerator):
            if requirement.marker is not None and not requirement.marker.evaluate(environment):
                continue
            pin, _ = locked[canonicalize_name(requirement.name)]
            (version,) = pin.specifier
            assert version.operator == "=="
            assert requirement.specifier.contains(version.version), f"{requirement} is pinned as {pin}"
            assert pin.marker is None or pin.marker.evaluate(environment), f"{pin} is left out on {environment}"


@pytest.mark.parametrize("accelerator", EXTRAS)
def test_every_pin_is_exact_and_has_hashes(accelerator):
    for pin, hashes in pins(accelerator).values():
        assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), pin
        assert pin.url is None
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), pin


def test_environments_differ_by_the_packages_of_cuda_and_nothing_else():
    cpu, cuda = pins("cpu"), pins("cuda12")
    assert {name: str(pin) for name, (pin, _) in cpu.items()} == {
        name: str(pin) for name, (pin, _) in cuda.items() if name in cpu
    }
    assert all(name.startswith(("nvidia-", "jax-cuda12-")) for name in cuda.keys() - cpu.keys())


@pytest.mark.parametrize("path", ["pyproject.toml", "Makefile", "envs/install.sh", "envs/lock.py", ".ci/run"])
def test_no_package_index_is_named_in_the_project(path):
    assert not re.search(r"https?://|(?<!--no-emit-)index-url|find-links", (ROOT / path).read_text())


@pytest.mark.parametrize("accelerator", EXTRAS)
def test_lock_files_name_no_address(accelerator):
    text = (ROOT / f"envs/{accelerator}.txt").read_text()
    assert "http" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_python_range_is_that_of_the_tests():
    locked = SpecifierSet(PROJECT["requires-python"])
    assert all(f"{python}.0" in locked for python in PYTHONS)
    assert "3.10.9" not in locked
    assert "3.15.0" not in locked


# --- make env ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path):
    """A copy of what `make env` reads, without an environment."""
    (tmp_path / "envs").mkdir()
    for path in ("Makefile", "pyproject.toml", "envs/install.sh", "envs/cpu.txt", "envs/cuda12.txt"):
        shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path


def python_that_says(folder: Path, version: str, name: str = "fake-python", *, modules: bool = True) -> Path:
    """A program that passes for a Python of some version, which makes no environment."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        f"    *ensurepip*) exit {0 if modules else 1} ;;\n"
        f"    *version_info*) echo {version} ;;\n"
        f'    *_base_executable*) echo "{path}" ;;\n'
        f"    *) echo 'Python {version}.0'; exit 1 ;;\n"
        "esac\n"
    )
    path.chmod(0o755)
    return path


def only_these(folder: Path) -> str:
    """A search path with the tools of the shell and, of all Pythons, those in a folder."""
    for tool in ("sh", "sed", "seq", "cmp", "rm", "cp", "mv", "tail", "mkdir"):
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return str(folder)


def make_env(tree: Path, *arguments: str, path: str | None = None) -> tuple[int, list[str], list[str]]:
    """Exit status, output and errors of `make env`; the line with which make itself ends is left out."""
    unset = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON", "ACCEL")
    environment = {key: value for key, value in os.environ.items() if key not in unset}
    if path is not None:
        environment["PATH"] = path
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    run = subprocess.run(
        [make, "env", *arguments], cwd=tree, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    errors = [line for line in run.stderr.splitlines() if not line.startswith("make: ***")]
    return run.returncode, run.stdout.splitlines(), errors


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("3.15", "Python 3.15 is newer than the versions locked here (3.11 to 3.14): make env PYTHON=python3.14"),
        ("3.10", "Python 3.10 is older than the versions locked here (3.11 to 3.14): make env PYTHON=python3.13"),
    ],
)
def test_python_outside_the_locked_range_is_refused_in_one_line(tree, version, message):
    python = python_that_says(tree, version)
    status, output, errors = make_env(tree, f"PYTHON={python}")
    assert (status != 0, output, errors) == (True, [], [message])
    assert not (tree / ".venv").exists()


@pytest.mark.parametrize("name", ["no-such-python", "false"])
def test_what_is_no_python_is_refused_in_one_line(tree, name):
    status, output, errors = make_env(tree, f"PYTHON={name}")
    assert status != 0
    assert output == []
    assert errors == [f"PYTHON={name} is no Python 3: make env PYTHON=python3.13"]


def test_python_without_venv_is_refused_in_one_line(tree):
    python = python_that_says(tree, "3.12", modules=False)
    status, output, errors = make_env(tree, f"PYTHON={python}")
    assert status != 0
    assert output == []
    (line,) = errors
    assert "install python3.12-venv" in line


def test_unknown_accelerator_is_refused_in_one_line(tree):
    status, output, errors = make_env(tree, "ACCEL=tpu")
    assert status != 0
    assert output == []
    assert errors == ["ACCEL=tpu: there is no envs/tpu.txt; use ACCEL=cpu or ACCEL=cuda12"]


@pytest.mark.parametrize(
    ("installed", "chosen"),
    [
        ({"python3": "3.12", "python3.13": "3.13"}, "3.12"),
        ({"python3": "3.15", "python3.11": "3.11"}, "3.11"),
        ({"python3": "3.14", "python3.12": "3.12"}, "3.12"),
        ({"python3": "3.14"}, "3.14"),
        ({"python3": "3.9", "python3.14": "3.14"}, "3.14"),
    ],
)
def test_first_fitting_python_is_chosen_and_the_newest_version_last(tree, installed, chosen):
    for name, version in installed.items():
        python_that_says(tree / "bin", version, name)
    status, output, _ = make_env(tree, path=only_these(tree / "bin"))
    assert status != 0  # these make no environment
    assert output[0].startswith(f"Installing envs/cpu.txt into .venv with Python {chosen};")


def test_only_a_newer_python_is_refused_in_one_line(tree):
    python_that_says(tree / "bin", "3.15", "python3")
    status, output, errors = make_env(tree, path=only_these(tree / "bin"))
    assert status != 0
    assert output == []
    assert errors == ["Python 3.15 is newer than the versions locked here (3.11 to 3.14): make env PYTHON=python3.14"]


def test_no_python_at_all_is_told_in_one_line(tree):
    (tree / "bin").mkdir()
    status, output, errors = make_env(tree, path=only_these(tree / "bin"))
    assert status != 0
    assert output == []
    assert errors == [
        "no Python found: install one of the versions locked here (3.11 to 3.14), or: make env PYTHON=/path/to/python"
    ]


def test_failed_installation_does_not_pass_for_a_finished_one(tree):
    (tree / ".venv").mkdir()
    (tree / ".venv/cpu.lock").write_text("another lock file")
    status, _, _ = make_env(tree, f"PYTHON={python_that_says(tree, '3.12')}")
    assert status != 0
    assert list((tree / ".venv").glob("*.lock")) == []


def test_finished_installation_is_left_alone_and_keeps_its_accelerator(tree):
    (tree / ".venv").mkdir()
    shutil.copy(tree / "envs/cuda12.txt", tree / ".venv/cuda12.lock")
    assert make_env(tree, "PYTHON=no-such-python") == (0, [], [])
