"""What jobs ask their scheduler for: it grows with the job, and never beyond what clusters allow."""

from pathlib import Path

import pytest

from workflow_src import resources
from workflow_src.config import read_preset
from workflow_src.errors import UserError
from workflow_src.resources import LONGEST, Demand, longest

CONFIG = Path(__file__).parents[1] / "config"


@pytest.fixture(scope="module")
def smoke():
    return read_preset(CONFIG / "smoke.yaml")


@pytest.fixture(scope="module")
def paper():
    return read_preset(CONFIG / "paper.yaml")


@pytest.fixture(scope="module")
def run(smoke):
    return smoke.run("lorenz96_lengths", "shplrnn_full", 1024, (0, 1, 2))


@pytest.fixture(scope="module")
def data(smoke, run):
    return smoke.datasets[run.dataset]


def changed(run, **training):
    return run.model_copy(update={"training": run.training.model_copy(update=training)})


def test_each_attempt_asks_for_more_up_to_a_day():
    asked = Demand(1000, 600)
    assert asked.again(1) == asked
    assert asked.again(2) == (2000, 1200)
    assert asked.again(3) == (3000, LONGEST)


def test_a_training_asks_for_time_in_proportion_to_its_updates(run, data):
    base, once, twice = (resources.train(changed(run, updates=n), data).minutes for n in (1, 10000, 20000))
    assert twice - base == pytest.approx(2 * (once - base), rel=0.05)


@pytest.mark.parametrize("key", ["sequence_length", "batch_size"])
def test_a_longer_or_wider_batch_asks_for_more_memory_and_time(run, data, key):
    long = changed(run, updates=10000, solver="deer")
    more = long.model_copy(update={key: 10 * getattr(run, key)})
    assert resources.train(more, data).memory > resources.train(long, data).memory
    assert resources.train(more, data).minutes > resources.train(long, data).minutes


def test_the_jacobians_of_a_pack_fit_into_what_it_asks_for(run, data):
    big = changed(run, solver="deer").model_copy(update={"sequence_length": 100000, "batch_size": 1})
    jacobians = 4 * 3 * 100000 * run.architecture.latent_dim**2 / 1e6
    assert resources.train(big, data).memory > 4.2 * jacobians  # measured: docs/solvers.md


def test_products_of_jacobians_are_paid_by_full_newton_steps_alone(run, data):
    minutes = {s: resources.train(changed(run, solver=s, updates=50000), data).minutes for s in ("deer", "quasi_deer")}
    assert minutes["deer"] > minutes["quasi_deer"]


def test_what_a_gpu_computes_with_lies_in_its_own_memory(paper):
    run, data = paper.run("lorenz96_lengths", "shplrnn_full", 16384, (0, 1, 2, 3, 4)), paper.datasets["lorenz96"]
    asked = resources.train(run, data).memory
    assert resources.LIBRARIES["cuda"] < asked < resources.LIBRARIES["cuda"] + 2000
    assert resources.train(run.model_copy(update={"batch_size": 16 * run.batch_size}), data).memory == asked


def test_what_a_node_holds_for_a_gpu_grows_with_the_data_the_history_and_the_model(paper):
    run, data = paper.run("lorenz96_lengths", "shplrnn_full", 16384, (0, 1, 2, 3, 4)), paper.datasets["lorenz96"]
    asked = resources.train(run, data).memory
    orbit = data.train.model_copy(update={"steps": 50 * data.train.steps})
    wide = run.architecture.model_copy(update={"hidden_dim": 1000 * run.architecture.hidden_dim})
    assert resources.train(run, data.model_copy(update={"train": orbit})).memory > asked
    assert resources.train(changed(run, updates=50 * run.training.updates), data).memory > asked
    assert resources.train(run.model_copy(update={"architecture": wide}), data).memory > asked


def test_an_evaluation_asks_for_more_the_more_seeds_and_steps_it_has(paper):
    spec = paper.evaluation_of("lorenz96_lengths")
    one = paper.run("lorenz96_lengths", "shplrnn_full", 128, (0,))
    pack = one.model_copy(update={"seeds": tuple(range(50))})
    longer = spec.model_copy(update={"generated_steps": 10**7})
    base = resources.evaluate(spec, one)
    for more in (resources.evaluate(spec, pack), resources.evaluate(longer, one)):
        assert more.memory > base.memory
        assert more.minutes > base.minutes


@pytest.mark.parametrize("preset", ["smoke", "laptop", "lorenz63", "paper"])
def test_no_job_of_a_preset_asks_for_what_nodes_do_not_have(preset):
    preset = read_preset(CONFIG / f"{preset}.yaml")
    asked = [resources.simulate(spec) for spec in preset.datasets.values()]
    for run in preset.runs():
        asked.append(resources.train(run, preset.datasets[run.dataset]))
        asked.append(resources.evaluate(preset.evaluation_of(run.experiment), run))
    for name in preset.benchmarks:
        for model, length in preset.benchmark_cells(name).cells:
            if length is None:
                one = preset.iterations_run(name, model)
                asked.append(resources.benchmark_iterations(one, preset.datasets[one.run.dataset]))
            else:
                one = preset.runtime_run(name, model, length)
                asked.append(resources.benchmark_runtime(one, preset.datasets[one.run.dataset]))
    for one in asked:
        assert 1000 <= one.memory <= 64000
        assert 5 <= one.minutes < LONGEST


def test_a_site_may_allow_less_than_a_day():
    assert longest(None) == LONGEST
    assert longest("240") == 240
    for wrong in ("4h", "0", "-5", ""):
        with pytest.raises(UserError, match=r"GTF_DEER_LONGEST: '.*' is no number of minutes; write 240"):
            longest(wrong)
    with pytest.raises(UserError, match="GTF_DEER_LONGEST: 2 min are less than the 3"):
        longest("2")
