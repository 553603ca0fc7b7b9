"""Trainings that cannot work, or that would not do what they say."""

from workflow_src.config.blocks import merge
from workflow_src.config.preset import Preset
from workflow_src.errors import UserError
from workflow_src.specs.model import AbstractForcedModelSpec
from workflow_src.specs.training import TrainingSpec

# What forced models alone make use of: the driven ones are linear in their latent state while data drive them.
OF_FORCED_MODELS = (
    *("solver", "guess", "tolerance", "max_iterations", "forcing_strength"),
    *("forcing_schedule", "warmup_forcing_strength", "pseudo_inverse_gradient"),
    *("observation_strength", "singular_value_strength"),
)


def check_training(preset: Preset) -> None:
    """Refuse experiments and runtime benchmarks whose numbers do not fit together."""
    for name, model in preset.models.items():
        if not isinstance(model, AbstractForcedModelSpec):
            for key in model.training.keys() & set(OF_FORCED_MODELS):
                raise UserError(
                    f"models.{name}.training.{key}: has no effect on architecture {model.architecture}, whose states "
                    "need neither forcing nor a solver; remove it"
                )
    for owner, spec in preset.protocols().items():
        steps = preset.datasets[spec.dataset].train.steps
        for length in spec.sequence_lengths:
            if length > steps:
                raise UserError(
                    f"{owner}.sequence_lengths: {length} exceeds the {steps} training steps of dataset {spec.dataset}; "
                    "shorten it or lengthen train.steps"
                )
        for model in spec.models:
            training = preset.training_of(owner, model)
            _, places = merge(*preset.training_blocks(owner, model))
            for length in spec.sequence_lengths:
                _check_length(training, places, length, owner)
                if isinstance(preset.models[model], AbstractForcedModelSpec):
                    _check_forcing(training, places, length, owner)


def _check_length(training: TrainingSpec, places: dict[str, str], length: int, owner: str) -> None:
    if training.warmup_steps is not None and training.warmup_steps >= length:
        raise UserError(
            f"{places['warmup_steps']}: {training.warmup_steps} leaves nothing to predict of sequence length "
            f"{length} of {owner}; lower it"
        )
    if training.samples_per_update is not None and training.samples_per_update % length:
        raise UserError(
            f"{places['samples_per_update']}: {training.samples_per_update} is no multiple of sequence length "
            f"{length} of {owner}, so that batch size times length would vary with the length; choose a multiple"
        )


def _check_forcing(training: TrainingSpec, places: dict[str, str], length: int, owner: str) -> None:
    if training.warmup_forcing_strength is not None and training.warmup_of(length) == 0:
        raise UserError(
            f"{places['warmup_forcing_strength']}: has no effect on {owner}, which has no warm-up at sequence length "
            f"{length}; remove it or give a warm-up"
        )
    if training.forcing_schedule == "adaptive" and owner.startswith("benchmarks."):
        raise UserError(
            f"{places['forcing_schedule']}: {owner} times forward and backward passes at one forcing strength; write "
            f"forcing_schedule: constant in {owner}.training"
        )
