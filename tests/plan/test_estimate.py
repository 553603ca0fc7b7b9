"""How times are carried from measured jobs to others, and how wrong they may be."""

import pytest

from tests.training.specs import LSSM, run_spec
from workflow_src.plan import rates, work
from workflow_src.plan.estimate import ASSUMED, Estimate, Sample, nearest, total

SIZES = (1000.0, 16.0, 20.0, 100.0)


def sample(seconds, counted=1.0, sizes=SIZES, source="results/x"):
    return Sample(source, seconds, counted, sizes)


def run(**changes):
    return run_spec(**{"solver": "sequential", "sequence_length": 1000, "batch_size": 16} | changes).model_dump(
        mode="json"
    )


def test_a_job_of_twice_the_counted_work_takes_twice_the_time_of_its_like():
    assert nearest(2.0, SIZES, [sample(5.0)], "x").middle == pytest.approx(10.0)


def test_the_nearest_in_size_counts_most():
    far = sample(1000.0, sizes=(1e6, 16.0, 20.0, 100.0))
    found = nearest(1.0, SIZES, [sample(5.0), sample(5.0), far], "x")
    assert found.middle == pytest.approx(5.0, rel=0.05)


def test_no_range_is_narrower_than_two_runs_of_one_job_differ():
    found = nearest(1.0, SIZES, [sample(5.0)] * 4, "x")
    assert found.low < 5.0 / 1.19
    assert found.high > 5.0 * 1.19


def test_records_that_disagree_and_jobs_unlike_any_record_widen_the_range():
    def width(found):
        return found.high / found.low

    same = nearest(1.0, SIZES, [sample(5.0), sample(5.0)], "x")
    assert width(nearest(1.0, SIZES, [sample(2.0), sample(12.0)], "x")) > width(same)
    assert width(nearest(1.0, (1e6, 16.0, 20.0, 100.0), [sample(5.0), sample(5.0)], "x")) > width(same)


def test_without_a_record_the_time_is_named_assumed_and_may_be_far_off():
    found = nearest(3.0, SIZES, [], "training by deer")
    assert not found.measured
    assert "assumed" in found.basis
    assert (found.low, found.middle, found.high) == (3.0 / ASSUMED, 3.0, 3.0 * ASSUMED)


def test_the_basis_counts_the_records_by_their_source():
    found = nearest(1.0, SIZES, [sample(5.0), sample(5.0), sample(5.0, source="benchmarks/records")], "x")
    assert found.basis == "x: nearest of 1 in benchmarks/records, 2 in results/x"


def test_errors_of_a_sum_do_not_average_out():
    one = Estimate(1.0, 2.0, 4.0, "x", True)
    assert total([one] * 10)[:3] == (10.0, 20.0, 40.0)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("solver", ["sequential", "block", "deer", "quasi_deer", "newton", "auto"])
def test_more_updates_seeds_steps_and_units_take_longer(solver, device):
    def seconds(**changes):
        return rates.seconds(work.train(run(solver=solver, **changes)), device)

    base = seconds()
    assert seconds(updates=12) == pytest.approx(2 * base)
    assert base < seconds(seeds=(0, 1, 2)) < 2 * base
    assert base < seconds(sequence_length=2000) <= 2.1 * base
    assert seconds(batch_size=32) > base


def test_only_solvers_that_form_jacobians_grow_with_the_cube_of_the_latent_dimension():
    wide = run()["architecture"] | {"latent_dim": 400}
    narrow = run()["architecture"] | {"latent_dim": 40}

    def ratio(solver):
        a, b = (rates.seconds(work.update(run(solver=solver) | {"architecture": one}), "cpu") for one in (wide, narrow))
        return a / b

    assert ratio("sequential") < 11
    assert ratio("deer") > 100


def test_models_without_a_solver_take_one_whatever_the_specification_says():
    assert work.solver_of(run(architecture=LSSM, solver="deer")) == "parallel pass"
    assert work.solver_of(run(solver="deer")) == "deer"
