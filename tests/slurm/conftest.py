"""One cluster for all tests of this folder, a preset of seconds, and a record of how the tests ended."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from tests.records import circumstances
from tests.slurm.cluster import ROOT, Cluster, Run, Unavailable, clone

PRESET = "config/tiny.yaml"
# The training that the tests disturb: long enough for several checkpoints.
DISTURBED = "disturbed"
UPDATES = 15000
PLACE = f"{DISTURBED}/shplrnn_m3/T100/seeds0"
OUTPUTS = tuple(f"results/tiny/train/{PLACE}/{name}" for name in ("model.eqx", "history.nc"))


def pytest_addoption(parser):
    parser.addoption("--record", type=Path, help="JSON file to say how each test on Slurm ended")


class Recorder:
    """How each test ended, with the time of its fixtures; the file is written after each of them."""

    def __init__(self, file, arguments):
        self.file, self.began = file, time.monotonic()
        self.sources = circumstances(datetime.now(UTC).isoformat(timespec="seconds"), 0)
        self.arguments = " ".join(["python -m pytest", *arguments])
        self.outcome, self.seconds = {}, defaultdict(float)

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.rpartition("tests/slurm/")[2]
        self.seconds[name] += report.duration
        if report.when == "call" or report.outcome != "passed":
            self.outcome[name] = report.outcome

    def pytest_runtest_logfinish(self):
        daemon = shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin")
        version = subprocess.run([daemon, "-V"], capture_output=True, text=True).stdout.strip() if daemon else None
        record = {
            "what": "the pipeline on a Slurm of two nodes, and trainings disturbed there; every test must have passed",
            "command": self.arguments,
            **self.sources,
            "seconds": round(time.monotonic() - self.began),
            "scheduler": version,
            "tests": {
                name: {"outcome": outcome, "seconds": round(self.seconds[name])}
                for name, outcome in self.outcome.items()
            },
        }
        self.file.write_text(json.dumps(record, indent=1) + "\n")


def pytest_configure(config):
    if file := config.getoption("record", None):
        config.pluginmanager.register(Recorder(file, config.invocation_params.args))


@pytest.fixture(scope="session")
def state():
    """Where the cluster lives: short, as paths of sockets must be, and open to the user of its authentication."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def cluster(state, request):
    """Up before the first test of a module, down after the last."""
    own = Cluster(state, accounting=getattr(request.module, "ACCOUNTING", False))
    try:
        own.start()
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield own
    own.stop()


@pytest.fixture
def project(cluster, tmp_path):
    """A fresh clone with the preset `tiny`; neither its Snakemake nor its jobs outlive the test."""
    folder = clone(tmp_path / "project")
    (folder / PRESET).write_text(yaml.safe_dump(tiny()))
    yield folder
    for run in Run.started:
        run.kill()
    Run.started.clear()
    while jobs := cluster.unfinished(folder):
        subprocess.run(["scancel", *jobs], capture_output=True)
        time.sleep(1)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """A folder with the results of that training, made on this machine without a cluster."""
    folder = clone(tmp_path_factory.mktemp("undisturbed"))
    (folder / PRESET).write_text(yaml.safe_dump(tiny()))

    Run(folder, "-c1", "--configfile", PRESET, "--", *OUTPUTS).ends_well()
    return folder


def tiny():
    """The smoke preset's Figure 1 with few updates, and a training to disturb."""
    smoke = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    base = smoke["experiments"]["lorenz63_dimensions"] | {"models": ["shplrnn_m3"]}
    runtime = smoke["benchmarks"]["runtime"] | {"models": ["shplrnn_m3"], "sequence_lengths": [128]}
    short = base["training"] | {"updates": 20}
    lasting = base["training"] | {"solver": "sequential", "updates": UPDATES}
    settings = {key: smoke[key] for key in ("source", "compute", "precision", "training", "evaluation")}
    return settings | {
        "preset": "tiny",
        "datasets": {"lorenz63": smoke["datasets"]["lorenz63"]},
        "models": {"shplrnn_m3": smoke["models"]["shplrnn_m3"]},
        "experiments": {
            "lorenz63_dimensions": base | {"training": short},
            "two": base | {"training": short, "seeds": 2},
            DISTURBED: base | {"training": lasting},
        },
        "benchmarks": {"runtime": runtime, "iterations": smoke["benchmarks"]["iterations"] | {"passes": 2}},
        "figures": {"figure1": {"runtime": "runtime", "iterations": "iterations"}},
        "tables": {"table1": {"full": "two", "partial": "two"}},
    }
