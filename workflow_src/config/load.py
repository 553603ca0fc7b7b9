"""Reading a preset, with all checks: before any job starts, one line names file, key and mend."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workflow_src.config.benchmarks import check_benchmarks
from workflow_src.config.blocks import Block, check_values
from workflow_src.config.claims import check_claims
from workflow_src.config.datasets import check_datasets
from workflow_src.config.evaluation import check_evaluation
from workflow_src.config.keys import unknown_keys
from workflow_src.config.messages import describe, describe_unknown
from workflow_src.config.preset import ExperimentSpec, Preset
from workflow_src.config.references import check_references
from workflow_src.config.targets import check_targets
from workflow_src.config.text import read_yaml
from workflow_src.config.training import check_training
from workflow_src.errors import UserError
from workflow_src.specs.evaluation import EvaluationSpec
from workflow_src.specs.training import TrainingSpec


def load_preset(config: Mapping[str, Any], file: Path | str) -> Preset:
    """Check a preset that has been read from `file`.

    Raises:
        UserError: with one line that names file, key and mend, for the first thing that is wrong.
    """
    try:
        for key, known in unknown_keys(Preset, config):
            raise UserError(describe_unknown(key, known))
        preset = _validated(config)
        _check_blocks(preset)
        check_datasets(preset)
        check_references(preset)
        check_training(preset)
        check_evaluation(preset)
        check_benchmarks(preset)
        check_targets(preset)
        check_claims(preset)
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
    return preset


def read_preset(file: Path, merged: Mapping[str, Any] | None = None) -> Preset:
    """Read and check a preset file.

    Args:
        merged: the configuration that the workflow engine has read from it; if it differs from the file, single keys
            were given on the command line. They would put results of other numbers under the preset's name.
    """
    config = read_yaml(file)
    if merged is not None and json.loads(json.dumps(merged)) != json.loads(json.dumps(config)):
        raise UserError(f"--config: single keys would hide in results/; copy {file}, change its preset: and the keys")
    if "preset" not in config:
        raise UserError(f"{file}: is no preset, for it has no key preset; give one, like config/smoke.yaml")
    preset = load_preset(config, file)
    # A copy that keeps the name would write into the results of its original.
    if preset.preset != file.stem:
        raise UserError(
            f"{file}: preset: '{preset.preset}' is not the name of the file; write {file.stem}, or call the file "
            f"{preset.preset}{file.suffix}"
        )
    return preset


def _validated(config: Mapping[str, Any]) -> Preset:
    try:
        return Preset.model_validate_json(json.dumps(config))
    except ValidationError as error:
        raise UserError(describe(error)) from None


def _check_blocks(preset: Preset) -> None:
    """The values of every block where it stands, of those too that nothing uses."""
    check_values(TrainingSpec, Block("training", preset.training))
    check_values(EvaluationSpec, Block("evaluation", preset.evaluation))
    for name, model in preset.models.items():
        check_values(TrainingSpec, Block(f"models.{name}.training", model.training))
    for owner, spec in preset.protocols().items():
        check_values(TrainingSpec, Block(f"{owner}.training", spec.training))
        if isinstance(spec, ExperimentSpec):
            check_values(EvaluationSpec, Block(f"{owner}.evaluation", spec.evaluation))
