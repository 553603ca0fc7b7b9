"""The record of a job: what is in the files that it saves and beside them."""

import json
import os
import time
from argparse import Namespace
from pathlib import Path

import jsonschema
import pandas as pd
import pytest
import xarray as xr
from PIL import Image

from workflow_src import lock, processes, provenance, store
from workflow_src.errors import UserError
from workflow_src.figures import style
from workflow_src.provenance import attempts, carriers, lineage, seals, sidecar
from workflow_src.provenance.record import Made
from workflow_src.specs.dataset import DatasetSpec
from workflow_src.steps import figure

SCHEMA = json.loads(Path(provenance.__file__).with_name("record.schema.json").read_text())
DATASET = xr.Dataset({"parameter_count": 1})


def saved(path):
    return json.loads(store.load(path).attrs["provenance"])


def make(path, *inputs, step="simulate", **settings):
    """A netCDF file made by a job from other files."""
    args = Namespace(parts=list(inputs), output=path, **settings)
    with provenance.record(step, args, outputs=["output"]) as record:
        store.save(path, DATASET, record.document())
    return path


def test_a_saved_file_states_the_time_and_memory_that_it_took(tmp_path):
    with provenance.record("simulate", Namespace()) as record:
        store.save(tmp_path / "early.nc", DATASET, record.document())
        time.sleep(0.02)
        store.save(tmp_path / "late.nc", DATASET, record.document())
    early, late = (saved(tmp_path / name)["execution"] for name in ("early.nc", "late.nc"))
    assert 0 <= early["wall_seconds"] <= late["wall_seconds"] - 0.02
    assert 0 < early["cpu_seconds"] <= late["cpu_seconds"]
    assert 20 < early["peak_memory_mib"] < 1e5
    assert early["started"] <= early["ended"] <= late["ended"]


def test_facts_that_are_learned_on_the_way_are_saved_too(tmp_path):
    with provenance.record("simulate", Namespace()) as record:
        record["device"] = "cpu: here"
        record.diverged([3])
        store.save(tmp_path / "a.nc", DATASET, record.document())
    found = saved(tmp_path / "a.nc")
    assert found["device"] == "cpu: here"
    assert (found["status"], found["diverged_seeds"]) == ("diverged", [3])
    assert found["step"] == "simulate"


def test_inputs_are_named_with_the_hash_of_their_bytes_and_outputs_are_none(tmp_path):
    path, output = tmp_path / "input.txt", tmp_path / "output.nc"
    path.write_text("abc")
    output.write_text("of an earlier run")
    with provenance.record("simulate", Namespace(dataset=path, output=output), outputs=["output"]) as record:
        (one,) = record["inputs"]
        assert (one["role"], one["path"], one["bytes"]) == ("dataset", str(path), 3)
        assert one["sha256"] == provenance.sha256_of(path)
        assert one["content_sha256"] is one["record"] is None
        assert record["outputs"] == [str(output)]
        store.save(output, DATASET)


def test_a_step_that_fails_leaves_no_sidecar(tmp_path):
    args = Namespace(output=tmp_path / "a.nc")
    store.save(args.output, DATASET)
    with pytest.raises(ZeroDivisionError), provenance.record("simulate", args, outputs=["output"]):
        raise ZeroDivisionError
    assert sidecar.read(args.output) is None


def test_seeds_and_preset_are_those_of_the_specification(tmp_path):
    orbit = {"initial_state": [1.0], "transient_steps": 0, "steps": 2}
    spec = DatasetSpec.model_validate_json(
        json.dumps(
            {"system": "a", "parameters": {}, "time_step": 0.1, "substeps": 1, "observed": ["x"], "noise": 0.0}
            | {"train": orbit, "test": orbit, "noise_seed": 7}
        )
    )
    output = tmp_path / "results/tiny/simulate/a.nc"
    with provenance.record("simulate", Namespace(spec=spec, output=output), outputs=["output"]) as record:
        assert (record["seeds"], record["preset"]) == ([7], "tiny")
        assert record["spec"]["spec"]["noise_seed"] == 7
        store.save(output, DATASET, record.document())


def test_the_same_job_done_again_has_the_same_id_and_another_seal(tmp_path):
    first = saved(make(tmp_path / "a.nc", name="x"))
    time.sleep(0.01)
    second = saved(make(tmp_path / "a.nc", name="x"))
    other = saved(make(tmp_path / "a.nc", name="y"))
    assert first["id"] == second["id"] != other["id"]
    assert first["seal"] != second["seal"]


@pytest.mark.parametrize("change", [("commit", "0" * 40), ("seeds", [4]), ("execution", {}), ("lineage", "AAAA")])
def test_the_seal_of_a_record_breaks_with_any_part_of_it(tmp_path, change):
    record = saved(make(tmp_path / "b.nc", make(tmp_path / "a.nc")))
    assert seals.is_intact(record)
    assert not seals.is_intact(record | dict([change]))


def test_a_file_downstream_has_the_records_of_everything_upstream_once(tmp_path):
    data = make(tmp_path / "data.nc", name="data")
    runs = [make(tmp_path / f"run{n}.nc", data, step="train", name=str(n)) for n in range(3)]
    total = make(tmp_path / "total.nc", *runs, step="aggregate")
    for path in (data, *runs):
        path.unlink()
    ancestors = lineage.unpack(saved(total)["lineage"])
    assert [Path(one.path).name for one in ancestors] == ["data.nc", "run0.nc", "run1.nc", "run2.nc"]
    assert [one.record["spec"].get("name") for one in ancestors] == ["data", "0", "1", "2"]
    assert all(one.content_sha256 == store.content_hash(store.describe(DATASET)) for one in ancestors)
    assert ancestors[0].record["packages"] == saved(total)["packages"]
    assert [one["record"] for one in saved(total)["inputs"]] == [one.record["id"] for one in ancestors[1:]]


def test_a_text_file_brings_its_upstream_by_its_sidecar(tmp_path):
    data, table = make(tmp_path / "data.nc"), tmp_path / "rows.csv"
    with provenance.record("table", Namespace(inputs={"all": data}, csv=table), outputs=["csv"]):
        table.write_text("a,b\n1,2\n")
    total = make(tmp_path / "total.nc", table)
    assert [Path(one.path).name for one in lineage.unpack(saved(total)["lineage"])] == ["data.nc", "rows.csv"]
    table.write_text("a,b\n1,3\n")
    changed = make(tmp_path / "total.nc", table)
    assert [one.record for one in lineage.unpack(saved(changed)["lineage"])] == [None]


def test_a_damaged_input_does_not_stop_the_record(tmp_path):
    data = tmp_path / "data.nc"
    data.write_bytes(b"\x89HDF no more")
    assert saved(make(tmp_path / "total.nc", data))["inputs"][0]["record"] is None


def drawn(folder):
    """PDF, PNG and CSV of one job."""
    paths = {name: folder / f"figure.{name}" for name in ("pdf", "png", "csv")}
    args = Namespace(inputs={"all": make(folder / "data.nc")}, **paths)
    with provenance.record("figure", args, outputs=list(paths)) as record:
        picture = style.figure(20, 20)
        picture.subplots().plot([1, 2])
        figure.save(picture, "figure", {}, record.repeatable(), paths["pdf"], paths["png"])
        pd.DataFrame({"x": [1]}).to_csv(paths["csv"])
    return paths


def test_pictures_carry_record_and_lineage_but_no_time(tmp_path):
    for path in drawn(tmp_path).values():
        inside, content = carriers.read(path)
        beside = sidecar.read(path)
        assert beside["file"]["content_sha256"] == carriers.content_of(path)
        if path.suffix == ".csv":
            inside = beside["record"]
        else:
            assert content == carriers.content_of(path)
            assert "execution" not in inside
            assert "lineage" not in beside["record"]
        assert seals.is_intact(inside)
        assert inside["id"] == beside["record"]["id"]
        assert [Path(one.path).name for one in lineage.unpack(inside["lineage"])] == ["data.nc"]


def test_others_read_the_record_of_a_png_too(tmp_path):
    path = drawn(tmp_path)["png"]
    with Image.open(path) as picture:
        picture.load()
        assert json.loads(picture.text["Provenance"]) == carriers.read(path)[0]


def test_every_sidecar_is_within_the_schema(tmp_path):
    paths = [tmp_path / "data.nc", *drawn(tmp_path).values(), make(tmp_path / "next.nc", tmp_path / "data.nc")]
    for path in paths:
        jsonschema.validate(sidecar.read(path), SCHEMA)
        inside, _ = carriers.read(path)
        if inside:
            jsonschema.validate(inside, SCHEMA["$defs"]["record"])


@pytest.mark.parametrize("lost", ["commit", "seeds", "id"])
def test_the_schema_misses_what_is_missing(tmp_path, lost):
    found = sidecar.read(make(tmp_path / "a.nc"))
    del found["record"][lost]
    with pytest.raises(jsonschema.ValidationError, match=lost):
        jsonschema.validate(found, SCHEMA)


def test_killed_and_failed_attempts_are_told_with_their_jobs(tmp_path, monkeypatch):
    path = tmp_path / "a.nc"
    job = Namespace(output=path, name="x")
    monkeypatch.setenv("SLURM_JOB_ID", "11")
    with provenance.record("train", job, outputs=["output"]):
        # A killed job leaves the file as it stands in the middle.
        left = attempts.file_of(path).read_text()
        store.save(path, DATASET)
    attempts.file_of(path).write_text(left)
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    with pytest.raises(MemoryError), provenance.record("train", job, outputs=["output"]):
        raise MemoryError
    monkeypatch.setenv("SLURM_JOB_ID", "13")
    make(path, step="train", name="x")
    told = sidecar.read(path)["record"]["execution"]["attempts"]
    # The job of `make` has an input list; it is the same job all the same.
    assert [(one["scheduler_job"], one["outcome"]) for one in told] == [
        ("11", "killed"),
        ("12", "failed: MemoryError"),
        ("13", "ok"),
    ]
    assert told[0]["ended"] is None
    assert not attempts.file_of(path).exists()


def test_attempts_at_another_job_do_not_count(tmp_path):
    path = tmp_path / "a.nc"
    with pytest.raises(MemoryError), provenance.record("train", Namespace(output=path, name="x"), outputs=["output"]):
        raise MemoryError
    make(path, step="train", name="y")
    assert len(sidecar.read(path)["record"]["execution"]["attempts"]) == 1


def test_a_job_that_another_process_has_done_meanwhile_is_done(tmp_path, monkeypatch, capfd):
    path = make(tmp_path / "a.nc", name="x")
    made = path.read_bytes()
    monkeypatch.setattr(lock.Lock, "__init__", waiting(lock.Lock.__init__))
    with pytest.raises(SystemExit) as caught:
        make(path, name="x")
    assert caught.value.code == 0
    assert path.read_bytes() == made
    assert capfd.readouterr().err == f"{path}: is made; nothing is left to do\n"
    # Another job's result, or half of this one's, is not this one's.
    assert seals.sha256_of(make(path, name="y")) != seals.sha256_of(make(path, name="z"))
    path.write_bytes(path.read_bytes()[:-1])
    make(path, name="z")
    assert saved(path)["spec"]["name"] == "z"


def waiting(start):
    def patched(self, output):
        start(self, output)
        self.waited = True

    return patched


def suspended(path, others):
    """A job that finds its lock lost when it writes its result; meanwhile `others` have had their time."""
    args = Namespace(parts=[], output=path, name="x")
    with provenance.record("simulate", args, outputs=["output"]) as record:
        others()
        store.save(path, DATASET, record.document())


@pytest.fixture
def other(tmp_path, monkeypatch):
    """What another process does after it has taken over: whatever it is asked for, in that order."""
    monkeypatch.setattr(lock, "LOOK_EVERY", 0.01)
    path = tmp_path / "a.nc"
    result = {file: file.read_bytes() for file in (make(path, name="x"), sidecar.file_of(path))}
    path.unlink()
    sidecar.file_of(path).unlink()
    mine = processes.this()._replace(host="n2")

    def act(*does):
        for what in does:
            match what:
                case "takes over":
                    lock.file_of(path).write_text(json.dumps(mine._asdict()))
                case "finishes":
                    for file, content in result.items():
                        file.write_bytes(content)
                    attempts.forget(path)
                case "writes half":
                    path.write_bytes(result[path][:-1])
                case "is gone":
                    os.utime(lock.file_of(path), (1, 1))
                case "ends":
                    lock.file_of(path).unlink()
        return path

    act.result = result[path]
    return act


@pytest.mark.parametrize(
    "does",
    [("takes over", "finishes", "ends"), ("takes over", "finishes", "is gone")],
    ids=["ended", "killed at its very end"],
)
def test_a_job_that_lost_its_lock_takes_the_result_of_whoever_had_it_since(tmp_path, other, does, capfd):
    path = tmp_path / "a.nc"
    with pytest.raises(Made) as caught:
        suspended(path, lambda: other(*does))
    assert caught.value.code == 0
    assert path.read_bytes() == other.result
    assert not attempts.file_of(path).exists()
    said = capfd.readouterr().err.splitlines()
    assert "this process has lost its lock" in said[0]
    assert said[1:] == [f"{path}: is made; nothing is left to do"]


def test_a_job_that_lost_its_lock_waits_for_the_result_of_whoever_has_it(tmp_path, other, monkeypatch):
    path = tmp_path / "a.nc"
    naps = iter([lambda: None, lambda: other("finishes", "ends")])
    monkeypatch.setattr(lock, "time", Namespace(monotonic=time.monotonic, sleep=lambda _: next(naps)()))
    with pytest.raises(Made):
        suspended(path, lambda: other("takes over"))
    assert path.read_bytes() == other.result


@pytest.mark.parametrize(
    "does",
    [("takes over", "ends"), ("takes over", "is gone"), ("takes over", "writes half", "ends")],
    ids=["failed", "was killed", "broke off"],
)
def test_a_job_that_lost_its_lock_to_one_without_result_fails_and_writes_nothing(tmp_path, other, does):
    path = tmp_path / "a.nc"
    left = {}

    def others():
        other(*does)
        left.update((one, one.read_bytes()) for one in tmp_path.iterdir())

    with pytest.raises(UserError, match="this process has lost its lock"):
        suspended(path, others)
    assert {one: one.read_bytes() for one in tmp_path.iterdir()} == left


def test_a_job_that_fails_otherwise_after_it_lost_its_lock_does_no_harm_either(tmp_path, other):
    def others():
        other("takes over", "finishes", "ends")
        raise MemoryError

    with pytest.raises(Made):
        suspended(tmp_path / "a.nc", others)


def test_what_comes_after_a_result_is_left_to_whoever_has_the_lock_then(tmp_path, other, monkeypatch):
    args = Namespace(parts=[], output=tmp_path / "a.nc", name="x")
    done = []

    def finish():
        with provenance.record("simulate", args, outputs=["output"]) as record:
            store.save(args.output, DATASET, record.document())
            record.afterwards.append(lambda: done.append(1))

    with monkeypatch.context() as patch:
        patch.setattr(sidecar, "write", lambda path, document: other("takes over", "finishes", "ends"))
        with pytest.raises(Made):
            finish()
    assert done == []
    finish()
    assert done == [1]


def test_a_result_that_was_deleted_while_its_job_ran_is_no_result(tmp_path):
    path = tmp_path / "a.nc"
    job = provenance.record("train", Namespace(output=path), outputs=["output"])
    with pytest.raises(UserError, match="was deleted while the job ran"), job:
        pass
    assert not sidecar.file_of(path).exists()
