"""Figures and tables that would show something else than they say."""

from workflow_src.config.datasets import is_periodically_forced
from workflow_src.config.preset import Preset, RuntimeBenchmarkSpec
from workflow_src.config.shown import ControlsSpec, SensitivitySpec
from workflow_src.errors import UserError


def check_targets(preset: Preset) -> None:
    """Refuse figures and tables of data that lack what they show."""
    if (shown := preset.figures.figureA1) and not is_periodically_forced(preset.datasets[shown.dataset]):
        raise UserError(
            f"figures.figureA1.dataset: {shown.dataset} has no periodic force; name a dataset of system lorenz96"
        )
    if (shown := preset.tables.tableA1) and preset.datasets[shown.dataset].system != "bursting_neuron":
        raise UserError(
            f"tables.tableA1.dataset: {shown.dataset} is no bursting neuron; name a dataset of system bursting_neuron"
        )
    if table2 := preset.tables.table2:
        _check_times(preset, "tables.table2.lorenz96_runtime", table2.lorenz96, table2.lorenz96_runtime)
        _check_times(preset, "tables.table2.bursting_runtime", table2.bursting, table2.bursting_runtime)
    if shown := preset.extras.figureS1:
        _check_sensitivity(preset, shown)
    if shown := preset.extras.figureB5:
        _check_controls(preset, shown)


def _check_controls(preset: Preset, shown: ControlsSpec) -> None:
    """Controls must differ from the reference in what they are to control, and in nothing else that is shown."""
    reference, model = preset.experiments[shown.reference], preset.experiments[shown.reference].models[0]
    for role, key, mend in (
        ("fixed_warmup", "warmup_steps", "state warmup_steps"),
        ("adaptive", "forcing_schedule", "state forcing_schedule: adaptive"),
    ):
        name = getattr(shown, role)
        control, where = preset.experiments[name], f"extras.figureB5.{role}"
        if control.dataset != reference.dataset:
            raise UserError(f"{where}: {name} trains on another dataset than {shown.reference}; correct it there")
        if control.models[0] != model:
            raise UserError(f"{where}: {name} trains {control.models[0]} instead of {model} first; correct its models")
        if preset.evaluation_of(name) != preset.evaluation_of(shown.reference):
            raise UserError(f"{where}: {name} is judged by another evaluation than {shown.reference}; correct it there")
        if getattr(preset.training_of(f"experiments.{name}", model), key) in (None, "constant"):
            raise UserError(f"{where}: {name} is trained as {shown.reference} is; {mend} in its training")


def _check_sensitivity(preset: Preset, shown: SensitivitySpec) -> None:
    """Every value must be judged by a measure that its experiment has, and be set against another model."""
    for row, factor in enumerate(shown.factors):
        for column, value in enumerate(factor.values):
            key, name = f"extras.figureS1.factors.{row}.values.{column}", value.experiment or shown.experiment
            labels = [embedding.label for embedding in preset.evaluation_of(name).embeddings]
            if value.embedding is not None and value.embedding not in labels:
                raise UserError(
                    f"{key}.embedding: {name} is not judged in '{value.embedding}'; use one of {', '.join(labels)}, or "
                    f"add it to experiments.{name}.evaluation.embeddings"
                )
            if value.contrast == value.model:
                raise UserError(f"{key}.contrast: '{value.contrast}' is the model itself; name another, or remove it")


def _check_times(preset: Preset, key: str, name: str, benchmark: str) -> None:
    """The times beside an experiment must be those of its models, at its longest sequence, by both solvers."""
    experiment, timed = preset.experiments[name], preset.benchmarks[benchmark]
    assert isinstance(timed, RuntimeBenchmarkSpec)
    for solver in ("deer", "sequential"):
        if solver not in timed.updates:
            raise UserError(f"{key}: {benchmark} does not time {solver}; add it to benchmarks.{benchmark}.updates")
    if timed.dataset != experiment.dataset:
        raise UserError(
            f"{key}: {benchmark} trains on {timed.dataset}, but {name} on {experiment.dataset}; correct "
            f"benchmarks.{benchmark}.dataset"
        )
    for model in experiment.models:
        if model not in timed.models:
            raise UserError(f"{key}: {benchmark} does not time {model} of {name}; add it to its models")
    if (longest := max(experiment.sequence_lengths)) not in timed.sequence_lengths:
        raise UserError(
            f"{key}: {benchmark} does not time {longest}, the longest sequence of {name}; add it to its "
            "sequence_lengths"
        )
