"""One cluster for all tests of this folder, and a preset of seconds."""

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml

from tests.slurm.cluster import ROOT, Cluster, Run, Unavailable, clone

PRESET = "config/tiny.yaml"
# Updates of a training that is long enough to be disturbed.
DISTURBED = 15000


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
    """A fresh clone with the preset `tiny`, and an empty queue before and after."""
    folder = clone(tmp_path / "project")
    (folder / PRESET).write_text(yaml.safe_dump(tiny()))
    yield folder
    for run in Run.started:
        run.kill()
    Run.started.clear()
    if jobs := [job["JobId"] for job in cluster.jobs()]:
        subprocess.run(["scancel", *jobs], capture_output=True)
    for _ in range(60):
        if cluster.idle():
            break
        subprocess.run(["sleep", "0.5"], check=True)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """Gives the folder with the results of a training, made on this machine without a cluster."""
    folder = clone(tmp_path_factory.mktemp("undisturbed"))
    (folder / PRESET).write_text(yaml.safe_dump(tiny()))

    @functools.cache
    def made(experiment):
        Run(folder, "-c1", "--configfile", PRESET, "--", *outputs(experiment)).ends_well()
        return folder

    return made


def tiny():
    """The smoke preset's Figure 1 with few updates, and two trainings to disturb."""
    smoke = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    base = smoke["experiments"]["lorenz63_dimensions"] | {"models": ["shplrnn_m3"]}

    def lasting(updates):
        return base | {"training": base["training"] | {"solver": "sequential", "updates": updates}}

    runtime = smoke["benchmarks"]["runtime"] | {"models": ["shplrnn_m3"], "sequence_lengths": [128]}
    experiments = {
        "lorenz63_dimensions": base | {"training": base["training"] | {"updates": 20}, "seeds": 2},
        "short": lasting(DISTURBED),
        "long": lasting(5 * DISTURBED),
    }
    return smoke | {
        "preset": "tiny",
        "datasets": {"lorenz63": smoke["datasets"]["lorenz63"]},
        "models": {"shplrnn_m3": smoke["models"]["shplrnn_m3"]},
        "experiments": experiments,
        "benchmarks": {"runtime": runtime, "iterations": smoke["benchmarks"]["iterations"] | {"passes": 2}},
        "figures": {"figure1": {"runtime": "runtime", "iterations": "iterations"}},
        "tables": {"table1": {"full": "lorenz63_dimensions", "partial": "lorenz63_dimensions"}},
        "claims": {},
    }


def outputs(experiment):
    folder = f"results/tiny/train/{experiment}/shplrnn_m3/T100/seeds0"
    return f"{folder}/model.eqx", f"{folder}/history.nc"
