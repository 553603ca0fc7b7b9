"""Evaluations for which the orbits are too short."""

from workflow_src.config.blocks import merge
from workflow_src.config.preset import Preset
from workflow_src.errors import UserError
from workflow_src.specs.dataset import DatasetSpec
from workflow_src.specs.evaluation import EvaluationSpec


def check_evaluation(preset: Preset) -> None:
    """Refuse experiments whose measures do not fit into their orbits."""
    for name, experiment in preset.experiments.items():
        spec = preset.evaluation_of(name)
        _, places = merge(*preset.evaluation_blocks(name))
        dataset = preset.datasets[experiment.dataset]
        _check_embeddings(spec, places, experiment.dataset, dataset)
        _check_test_orbit(spec, places, dataset.test.steps)


def _check_embeddings(spec: EvaluationSpec, places: dict[str, str], name: str, dataset: DatasetSpec) -> None:
    for embedding in spec.embeddings:
        label, reach = f"({embedding.dimension}, {embedding.delay})", embedding.reach
        if reach >= dataset.test.steps // 2:
            raise UserError(
                f"{places['embeddings']}: {label} reaches back {reach} steps, over half of the {dataset.test.steps} "
                f"test steps of dataset {name}; lower it or lengthen test.steps"
            )
        if reach >= dataset.train.steps:
            raise UserError(
                f"{places['embeddings']}: {label} reaches back {reach} steps, all {dataset.train.steps} training steps "
                f"of dataset {name}; lower it or lengthen train.steps"
            )
        if reach >= spec.generated_steps:
            raise UserError(
                f"{places['generated_steps']}: {spec.generated_steps} steps leave no point of embedding {label}, which "
                f"reaches back {reach}; raise it above {reach}"
            )
    if spec.example_steps > spec.generated_steps:
        raise UserError(
            f"{places['example_steps']}: {spec.example_steps} exceeds the {spec.generated_steps} generated steps; "
            "lower it"
        )


def _check_test_orbit(spec: EvaluationSpec, places: dict[str, str], steps: int) -> None:
    """What follows the first warm-up must hold the example, the exponents' orbit and every forecast."""
    left = steps - spec.warmup_steps
    if left <= 0:
        raise UserError(
            f"{places['warmup_steps']}: {spec.warmup_steps} leaves nothing of the {steps} test steps; lower it or "
            "lengthen test.steps"
        )
    for key in ("forecast_steps", "lead_steps", "example_steps", "lyapunov_steps"):
        if (wanted := getattr(spec, key)) > left:
            raise UserError(
                f"{places[key]}: {wanted} exceeds the {left} test steps behind the warm-up; lower it or lengthen "
                "test.steps"
            )
    if spec.lead_steps < spec.forecast_steps:
        raise UserError(
            f"{places['lead_steps']}: {spec.lead_steps} steps do not hold the {spec.forecast_steps} forecast_steps; "
            "raise it"
        )
    starts = left - spec.followed_steps + 1
    if spec.forecast_windows > starts:
        raise UserError(
            f"{places['forecast_windows']}: {spec.forecast_windows} windows, but the test orbit has {starts} steps at "
            "which one can start; lower it or lengthen test.steps"
        )
