"""Table 2 from synthetic aggregated arrays."""

import numpy as np
import pytest

from tests.figures import synthetic
from workflow_src.errors import UserError
from workflow_src.tables import table2
from workflow_src.tables.write import presented

MODEL = "shplrnn_full"


@pytest.fixture
def lengths():
    return synthetic.experiment((MODEL,), (128, 512), 3, diverged={(MODEL, 128): (0,)})


def runtime(lengths=(128, 512, 2048), model=MODEL):
    return synthetic.runtime((8,), lengths).assign_coords(model=[model])


def test_all_lengths_and_runs_are_pooled(lengths):
    frame = table2.build(lengths, lengths, lorenz96_runtime=runtime(), bursting_runtime=runtime())
    assert frame["system"].tolist() == ["forced Lorenz-96", "bursting neuron"]
    row = frame.iloc[0]
    values = lengths["forecast_rmse"].to_numpy().ravel()
    values = values[np.isfinite(values)]
    assert values.size == 5
    assert (row["rmse_mean"], row["rmse_sem"]) == pytest.approx((values.mean(), values.std(ddof=1) / np.sqrt(5)))
    assert (row["runs"], row["diverged"]) == (6, 1)
    # Of six runs the one that diverged is the worst.
    assert row["rmse_median"] == pytest.approx(np.sort(values)[2:4].mean())
    assert row["rmse_persistence"] == 0.6


def test_readers_see_persistence_and_no_floor(lengths):
    frame = table2.build(lengths, lengths, lorenz96_runtime=runtime(), bursting_runtime=runtime())
    heads = list(presented(frame).columns)
    assert "persistence" in heads
    assert not [head for head in heads if "floor" in head]


def test_times_are_medians_at_the_longest_length_of_the_experiment(lengths):
    timed = runtime()
    row = table2.build(lengths, lengths, lorenz96_runtime=timed, bursting_runtime=timed).iloc[0]
    times = timed["update_time"].sel(model=MODEL, sequence_length=512).median("sample")
    assert row["timed_length"] == 512
    assert row["deer_seconds"] == pytest.approx(times.sel(solver="deer").item())
    assert row["ratio"] == pytest.approx(times.sel(solver="sequential").item() / times.sel(solver="deer").item())


@pytest.mark.parametrize("timed", [runtime(model="shplrnn_m8"), runtime(lengths=(128,))], ids=["model", "length"])
def test_the_times_of_another_model_or_length_are_never_shown(lengths, timed):
    with pytest.raises(UserError, match=f"no times of {MODEL} at T = 512"):
        table2.build(lengths, lengths, lorenz96_runtime=timed, bursting_runtime=timed)
