"""A tiny comparison writes a valid record, whatever happens to a solver."""

import math

import pytest

from benchmarks import cases, machine, records
from benchmarks.comparison import compare
from benchmarks.measure import Effort

SOLVERS = ("sequential", "sequential_adjoint", "deer", "no_such_solver")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def tiny_record(cache, solvers, effort):
    case = cases.tiny(cases.named("lorenz96_slow_b16"))
    return compare(case, solvers, effort, machine.rates(64), cache=cache)


@pytest.fixture(scope="module")
def record(cache):
    return tiny_record(cache, SOLVERS, Effort(rounds=3, fewest=3, wide=True))


def test_a_tiny_comparison_writes_a_record_that_reads_back(record, tmp_path):
    path = records.write(record, tmp_path)
    assert [path] == list(tmp_path.iterdir()), "nothing but the whole file"
    (read,) = records.read(tmp_path)
    assert read["case"] == record["case"]
    assert read["solvers"]["deer"]["median"] == record["solvers"]["deer"]["median"]


def test_every_solver_is_timed_equally_often_and_judged_against_float64(record):
    for name in SOLVERS[:3]:
        solver = record["solvers"][name]
        assert solver["status"] == "timed"
        assert len(solver["seconds"]) == 3
        assert solver["lower_quartile"] <= solver["median"] <= solver["upper_quartile"]
        assert solver["first_call_seconds"] == solver["compile_seconds"] + solver["first_run_seconds"]
        assert 0 < solver["residual"] < 1e-4
        assert 0 < solver["gradient_error"] < 1e-3
        assert solver["gradient_error_float64"] < 1e-6
        assert solver["memory"]["temp_bytes"] > 0


def test_slow_units_are_as_slow_as_the_case_says(cache):
    from benchmarks.trained import trained

    model, _ = trained(cases.tiny(cases.named("lorenz96_slow")).recipe, cache)
    assert math.isclose(float(model.A[-1]), 0.999, rel_tol=1e-5)
    assert (abs(model.A[:-10]) < 0.9999).all()


def test_a_solver_that_fails_does_not_take_the_others_with_it(record):
    failed = record["solvers"]["no_such_solver"]
    assert (failed["status"], failed["out_of_memory"], failed["seconds"]) == ("failed", False, [])
    assert "no_such_solver" in failed["message"]


def test_what_does_not_fit_into_memory_is_recorded_and_not_run(cache, record):
    between = sum(record["solvers"][name]["memory"]["peak_bytes"] for name in ("sequential", "deer")) // 2
    assert record["solvers"]["sequential"]["memory"]["peak_bytes"] < between
    found = tiny_record(cache, ("sequential", "deer"), Effort(rounds=1, fewest=1, memory=between))["solvers"]
    assert found["sequential"]["status"] == "timed"
    assert (found["deer"]["status"], found["deer"]["out_of_memory"]) == ("out_of_memory", True)
    assert found["deer"]["first_run_seconds"] is None
    assert found["deer"]["median"] is None


def test_numbers_that_json_lacks_are_written_as_text(record, tmp_path):
    lost = record | {"solvers": {"deer": record["solvers"]["deer"] | {"residual": math.inf, "loss": math.nan}}}
    records.write(lost, tmp_path)
    read = records.read(tmp_path)[0]["solvers"]["deer"]
    assert (read["residual"], read["loss"]) == ("inf", "nan")


@pytest.mark.parametrize("text", ["", "{}", '{"schema": 1}'])
def test_a_file_that_is_no_record_is_named(text, tmp_path):
    (tmp_path / "broken.json").write_text(text)
    with pytest.raises(ValueError, match=r"broken\.json: is no record"):
        records.read(tmp_path)
