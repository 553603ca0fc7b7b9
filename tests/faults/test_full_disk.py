"""Jobs whose results and logs lie on a disk that is full: a small one, mounted for the test alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from workflow_src.status.failures import Failure, listing

ROOT = Path(__file__).parents[2]
MOUNT = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs -o size=256k disk "$0" && "$@"']
# A job as the rules run it, and what is then told of it if it fails.
JOB = """
import os, pathlib, subprocess, sys
from workflow_src.status.failures import Failure, listing

folder, code = pathlib.Path(sys.argv[1]), sys.argv[2]
try:
    with (folder / "filling").open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
except OSError as error:
    assert error.errno == 28
for setting in ({}, {"PYTHONUNBUFFERED": "1"}):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"} | setting
    with (folder / "a.log").open("wb") as log:
        job = subprocess.run([sys.executable, "-c", code, folder], stdout=log, stderr=log, env=environment)
    print(job.returncode)
assert (folder / "a.log").stat().st_size == 0
print(listing([Failure("train", str(folder / "a.nc"), (str(folder / "a.log"),))]))
"""
HEAD = """
import os, pathlib, signal, sys
from workflow_src import logs, stop
from workflow_src.files import write_atomically
from workflow_src.steps.arguments import run

def write():
    write_atomically(pathlib.Path(sys.argv[1]) / "a.nc", lambda path: path.write_bytes(bytes(10**6)))

def speak():
    for n in range(3):
        logs.say("update " + "." * 9000)

def heed():
    with stop.postponed() as asked:
        os.kill(os.getpid(), signal.SIGTERM)
        speak()
        raise stop.Stopped(asked())
"""


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        able = subprocess.run([*MOUNT, folder, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        able = False
    if not able:
        pytest.skip("this user may not mount a disk for a moment")
    return folder


def told(disk, name):
    """Exit status of a job with this function as its main, with and without buffers, and what is told of it."""
    command = [*MOUNT, disk, sys.executable, "-c", JOB, disk, f"{HEAD}\nrun({name})"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    first, second, text = run.stdout.split("\n", 2)
    return [int(first), int(second)], text


def test_a_job_that_only_speaks_is_done(disk):
    assert told(disk, "speak")[0] == [0, 0]


def test_a_job_that_is_asked_to_stop_does_so_with_the_status_of_its_signal(disk):
    assert told(disk, "heed")[0] == [143, 143]


def test_a_job_whose_line_finds_no_room_is_listed_with_the_mend(disk):
    statuses, text = told(disk, "write")
    assert statuses == [1, 1]
    log = disk / "a.log"
    assert f"{log} is empty; {log}: cannot be written (No space left on device); free space there" in text


def test_an_empty_log_on_a_disk_with_room_is_no_sign_of_a_full_one(tmp_path):
    (tmp_path / "a.log").touch()
    assert listing([Failure("train", "a.nc", (str(tmp_path / "a.log"),))]).endswith("a.log is empty or gone")
