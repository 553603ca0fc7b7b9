"""The smaller commands run, on sizes that show nothing else."""

import math

from benchmarks import cases, divergence, warm_start


def test_warm_starts_are_compared(tmp_path):
    case = cases.tiny(cases.named("partial_m10"))
    seconds = warm_start.compare(case, 1, cache=tmp_path)
    assert len(seconds) == 1 + len(warm_start.LEARNING_RATES)
    assert all(0 < one < math.inf for one in seconds)


def test_the_divergence_of_two_orbits_is_timed(capsys):
    divergence.main(["--truth", "500", "--generated", "700", "--samples", "20", "--dimension", "3"])
    said = capsys.readouterr().out
    assert said.startswith("D_stsp of 700 from 500 points in 3 dimensions, 20 draws: ")
