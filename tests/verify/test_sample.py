"""Trainings repeated: which difference is seen by which tier, and what may be said on another machine."""

import os
import shutil

import numpy as np
import pytest
import xarray as xr
import yaml

from tests.audit import results
from tests.training.specs import run_spec
from workflow_src.__main__ import main
from workflow_src.config import read_preset
from workflow_src.errors import UserError
from workflow_src.verify import origin
from workflow_src.verify.kept import kept_run
from workflow_src.verify.run import MEASURES, Stored, Trained, binned, compare, stored_run
from workflow_src.verify.sample import call, draw

UPDATES, SEEDS = 40, (0, 1, 2, 3)
RUN = run_spec(seeds=SEEDS, precision="float32", updates=UPDATES)


def measures(values=(1.0, 1.1, 0.9, 1.05)):
    values = np.array(values)
    return xr.Dataset(
        {
            name: (("seed", "embedding"), values[:, None]) if name == MEASURES[0] else ("seed", values)
            for name in MEASURES
        },
        coords={"seed": list(SEEDS)},
    )


def trained(**changes):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((4, 3, 2)).astype(np.float32), rng.standard_normal((4, 5)).astype(np.float32)]
    losses = rng.random((4, UPDATES)).astype(np.float32)
    return Trained(arrays, losses, measures(), origin.here(code_fingerprint="c"))._replace(**changes)


def elsewhere():
    made = origin.here(code_fingerprint="c")
    return made | {"packages": made["packages"] | {"jax": "0.1"}}


def judged(stored, again=None, seed=1):
    again = again or trained()
    spread = [stored.measures] if stored.measures is not None else []
    found = compare("cell", RUN, seed, Stored(stored, spread), again)
    return found.outcome, [tier.outcome for tier in found.tiers], " ".join(tier.text for tier in found.tiers)


def changed_arrays(scale, seed=1):
    arrays = [array.copy() for array in trained().arrays]
    arrays[0][seed] *= 1 + scale
    return arrays


def changed_losses(first, seed=1, factor=2):
    losses = trained().losses.copy()
    losses[seed, first:] *= factor
    return losses


def test_the_same_training_holds_in_every_tier():
    assert judged(trained())[:2] == ("PASS", ["PASS", "PASS", "PASS"])


def test_a_changed_last_bit_fails_the_first_tier_alone():
    verdict, tiers, text = judged(trained(arrays=changed_arrays(1e-7)))
    assert (verdict, tiers) == ("FAIL", ["FAIL", "PASS", "PASS"])
    assert "same machine, versions and sources" in text


def test_a_change_of_another_seed_of_the_pack_is_not_this_runs():
    assert judged(trained(arrays=changed_arrays(1.0, seed=2)))[0] == "PASS"


def test_other_bits_of_other_versions_are_no_fault():
    verdict, tiers, text = judged(trained(arrays=changed_arrays(1e-7), record=elsewhere()))
    assert (verdict, tiers) == ("PASS", ["INCONCLUSIVE", "PASS", "PASS"])
    assert "jax 0.1 there" in text


def test_losses_that_part_late_are_inconclusive_and_the_measures_decide():
    part = {"arrays": changed_arrays(0.3), "losses": changed_losses(20), "record": elsewhere()}
    verdict, tiers, text = judged(trained(**part))
    assert (verdict, tiers) == ("PASS", ["INCONCLUSIVE", "INCONCLUSIVE", "PASS"])
    assert "for 20 of 40 updates" in text
    far = measures((1.0, 50.0, 0.9, 1.05))
    verdict, tiers, text = judged(trained(**part, measures=far))
    assert (verdict, tiers) == ("FAIL", ["INCONCLUSIVE", "INCONCLUSIVE", "FAIL"])
    assert "state_space_divergence 50, anew 1.1: further apart than two seeds are" in text
    near = measures((1.0, 1.2, 0.9, 1.05))
    assert judged(trained(**part, measures=near))[1][2] == "PASS"


def test_losses_that_part_at_once_fail_on_any_machine():
    verdict, tiers, _ = judged(trained(losses=changed_losses(2), record=elsewhere()))
    assert (verdict, tiers[1]) == ("FAIL", "FAIL")


@pytest.mark.parametrize(("scale", "outcome"), [(1e-5, "PASS"), (1e-2, "INCONCLUSIVE"), (0.5, "FAIL")])
def test_parameters_must_belong_to_the_losses(scale, outcome):
    assert judged(trained(arrays=changed_arrays(scale), record=elsewhere()))[1][1] == outcome


def test_the_same_model_has_the_same_measures():
    verdict, tiers, text = judged(trained(measures=measures((1.0, 1.15, 0.9, 1.05))))
    assert (verdict, tiers[1]) == ("FAIL", "FAIL")
    assert "another state_space_divergence" in text


def test_the_same_model_had_the_same_losses():
    verdict, tiers, text = judged(trained(losses=changed_losses(30)))
    assert (verdict, tiers[1]) == ("FAIL", "FAIL")
    assert "other losses from update 30 on" in text


def test_too_few_seeds_have_no_spread():
    few = measures().isel(seed=[1]) * 1.2
    assert judged(trained(measures=few))[1][2] == "INCONCLUSIVE"


def test_without_an_evaluation_the_measures_are_open():
    assert judged(trained(measures=None))[1] == ["PASS", "PASS", "INCONCLUSIVE"]


def test_a_run_that_alone_diverged_fails_and_beside_others_is_open():
    other = {"arrays": changed_arrays(0.3), "losses": changed_losses(20), "record": elsewhere()}
    alone = measures((1.0, np.inf, 0.9, 1.05))
    assert judged(trained(**other, measures=alone))[1][2] == "FAIL"
    beside = measures((np.inf, np.inf, 0.9, 1.05))
    assert judged(trained(**other, measures=beside))[1][2] == "INCONCLUSIVE"


def test_a_run_that_diverged_at_the_same_update_again_holds():
    lost = changed_losses(10, factor=np.nan)
    gone = measures((1.0, np.nan, 0.9, 1.05))
    both = trained(losses=lost, measures=gone)
    assert judged(both, both)[:2] == ("PASS", ["PASS", "PASS", "PASS"])


def test_threads_are_those_of_the_record(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    record = {"execution": {"environment": {"OMP_NUM_THREADS": "1", "XLA_FLAGS": "x"}}}
    found = origin.threads(record)
    assert found["OMP_NUM_THREADS"] == "1"
    assert "MKL_NUM_THREADS" not in found
    assert found.get("XLA_FLAGS") == os.environ.get("XLA_FLAGS")


def test_settings_that_change_numbers_are_named_and_a_schedulers_are_not():
    def made(**environment):
        facts = origin.here(numerics={})
        return facts | {"execution": facts["execution"] | {"environment": environment}}

    assert origin.differences(made(SLURM_JOB_ID="1"), made(SLURM_JOB_ID="2")) == []
    assert origin.differences(made(XLA_FLAGS="a"), made(XLA_FLAGS="b")) == ["XLA_FLAGS a there, b here"]
    assert origin.differences(made(XLA_FLAGS="a" * 99), made(XLA_FLAGS="b")) == ["XLA_FLAGS differs"]
    assert origin.differences(None, made()) == ["its machine and versions are not recorded"]


@pytest.mark.parametrize(
    ("content", "there", "outcomes"),
    [
        ("a", trained, ["PASS", "PASS", "PASS"]),
        ("b", trained, ["FAIL", "PASS", "PASS"]),
        ("b", elsewhere, ["INCONCLUSIVE", "PASS", "PASS"]),
        (None, elsewhere, ["INCONCLUSIVE", "PASS", "PASS"]),
    ],
)
def test_a_pack_without_its_checkpoint_is_told_by_the_hash_of_it(content, there, outcomes):
    again = trained(content="a")
    medians = binned(again.losses, 8)
    assert medians.shape == (4, 5)
    np.testing.assert_array_equal(medians[:, 4], np.median(again.losses[:, 32:], axis=1))
    record = elsewhere() if there is elsewhere else again.record
    kept = trained(arrays=None, content=content, losses=medians, width=8, record=record)
    _, tiers, text = judged(kept, again)
    assert tiers == outcomes
    assert "5 of 5 medians of 8 updates, parameters are not here" in text
    first = medians.copy()
    first[1, 0] *= 2
    assert judged(kept._replace(losses=first), again)[1][1] == "FAIL"


def test_arrays_that_do_not_tell_of_a_pack_are_refused(made):
    preset, base = made
    run = next(preset.runs())
    path = base / "aggregate/lorenz63_full.nc"
    with pytest.raises(UserError, match=r"lorenz63_full\.nc: .*make it again"):
        kept_run(preset, base, run)
    results.store.save(path, xr.Dataset({"loss": 1.0}), {"schema": 2, "step": "aggregate"})
    with pytest.raises(UserError, match="does not say which train/lorenz63_full"):
        kept_run(preset, base, run)
    path.unlink()


def test_other_shapes_are_refused():
    for cut in ([array[:, :2] for array in trained().arrays], [array[:1] for array in trained().arrays], []):
        verdict, _, text = judged(trained(arrays=cut))
        assert verdict == "FAIL"
        assert "other shapes" in text


def test_files_of_other_seeds_or_variables_are_refused(made):
    preset, base = made
    run = next(preset.runs())
    # These evaluations hold nothing of what an evaluation writes.
    with pytest.raises(UserError, match=r"seeds0\.nc: has not state_space_divergence"):
        stored_run(preset, base, run)
    model, history = (base / "train/lorenz63_full/shplrnn/T100/seeds0" / name for name in ("model.eqx", "history.nc"))
    with pytest.raises(UserError, match=r"history\.nc: has not loss of all its seeds"):
        Trained.read(model, history, None, (0, 5))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a preset of 2 experiments, 1 model, 2 packs of 1 seed, and files of that name."""
    folder = tmp_path_factory.mktemp("made")
    preset = results.small_preset(folder)
    results.make(folder, preset, only=("simulate", "train", "evaluate"))
    return read_preset(preset), folder / "results/tiny"


def test_a_draw_is_that_of_its_seed(made):
    preset, base = made
    assert draw(preset, base, 3, 5) == draw(preset, base, 3, 5)
    assert len({tuple(map(str, draw(preset, base, 2, seed)[0])) for seed in range(20)}) > 5
    cells, there = draw(preset, base, 4, 0)
    assert len(set(map(str, cells))) == there == 4
    assert "lorenz63_full/shplrnn/T100 seed 1" in map(str, cells)


@pytest.mark.parametrize("count", [0, -1, 5])
def test_more_runs_than_there_are_cannot_be_drawn(made, count):
    with pytest.raises(UserError, match="--sample"):
        draw(*made, count, 0)


def test_a_pack_of_other_settings_or_data_is_refused(made):
    preset, base = made
    run = next(preset.runs())
    longer = run.model_copy(update={"training": run.training.model_copy(update={"updates": 7})})
    with pytest.raises(UserError, match=r"other settings than the preset's: training.updates 200 -> 7"):
        stored_run(preset, base, longer)
    path = base / "simulate/lorenz63.nc"
    kept = path.read_bytes()
    path.write_bytes((base / "simulate/lorenz63_x.nc").read_bytes())
    with pytest.raises(UserError, match="was trained on another lorenz63"):
        stored_run(preset, base, run)
    path.write_bytes(kept)


def test_a_damaged_checkpoint_is_refused(made):
    preset, base = made
    run = next(preset.runs())
    path = base / "train/lorenz63_full/shplrnn/T100/seeds0/model.eqx"
    kept = path.read_bytes()
    path.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    with pytest.raises(UserError, match="changed after they were written"):
        stored_run(preset, base, run)
    path.write_bytes(kept)


@pytest.mark.slow
def test_a_pack_is_trained_again_once_for_all_its_runs_beside_the_results(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    smoke = yaml.safe_load((results.ROOT / "config/smoke.yaml").read_text())
    run = smoke["experiments"]["lorenz63_full"] | {"models": ["shplrnn"], "seeds": 2, "pack": 2}
    data = smoke["datasets"]["lorenz63"]
    short = {split: data[split] | {"steps": 2500} for split in ("train", "test")}
    few = {"generated_steps": 300, "monte_carlo_samples": 50, "lyapunov_steps": 100, "example_steps": 100}
    file = results.small_preset(
        tmp_path,
        datasets={"lorenz63": data | short},
        experiments={"lorenz63_full": run | {"training": run["training"] | {"updates": 20}}},
        evaluation=smoke["evaluation"] | few,
        figures={},
        tables={},
    )
    preset, base = read_preset(file), tmp_path / "results/tiny"
    spec = next(preset.runs())
    dataset, trained_in = base / "simulate/lorenz63.nc", base / "train/lorenz63_full/shplrnn/T100/seeds0-1"
    made_from = ("--dataset", dataset, "--model", trained_in / "model.eqx", "--history", trained_in / "history.nc")
    settings = preset.datasets["lorenz63"].model_dump_json()
    call(os.environ, "simulate", "--spec", settings, "--name", "lorenz63", "--output", dataset)
    call(os.environ, "train", "--spec", spec.dump(), *made_from)
    judged_by = preset.evaluation_of("lorenz63_full").model_dump_json()
    output = base / "evaluate/lorenz63_full/shplrnn/T100/seeds0-1.nc"
    call(os.environ, "evaluate", "--evaluation", judged_by, *made_from, "--output", output)
    before = {path: path.read_bytes() for path in base.rglob("*") if path.is_file()}

    with pytest.raises(SystemExit) as ended:
        main(["verify", "--preset", "tiny.yaml", "--sample", "2", "--seed", "1", "--data"])
    told = capsys.readouterr()
    assert ended.value.code == 0, told.out
    assert told.out.endswith("PASS: of 3 results 3 PASS\n")
    assert "drawn with --seed 1: 2 of 2 runs: lorenz63_full/shplrnn/T100 seed" in told.out
    assert told.out.count("bitwise      PASS") == 2
    assert told.err.count("training lorenz63_full/shplrnn/T100/seeds0-1") == 1
    assert {path: path.read_bytes() for path in base.rglob("*") if path.is_file()} == before

    combined = preset.aggregate("lorenz63_full").model_dump_json()
    path = base / "aggregate/lorenz63_full.nc"
    call(
        os.environ,
        "aggregate",
        *("--spec", combined, "--measures", output, "--histories", trained_in / "history.nc", "--output", path),
    )
    for stage in ("train", "evaluate"):
        shutil.rmtree(base / stage)
    with pytest.raises(SystemExit) as ended:
        main(["verify", "--preset", "tiny.yaml", "--sample", "1"])
    told = capsys.readouterr()
    assert ended.value.code == 0, told.out
    assert "bitwise      PASS          same parameters" in told.out
    assert "20 of 20 updates, parameters are not here" in told.out
