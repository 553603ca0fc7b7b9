"""Which solver `auto` is."""

import pytest

from workflow_src.solvers.choice import choose


@pytest.mark.parametrize(
    ("batch", "steps", "solver"),
    [(1, 20_000, "block"), (16, 20_000, "block"), (16, 200, "sequential"), (1, 50, "sequential")],
)
def test_long_sequences_run_in_chunks_and_short_ones_step_by_step(batch, steps, solver):
    choice = choose(batch=batch, steps=steps, latent_dim=10, hidden_dim=50, forgetting=64)
    assert choice.solver == solver
    assert f"{batch} sequences of {steps} steps" in choice.reason
