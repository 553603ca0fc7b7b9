"""The record of a job: what is in the file that it saves."""

import json
import time
from argparse import Namespace

import xarray as xr

from workflow_src import provenance, store


def saved(path):
    return json.loads(store.load(path).attrs["provenance"])


def test_a_saved_file_states_the_time_and_memory_that_it_took(tmp_path):
    dataset = xr.Dataset({"parameter_count": 1})
    with provenance.record("simulate", Namespace()) as record:
        store.save(tmp_path / "early.nc", dataset, record)
        time.sleep(0.02)
        store.save(tmp_path / "late.nc", dataset, record)
    early, late = (saved(tmp_path / name) for name in ("early.nc", "late.nc"))
    assert 0 <= early["wall_seconds"] <= late["wall_seconds"] - 0.02
    assert 20 < early["peak_memory_mib"] < 1e5


def test_facts_that_are_learned_on_the_way_are_saved_too(tmp_path):
    with provenance.record("simulate", Namespace()) as record:
        record["device"] = "cpu: here"
        store.save(tmp_path / "a.nc", xr.Dataset({"parameter_count": 1}), record)
    found = saved(tmp_path / "a.nc")
    assert found["device"] == "cpu: here"
    assert found["step"] == "simulate"


def test_inputs_are_named_with_the_hash_of_their_bytes(tmp_path):
    path = tmp_path / "input.txt"
    path.write_text("abc")
    with provenance.record("simulate", Namespace(dataset=path, absent=tmp_path / "output.nc")) as record:
        assert record["inputs"] == [{"path": str(path), "sha256": provenance.sha256_of(path)}]
