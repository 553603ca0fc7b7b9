"""How times are carried from measured jobs to others, and how wrong they may be."""

import pytest

from tests.training.specs import LSSM, run_spec
from workflow_src.plan import rates, work
from workflow_src.plan.estimate import ASSUMED, Estimate, Law, Sample, total

SIZES = (1000.0, 16.0, 20.0, 100.0)


def sample(seconds, counted=1.0, sizes=SIZES, source="results/x"):
    return Sample(source, seconds, counted, sizes)


def run(**changes):
    return run_spec(**{"solver": "sequential", "sequence_length": 1000, "batch_size": 16} | changes).model_dump(
        mode="json"
    )


def test_a_job_of_twice_the_counted_work_takes_twice_the_time_of_its_like():
    assert Law([sample(5.0)], "x").at(2.0, SIZES).middle == pytest.approx(10.0)


def test_the_nearest_in_size_counts_most():
    far = sample(1000.0, sizes=(1e6, 16.0, 20.0, 100.0))
    found = Law([sample(5.0), sample(5.0), far], "x").at(1.0, SIZES)
    assert found.middle == pytest.approx(5.0, rel=0.05)


def test_no_range_is_narrower_than_two_runs_of_one_job_differ():
    found = Law([sample(5.0)] * 4, "x").at(1.0, SIZES)
    assert found.low < 5.0 / 1.19
    assert found.high > 5.0 * 1.19


def test_records_that_disagree_and_jobs_unlike_any_record_widen_the_range():
    def width(found):
        return found.high / found.low

    same = Law([sample(5.0), sample(5.0)], "x").at(1.0, SIZES)
    assert width(Law([sample(2.0), sample(12.0)], "x").at(1.0, SIZES)) > width(same)
    assert width(Law([sample(5.0), sample(5.0)], "x").at(1.0, (1e6, 16.0, 20.0, 100.0))) > width(same)


def test_a_range_is_as_wide_as_records_are_wrong_about_each_other():
    """Times that grow faster than counted: whoever is told from its neighbours is told wrong."""

    def law(power):
        sizes = [(10.0**k, 16.0, 20.0, 100.0) for k in range(2, 8)]
        return Law([sample(one[0] ** power, one[0], one) for one in sizes], "x")

    exact, wrong = (law(power).at(1e9, (1e9, 16.0, 20.0, 100.0)) for power in (1.0, 1.5))
    assert exact.middle == pytest.approx(1e9)
    assert wrong.high / wrong.middle > 1.5 * exact.high / exact.middle


def test_without_a_record_the_time_is_named_assumed_and_may_be_far_off():
    found = Law([], "training by deer").at(3.0, SIZES)
    assert not found.measured
    assert "assumed" in found.basis
    assert (found.low, found.middle, found.high) == (3.0 / ASSUMED, 3.0, 3.0 * ASSUMED)


def test_the_basis_counts_the_records_by_their_source():
    found = Law([sample(5.0), sample(5.0), sample(5.0, source="benchmarks/records")], "x").at(1.0, SIZES)
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
