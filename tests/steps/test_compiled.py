"""Compiled programs are used again, and appear whole or not at all."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from workflow_src.steps import compiled

ROOT = Path(__file__).parents[2]
CODE = """
import os, signal, sys
from workflow_src.steps.arguments import run
from workflow_src.steps.device import prepare
import jax, jax.numpy as jnp

def main():
    prepare("cpu", "float32")
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    found = []
    jax.monitoring.register_event_listener(lambda event, **_: found.append(event))
    print(float(jax.jit(lambda x: jnp.linalg.svd(x)[1].sum())(jnp.eye(3))))
    print(sum(event.endswith("cache_hits") for event in found))
    if sys.argv[1:] == ["die"]:
        os.kill(os.getpid(), signal.SIGKILL)

run(main)
"""


def job(folder, *arguments):
    environment = os.environ | {"GTF_DEER_CACHE": str(folder)}
    command = [sys.executable, "-c", CODE, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_a_second_job_compiles_nothing_again(tmp_path):
    first, second = job(tmp_path), job(tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout.split() == ["3.0", "0"]
    assert second.stdout.split()[0] == "3.0"
    assert int(second.stdout.split()[1]) > 0
    shared = tmp_path / compiled.machine()
    assert not list(shared.glob("job-*"))


def test_a_killed_job_leaves_no_entry_and_its_folder_goes_later(tmp_path, monkeypatch):
    assert job(tmp_path, "die").returncode == -signal.SIGKILL
    shared = tmp_path / compiled.machine()
    assert not [path for path in shared.iterdir() if path.is_file()]
    (left,) = shared.glob("job-*")
    old = time.time() - compiled.FORGOTTEN_AFTER - 60
    os.utime(left, (old, old))
    assert job(tmp_path).returncode == 0
    assert not left.exists()


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path):
    (tmp_path / "file").write_text("")
    run = job(tmp_path / "file")
    assert run.returncode == 0
    assert "compiled programs are not kept" in run.stdout + run.stderr


def test_the_oldest_entries_go_beyond_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "MOST_BYTES", 25)
    for age, name in enumerate(["new", "middle", "old"]):
        (tmp_path / name).write_bytes(b"x" * 10)
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    compiled._tidy(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["middle", "new"]
