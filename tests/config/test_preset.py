"""Presets: every shipped one loads, and resolves into the specifications of its jobs."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from workflow_src.config import load_preset, pack_label, read_preset

ROOT = Path(__file__).parents[2]
PRESETS = sorted(path for path in (ROOT / "config").glob("*.yaml") if path.stem != "claims")
SMOKE = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def smoke():
    return load_preset(SMOKE, "smoke.yaml")


@pytest.mark.parametrize("file", PRESETS, ids=lambda file: file.stem)
def test_every_shipped_preset_loads_and_has_jobs(file):
    assert len(list(read_preset(file).runs())) > 0


def test_overrides_go_from_preset_to_experiment_to_model(smoke):
    quasi = smoke.run("lorenz63_full", "shplrnn_quasi", 100, (0, 1, 2))
    assert quasi.training.solver == "quasi_deer"
    assert smoke.run("lorenz63_full", "shplrnn", 100, (0,)).training.solver == "deer"
    assert smoke.run("lorenz96_lengths", "shplrnn_full", 64, (0,)).training.solver == "sequential"
    assert smoke.runtime_run("runtime", "shplrnn_m3", 128).run.training.forcing_strength == 0.2


def test_one_way_to_state_the_batch_takes_the_place_of_the_other(smoke):
    assert SMOKE["training"]["samples_per_update"] == 2048
    run = smoke.run("lorenz63_full", "shplrnn", 100, (0,))
    assert (run.training.batch_size, run.training.samples_per_update) == (4, None)
    assert (run.training.warmup_steps, run.training.warmup_fraction) == (10, None)


def test_batch_and_warm_up_follow_the_sequence_length(smoke):
    runs = [smoke.run("lorenz96_lengths", "shplrnn_full", length, (0,)) for length in (64, 256, 1024)]
    assert [run.batch_size * run.sequence_length for run in runs] == [2048] * 3
    assert [run.warmup for run in runs] == [16, 64, 256]


def test_a_run_spec_survives_the_command_line(smoke):
    for run in smoke.runs():
        assert type(run).parse(run.dump()) == run


def test_packs_cover_all_seeds_once():
    experiment = SMOKE["experiments"]["lorenz63_full"] | {"seeds": 7}
    preset = load_preset(SMOKE | {"experiments": SMOKE["experiments"] | {"lorenz63_full": experiment}}, "x")
    packs = preset.packs("lorenz63_full")
    assert [pack_label(pack) for pack in packs] == ["0-2", "3-5", "6"]
    assert sum(packs, ()) == tuple(range(7))
    experiment |= {"first_seed": 100}
    later = load_preset(SMOKE | {"experiments": SMOKE["experiments"] | {"lorenz63_full": experiment}}, "x")
    assert [pack_label(pack) for pack in later.packs("lorenz63_full")] == ["100-102", "103-105", "106"]


def test_reading_presets_needs_no_jax():
    code = (
        "import sys, workflow_src.config, workflow_src.store, workflow_src.provenance; assert 'jax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
