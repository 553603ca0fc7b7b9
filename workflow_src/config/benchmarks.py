"""Benchmarks of what has no solver, and of more data than there is."""

from workflow_src.config.preset import Preset, RuntimeBenchmarkSpec
from workflow_src.errors import UserError
from workflow_src.specs.benchmark import IterationsBenchmarkSpec
from workflow_src.specs.model import AbstractForcedModelSpec


def check_benchmarks(preset: Preset) -> None:
    """Refuse benchmarks that cannot run or would measure nothing."""
    for name, benchmark in preset.benchmarks.items():
        key = f"benchmarks.{name}"
        if isinstance(benchmark, RuntimeBenchmarkSpec):
            if driven := _driven(preset, benchmark.models):
                raise UserError(
                    f"{key}.models: {driven} is linear in its latent state, so no solver is at work; remove it"
                )
        else:
            _check_iterations(preset, key, benchmark)


def _check_iterations(preset: Preset, key: str, benchmark: IterationsBenchmarkSpec) -> None:
    experiment = preset.experiments[benchmark.experiment]
    if driven := _driven(preset, experiment.models):
        raise UserError(
            f"{key}.experiment: {benchmark.experiment} trains {driven}, which is linear in its latent state and needs "
            "no Newton iterations; choose an experiment without it"
        )
    if len(packs := preset.packs(benchmark.experiment)) > 1:
        raise UserError(
            f"{key}.experiment: {benchmark.experiment} trains {len(packs)} packs, of which one would be looked at; "
            f"set its pack to {experiment.seeds}, the number of its seeds"
        )
    if benchmark.sequence_length > (steps := preset.datasets[experiment.dataset].test.steps):
        raise UserError(
            f"{key}.sequence_length: {benchmark.sequence_length} exceeds the {steps} test steps of dataset "
            f"{experiment.dataset}; shorten it or lengthen test.steps"
        )


def _driven(preset: Preset, models: tuple[str, ...]) -> str | None:
    """The first model that is not forced."""
    return next((name for name in models if not isinstance(preset.models[name], AbstractForcedModelSpec)), None)
