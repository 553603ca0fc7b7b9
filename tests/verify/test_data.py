"""Datasets simulated again: which change is seen by which tier."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from workflow_src import store
from workflow_src.config import read_preset
from workflow_src.provenance import fingerprint
from workflow_src.specs.dataset import DatasetSpec
from workflow_src.steps.simulate import simulate
from workflow_src.verify import orbits, origin
from workflow_src.verify.data import check, verify_data

ROOT = Path(__file__).parents[2]
SPEC = DatasetSpec.model_validate_json(
    json.dumps(
        {
            "system": "lorenz63",
            "parameters": {"sigma": 10.0, "rho": 28.0, "beta": 8 / 3},
            "time_step": 0.01,
            "substeps": 1,
            "observed": ["x", "y", "z"],
            "train": {"initial_state": [1.0, 1.0, 20.0], "transient_steps": 1000, "steps": 5000},
            "test": {"initial_state": [-3.0, -5.0, 25.0], "transient_steps": 1000, "steps": 4000},
            "noise": 0.05,
            "noise_seed": 3,
        }
    )
)


@pytest.fixture(scope="module")
def simulated():
    return simulate(SPEC, "lorenz63")


@pytest.fixture
def dataset(simulated):
    return simulated.copy(deep=True)


def record(**changes):
    facts = origin.here(code_fingerprint=fingerprint("workflow_src.steps.simulate"))
    return facts | {"spec": {"spec": json.loads(SPEC.model_dump_json())}} | changes


def outcomes(dataset, path, made_by=None, stated=None):
    """What the tiers say of a dataset that is saved and loaded.

    Args:
        stated: the hash that the file states of itself; by default the right one.
    """
    store.save(path / "d.nc", dataset, made_by if made_by is not None else record())
    loaded = store.load(path / "d.nc")
    if stated:
        loaded.attrs["content_sha256"] = stated
    found = check("d.nc", loaded, SPEC, "lorenz63")
    return found.outcome, [tier.outcome for tier in found.tiers], " ".join(tier.text for tier in found.tiers)


def elsewhere():
    made = record()
    return made | {"execution": made["execution"] | {"cpu": "another"}}


def test_a_dataset_as_it_was_simulated_holds_to_the_bit(dataset, tmp_path):
    assert outcomes(dataset, tmp_path)[:2] == ("PASS", ["PASS", "PASS", "PASS"])


def test_a_changed_last_bit_fails_the_first_tier_alone(dataset, tmp_path):
    values = dataset["test"].values
    values[700, 1] = np.nextafter(values[700, 1], 9)
    assert outcomes(dataset, tmp_path)[:2] == ("FAIL", ["FAIL", "PASS", "PASS"])


def test_other_bits_of_another_machine_are_no_fault(tmp_path):
    start = tuple(math.nextafter(value, 99) for value in SPEC.train.initial_state)
    rounded = SPEC.model_copy(update={"train": SPEC.train.model_copy(update={"initial_state": start})})
    dataset = simulate(rounded, "lorenz63")
    # Another orbit altogether at its end, scaled by another mean and spread.
    assert np.abs(dataset["train"] - simulate(SPEC, "lorenz63")["train"]).max() > 1
    verdict, tiers, text = outcomes(dataset, tmp_path, elsewhere())
    assert (verdict, tiers) == ("PASS", ["INCONCLUSIVE", "PASS", "PASS"])
    assert "processor" in text


def test_bits_are_not_asked_for_without_a_record(dataset, tmp_path):
    dataset["test"].values[0] += 1e-12
    verdict, tiers, text = outcomes(dataset, tmp_path, {})
    assert (verdict, tiers[0]) == ("PASS", "INCONCLUSIVE")
    assert "not recorded" in text


def test_other_invariants_fail_though_the_file_states_the_right_hash(dataset, tmp_path):
    right = store.content_hash(store.describe(dataset))
    dataset["test"].values[:] *= 1.3
    verdict, tiers, text = outcomes(dataset, tmp_path, elsewhere(), stated=right)
    assert (verdict, tiers) == ("FAIL", ["INCONCLUSIVE", "FAIL", "FAIL"])
    assert "component" in text


def test_a_late_change_of_one_value_fails_on_any_machine(dataset, tmp_path):
    dataset["test"].values[3900, 0] += 0.01
    verdict, tiers, text = outcomes(dataset, tmp_path, elsewhere())
    assert (verdict, tiers) == ("FAIL", ["INCONCLUSIVE", "FAIL", "PASS"])
    assert "test: step 3900 differs all at once" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.assign(train=d["train"] + 0.01 * (d["train_step"] == 40)), "noise on train is another"),
        (lambda d: d.assign(noise_std=d["noise_std"] * 2), "noise_std is another"),
        (lambda d: d.assign(std=d["std"] * 1.001), "train_clean: step 0 differs"),
        (lambda d: d.assign_coords(component=["y", "x", "z"]), "component is another"),
        (lambda d: d.drop_vars("noise_std"), "noise_std is missing"),
        (lambda d: d.isel(test_step=slice(100)), "sizes {'test_step': 100, 'component': 3} instead of"),
    ],
    ids=["noise", "noise_std", "std", "component", "dropped", "cut"],
)
def test_what_is_no_orbit_is_compared_too(dataset, tmp_path, change, words):
    verdict, _, text = outcomes(change(dataset), tmp_path, elsewhere())
    assert verdict == "FAIL"
    assert words in text


def test_other_settings_are_named_and_nothing_is_simulated(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr("workflow_src.verify.data.simulate", None)
    old = record()["spec"]["spec"] | {"noise": 0.1}
    verdict, _, text = outcomes(dataset, tmp_path, record(spec={"spec": old}))
    assert verdict == "FAIL"
    assert "noise 0.1 -> 0.05" in text


def test_the_growth_rates_have_the_published_exponent_as_their_mean():
    assert orbits.growth_rates(SPEC, SPEC.train).mean() == pytest.approx(0.906, abs=0.1)


def test_the_horizon_is_ten_lyapunov_times_or_what_the_transient_leaves():
    def steps(transient, count=5000, rate=0.5):
        return orbits.horizon(np.full(transient + count, rate), 0.1, transient)

    assert steps(0) == 200
    assert steps(0, 50) == 50
    # Rounding reaches the tolerance at ln(1e8) = 18.4 Lyapunov times from the start.
    assert steps(300) == 68
    assert steps(1000) == 0
    assert steps(100, rate=-0.1) == 5000


def test_the_horizon_ends_early_where_an_orbit_makes_differences_grow_fast():
    rates = np.full(5000, 0.5)
    rates[100:120] = 8.0
    assert 100 < orbits.horizon(rates, 0.1, 0) < 120


def orbit(split="train"):
    return simulate(SPEC, "lorenz63")[f"{split}_clean" if split == "train" else split].values


def test_the_beginning_cannot_be_judged_where_rounding_grew_in_the_transient():
    again = orbit()
    assert orbits.same_beginning(again + 1e-9, again, 0).holds is None
    assert orbits.same_beginning(again + 1e-3, again, 0).holds is None
    assert orbits.same_beginning(again + 1e-9, again, 10).holds is True
    assert orbits.same_beginning(again + 1e-3, again, 10).holds is False
    late = again + 0.1 * (np.arange(len(again)) == 4000)[:, None]
    assert orbits.same_beginning(late, again, 0).holds is False


def test_a_value_that_is_no_number_is_a_difference():
    again = orbit()
    stored = again.copy()
    stored[4000, 1] = np.nan
    assert orbits.same_beginning(stored, again, 10).holds is False
    assert orbits.same_attractor(stored, again, orbit("test")).holds is False


def test_another_orbit_on_the_attractor_has_its_invariants():
    # Both standardised alike.
    one = simulate(SPEC, "lorenz63")
    start = SPEC.train.model_copy(update={"initial_state": (2.0, 3.0, 15.0)})
    other = simulate(SPEC.model_copy(update={"train": start}), "lorenz63")
    moved = (other["train_clean"] * other["std"] + other["mean"] - one["mean"]) / one["std"]
    assert orbits.same_attractor(moved.values, one["train_clean"].values, one["test"].values).holds is True


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: x + np.array([0, 0, 0.5]), "mean of component 3"),
        (lambda x: x * [1, 1.5, 1], "of component 2"),
        (lambda x: np.random.default_rng(0).permutation(x), "size of a step of component"),
        (lambda x: x * [1, -1, 1], "D_stsp"),
    ],
    ids=["moved", "stretched", "shuffled", "mirrored"],
)
def test_another_attractor_has_other_invariants(change, words):
    judged = orbits.same_attractor(change(orbit()), orbit(), orbit("test"))
    assert judged.holds is False
    assert words in judged.text


def test_an_unreadable_dataset_fails_and_the_next_is_compared(simulated, tmp_path):
    smoke = read_preset(ROOT / "config/smoke.yaml")
    two = smoke.model_copy(update={"datasets": {"a": SPEC, "b": SPEC}})
    (tmp_path / "simulate").mkdir()
    (tmp_path / "simulate/a.nc").write_bytes(b"no dataset")
    store.save(tmp_path / "simulate/b.nc", simulated, record())
    assert [one.outcome for one in verify_data(two, tmp_path)] == ["FAIL", "PASS"]
