"""Presets: their schema, their checks, and the `RunSpec` that each job receives.

A preset (config/*.yaml) names datasets, models, experiments, benchmarks, figures and tables. Every number of
the science stands there; this module knows which keys exist and which combinations cannot work.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from workflow_src.errors import UserError
from workflow_src.systems import SYSTEMS

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
Count = Annotated[int, Field(ge=1)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Solver = Literal["sequential", "deer", "quasi_deer"]
Guess = Literal["zero", "normal", "pseudo_inverse"]


class Section(BaseModel):
    """A part of a preset: unknown keys are errors, types are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


# --- datasets ---------------------------------------------------------------------------------------------------------


class Trajectory(Section):
    """One simulated orbit: where it starts, what is thrown away first, how many steps are kept."""

    initial_state: tuple[float, ...]
    transient_steps: Annotated[int, Field(ge=0)]
    steps: Count


class DatasetSpec(Section):
    """A simulated time series: system, sampling, observed components, noise on the training orbit."""

    system: str
    parameters: dict[str, float]
    time_step: Positive
    substeps: Count
    observed: Annotated[tuple[str, ...], Field(min_length=1)]
    train: Trajectory
    test: Trajectory
    noise: NonNegative
    noise_seed: Annotated[int, Field(ge=0)]
    long_pauses: Count | None = None

    @model_validator(mode="after")
    def check(self) -> "DatasetSpec":
        system = SYSTEMS.get(self.system)
        if system is None:
            raise ValueError(f"system: '{self.system}' is unknown; use one of {', '.join(sorted(SYSTEMS))}")
        system.check_parameters(self.parameters)
        components = system.components(self.parameters)
        for name in self.observed:
            if name not in components:
                raise ValueError(f"observed: '{name}' is no component of {self.system}; use {', '.join(components)}")
        if len(set(self.observed)) != len(self.observed):
            raise ValueError("observed: a component stands twice; name each once")
        for split in ("train", "test"):
            if (found := len(getattr(self, split).initial_state)) != len(components):
                raise ValueError(
                    f"{split}.initial_state: has {found} numbers; {self.system} needs {len(components)}, "
                    f"in the order {', '.join(components)}"
                )
        if (self.system == "bursting_neuron") != (self.long_pauses is not None):
            raise ValueError("long_pauses: state it for system bursting_neuron and for no other")
        return self

    @property
    def obs_dim(self) -> int:
        return len(self.observed)


# --- models -----------------------------------------------------------------------------------------------------------


class LatentModelSpec(Section):
    latent_dim: Count
    hidden_dim: Count
    slow_units: Annotated[int, Field(ge=0)]
    init_scale: Positive
    training: dict[str, Any] = {}

    @model_validator(mode="after")
    def check_slow_units(self) -> "LatentModelSpec":
        if self.slow_units >= self.latent_dim:
            raise ValueError(
                f"slow_units: {self.slow_units} leaves no fast unit of latent_dim {self.latent_dim}; lower slow_units"
            )
        return self


class ShallowPLRNNSpec(LatentModelSpec):
    """Eq. (5) with phi = ReLU."""

    architecture: Literal["shplrnn"]


class LowRankPLRNNSpec(LatentModelSpec):
    """Eq. (5) with W1 = U V of the given rank (Sec. 5.4)."""

    architecture: Literal["low_rank_shplrnn"]
    rank: Count

    @model_validator(mode="after")
    def check_rank(self) -> "LowRankPLRNNSpec":
        for key in ("hidden_dim", "latent_dim"):
            if self.rank > getattr(self, key):
                raise ValueError(f"rank: {self.rank} exceeds {key} {getattr(self, key)}; lower rank")
        return self


class LSSMSpec(LatentModelSpec):
    """Eq. (3)."""

    architecture: Literal["lssm"]


class Mamba2Spec(Section):
    """Mamba-2 block with the MLP read-out of Eq. (3), App. H.4."""

    architecture: Literal["mamba2"]
    model_dim: Count
    state_dim: Count
    expand: Count
    head_dim: Count
    conv_width: Count
    hidden_dim: Count
    training: dict[str, Any] = {}

    @model_validator(mode="after")
    def check_heads(self) -> "Mamba2Spec":
        if (self.expand * self.model_dim) % self.head_dim:
            raise ValueError(
                f"head_dim: {self.head_dim} does not divide expand * model_dim = {self.expand * self.model_dim}; "
                "choose a divisor"
            )
        return self


ModelSpec = Annotated[ShallowPLRNNSpec | LowRankPLRNNSpec | LSSMSpec | Mamba2Spec, Field(discriminator="architecture")]


# --- training and evaluation ------------------------------------------------------------------------------------------


class TrainingSpec(Section):
    """Everything that Algorithms 1 to 3 leave open. Batch and warm-up may be given relative to the length."""

    solver: Solver
    guess: Guess
    tolerance: Positive
    max_iterations: Count
    forcing_strength: Annotated[float, Field(ge=0, le=1)]
    batch_size: Count | None = None
    samples_per_update: Count | None = None
    warmup_steps: Annotated[int, Field(ge=0)] | None = None
    warmup_fraction: Annotated[float, Field(ge=0, lt=1)] | None = None
    updates: Count
    optimizer: Literal["radam"]
    learning_rate_start: Positive
    learning_rate_end: NonNegative
    gradient_clip: Positive
    mar_strength: NonNegative
    mar_connectivity_strength: NonNegative
    mar_power: Literal[1, 2]
    observation_strength: NonNegative
    singular_value_strength: NonNegative

    @model_validator(mode="after")
    def check(self) -> "TrainingSpec":
        for one, other in (("batch_size", "samples_per_update"), ("warmup_steps", "warmup_fraction")):
            if (getattr(self, one) is None) == (getattr(self, other) is None):
                raise ValueError(f"{one}: state either {one} or {other}, not both and not neither")
        if self.learning_rate_end > self.learning_rate_start:
            raise ValueError("learning_rate_end: exceeds learning_rate_start; the cosine schedule only decays")
        return self

    def batch_of(self, sequence_length: int) -> int:
        """Batch size S at this T, from `batch_size` or from the fixed product S*T."""
        if self.batch_size is not None:
            return self.batch_size
        assert self.samples_per_update is not None
        return self.samples_per_update // sequence_length

    def warmup_of(self, sequence_length: int) -> int:
        """Warm-up T_w at this T."""
        if self.warmup_steps is not None:
            return self.warmup_steps
        assert self.warmup_fraction is not None
        return int(self.warmup_fraction * sequence_length)


class Embedding(Section):
    """Delay embedding, Eq. (69): (1, 1) is none."""

    dimension: Count
    delay: Count

    @property
    def label(self) -> str:
        return f"m{self.dimension}_tau{self.delay}"


class EvaluationSpec(Section):
    """Settings of the measures, App. G. The first embedding is the one the figures show."""

    embeddings: Annotated[tuple[Embedding, ...], Field(min_length=1)]
    monte_carlo_samples: Count
    generated_steps: Count
    warmup_steps: Count
    forecast_steps: Count
    forecast_windows: Count
    lyapunov_steps: Count
    example_steps: Count


class ExperimentSpec(Section):
    """A dataset and a protocol over a full grid of models, sequence lengths and seeds."""

    dataset: Name
    models: Annotated[tuple[Name, ...], Field(min_length=1)]
    sequence_lengths: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)]
    seeds: Count
    pack: Count
    training: dict[str, Any] = {}
    evaluation: dict[str, Any] = {}


class RuntimeBenchmarkSpec(Section):
    """Time of forward and backward passes during training, Fig. 1A; `updates` counts timed evaluations per solver."""

    kind: Literal["runtime"]
    dataset: Name
    models: Annotated[tuple[Name, ...], Field(min_length=1)]
    sequence_lengths: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)]
    updates: Annotated[dict[Solver, Count], Field(min_length=1)]
    training: dict[str, Any] = {}


class IterationsBenchmarkSpec(Section):
    """Newton iterations of forward passes of trained models, Fig. 1B."""

    kind: Literal["iterations"]
    experiment: Name
    sequence_length: Annotated[int, Field(ge=2)]
    forcing_strengths: Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], Field(min_length=1)]
    guesses: Annotated[tuple[Guess, ...], Field(min_length=1)]
    passes: Count


BenchmarkSpec = Annotated[RuntimeBenchmarkSpec | IterationsBenchmarkSpec, Field(discriminator="kind")]


# --- what is shown ----------------------------------------------------------------------------------------------------


class Figure1Spec(Section):
    runtime: Name
    iterations: Name


class Figure2Spec(Section):
    full: Name
    partial: Name


class LengthsSpec(Section):
    """Two experiments over sequence length, Fig. 3A."""

    lorenz96: Name
    bursting: Name


class ModelsSpec(Section):
    """An experiment over models, Fig. 3B, and which of them are shown, in this order."""

    experiment: Name
    models: Annotated[tuple[Name, ...], Field(min_length=1)]


class Figure3Spec(LengthsSpec):
    comparison: ModelsSpec


class DatasetRoleSpec(Section):
    dataset: Name


class Table2Spec(LengthsSpec):
    lorenz96_runtime: Name
    bursting_runtime: Name


class FiguresSpec(Section):
    figure1: Figure1Spec | None = None
    figure2: Figure2Spec | None = None
    figure3: Figure3Spec | None = None
    figureA1: DatasetRoleSpec | None = None
    figureA2: ModelsSpec | None = None
    figureA3: LengthsSpec | None = None


class TablesSpec(Section):
    tableA1: DatasetRoleSpec | None = None
    table1: Figure2Spec | None = None
    table2: Table2Spec | None = None
    table3: ModelsSpec | None = None
    table4: ModelsSpec | None = None
    table5: Section | None = None


# --- what a job receives ----------------------------------------------------------------------------------------------


class RunSpec(Section):
    """One training job, complete: a pack of seeds of one (experiment, model, sequence length)."""

    preset: Name
    compute: Literal["cpu", "cuda"]
    precision: Literal["float32", "float64"]
    experiment: Name
    dataset: Name
    model: Name
    obs_dim: Count
    sequence_length: Count
    batch_size: Count
    warmup: Annotated[int, Field(ge=0)]
    seeds: tuple[Annotated[int, Field(ge=0)], ...]
    architecture: ModelSpec
    training: TrainingSpec

    @classmethod
    def parse(cls, text: str) -> "RunSpec":
        return cls.model_validate_json(text)

    def dump(self) -> str:
        return self.model_dump_json()


class RuntimeSpec(Section):
    """One runtime benchmark job: the solvers side by side on one (model, sequence length)."""

    run: RunSpec
    updates: dict[Solver, Count]


class IterationsSpec(Section):
    """One Newton-iteration benchmark job: one trained model."""

    run: RunSpec
    benchmark: IterationsBenchmarkSpec


class AggregateSpec(Section):
    """What the aggregated arrays of an experiment need besides its files."""

    experiment: Name
    dataset: Name
    time_step: Positive
    obs_dim: Count
    models: tuple[Name, ...]
    mar_strength: tuple[NonNegative, ...]
    sequence_lengths: tuple[Count, ...]
    batch_size: tuple[Count, ...]
    warmup: tuple[Annotated[int, Field(ge=0)], ...]
    packs: tuple[tuple[int, ...], ...]


class BenchmarkCells(Section):
    """The parts of a benchmark: model and, for run times, sequence length."""

    benchmark: Name
    cells: tuple[tuple[Name, Count | None], ...]


class Preset(Section):
    """A whole preset file."""

    preset: Name
    compute: Literal["cpu", "cuda"]
    precision: Literal["float32", "float64"]
    training: dict[str, Any]
    evaluation: dict[str, Any]
    datasets: dict[Name, DatasetSpec]
    models: dict[Name, ModelSpec]
    experiments: dict[Name, ExperimentSpec]
    benchmarks: dict[Name, BenchmarkSpec]
    figures: FiguresSpec
    tables: TablesSpec

    def training_of(self, model: str, *blocks: dict[str, Any]) -> TrainingSpec:
        """The preset's training block, overridden by the experiment's (or benchmark's) and then the model's."""
        return TrainingSpec.model_validate_json(
            json.dumps(_override(self.training, *blocks, self.models[model].training))
        )

    def evaluation_of(self, experiment: str) -> EvaluationSpec:
        return EvaluationSpec.model_validate_json(
            json.dumps(_override(self.evaluation, self.experiments[experiment].evaluation))
        )

    def packs(self, experiment: str) -> list[tuple[int, ...]]:
        """The seeds 0 .. n-1 of an experiment, cut into packs that are trained together."""
        spec = self.experiments[experiment]
        return [tuple(range(first, min(first + spec.pack, spec.seeds))) for first in range(0, spec.seeds, spec.pack)]

    def run(self, experiment: str, model: str, sequence_length: int, seeds: tuple[int, ...]) -> RunSpec:
        """Resolve one training job."""
        spec = self.experiments[experiment]
        training = self.training_of(model, spec.training)
        return self._run_spec(experiment, spec.dataset, model, sequence_length, seeds, training)

    def runtime_run(self, benchmark: str, model: str, sequence_length: int) -> RuntimeSpec:
        """Resolve one runtime benchmark job."""
        spec = self.benchmarks[benchmark]
        assert isinstance(spec, RuntimeBenchmarkSpec)
        training = self.training_of(model, spec.training)
        run = self._run_spec(benchmark, spec.dataset, model, sequence_length, (0,), training)
        return RuntimeSpec(run=run, updates=spec.updates)

    def iterations_run(self, benchmark: str, model: str) -> IterationsSpec:
        """Resolve one Newton-iteration benchmark job, on the first pack of the experiment it names."""
        spec = self.benchmarks[benchmark]
        assert isinstance(spec, IterationsBenchmarkSpec)
        length = self.experiments[spec.experiment].sequence_lengths[0]
        run = self.run(spec.experiment, model, length, self.packs(spec.experiment)[0])
        return IterationsSpec(run=run, benchmark=spec)

    def aggregate(self, experiment: str) -> AggregateSpec:
        """What the aggregation of an experiment receives."""
        spec = self.experiments[experiment]
        dataset = self.datasets[spec.dataset]
        training = [self.training_of(model, spec.training) for model in spec.models]
        return AggregateSpec(
            experiment=experiment,
            dataset=spec.dataset,
            time_step=dataset.time_step,
            obs_dim=dataset.obs_dim,
            models=spec.models,
            mar_strength=tuple(one.mar_strength for one in training),
            sequence_lengths=spec.sequence_lengths,
            batch_size=tuple(training[0].batch_of(length) for length in spec.sequence_lengths),
            warmup=tuple(training[0].warmup_of(length) for length in spec.sequence_lengths),
            packs=tuple(self.packs(experiment)),
        )

    def benchmark_cells(self, benchmark: str) -> BenchmarkCells:
        """The jobs of a benchmark."""
        spec = self.benchmarks[benchmark]
        if isinstance(spec, RuntimeBenchmarkSpec):
            cells = tuple((model, length) for model in spec.models for length in spec.sequence_lengths)
        else:
            cells = tuple((model, None) for model in self.experiments[spec.experiment].models)
        return BenchmarkCells(benchmark=benchmark, cells=cells)

    def runs(self) -> Iterator[RunSpec]:
        """Every training job of the preset."""
        for name, spec in self.experiments.items():
            for model in spec.models:
                for length in spec.sequence_lengths:
                    for seeds in self.packs(name):
                        yield self.run(name, model, length, seeds)

    def _run_spec(
        self,
        owner: str,
        dataset: str,
        model: str,
        sequence_length: int,
        seeds: tuple[int, ...],
        training: TrainingSpec,
    ) -> RunSpec:
        return RunSpec(
            preset=self.preset,
            compute=self.compute,
            precision=self.precision,
            experiment=owner,
            dataset=dataset,
            model=model,
            obs_dim=self.datasets[dataset].obs_dim,
            sequence_length=sequence_length,
            batch_size=training.batch_of(sequence_length),
            warmup=training.warmup_of(sequence_length),
            seeds=seeds,
            architecture=self.models[model],
            training=training,
        )


def pack_label(seeds: tuple[int, ...]) -> str:
    """`3` for one seed, `0-4` for a pack, as in file names."""
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]}-{seeds[-1]}"


# --- loading and checking ---------------------------------------------------------------------------------------------


def load_preset(config: Mapping[str, Any], file: Path | str) -> Preset:
    """Check a preset that has been read from `file`.

    Raises:
        UserError: with one line that names file, key and mend, for the first thing that is wrong.
    """
    try:
        preset = Preset.model_validate_json(json.dumps(config))
    except ValidationError as error:
        raise UserError(_one_line(file, (), error)) from None
    _check_references(preset, file)
    _check_runs(preset, file)
    return preset


def read_preset(file: Path, merged: Mapping[str, Any] | None = None) -> Preset:
    """Read and check a preset file.

    Args:
        merged: the configuration that the workflow engine has read from it; if it differs from the file, single keys
        were
            given on the command line. They would put results of other numbers under the preset's name.
    """
    config = _read_yaml(file)
    if merged is not None and json.loads(json.dumps(merged)) != json.loads(json.dumps(config)):
        raise UserError(f"--config: single keys would hide in results/; copy {file}, change its preset: and the keys")
    return load_preset(config, file)


def sources(file: Path) -> dict[str, str]:
    """Where each number comes from: dotted key -> the comment on its line."""
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    found: dict[str, str] = {}

    def walk(node: yaml.Node, key: str) -> None:
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                inner = f"{key}.{name.value}" if key else name.value
                _, hash_sign, comment = lines[name.start_mark.line].partition("#")
                if hash_sign:
                    found[inner] = comment.strip()
                walk(value, inner)

    walk(yaml.compose(text, Loader=yaml.SafeLoader), "")
    return found


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would silently keep the last."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(name) for name, _ in node.value]
    for position, key in enumerate(keys):
        if key in keys[:position]:
            raise UserError(f"line {node.value[position][0].start_mark.line + 1}: {key}: stands twice; remove one")
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        config = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); give an existing preset") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise UserError(f"{file}: {where}{getattr(error, 'problem', error)}; mend the YAML") from None
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
    if not isinstance(config, dict):
        raise UserError(f"{file}: holds no keys; write a preset as in config/README.md")
    return config


def _override(*blocks: dict[str, Any]) -> dict[str, Any]:
    """Later blocks win. A key that excludes another one (batch size by product, say) takes its place."""
    exclusive = ({"batch_size", "samples_per_update"}, {"warmup_steps", "warmup_fraction"})
    merged: dict[str, Any] = {}
    for block in blocks:
        for pair in exclusive:
            if pair & block.keys() and "learning_rate_start" in merged:
                for key in pair:
                    merged.pop(key, None)
        merged |= block
    return merged


def _one_line(file: Path | str, prefix: tuple[str, ...], error: ValidationError) -> str:
    """The first problem of a pydantic error, as `file: key: problem; mend`."""
    first: Any = error.errors()[0]
    kind = first["type"]
    # pydantic puts the tag of a union behind the name of its member: models.<name>.<architecture>.<key>.
    tagged = first["loc"][:1] in (("models",), ("benchmarks",))
    loc = [str(part) for place, part in enumerate(first["loc"]) if not (tagged and place == 2)]
    key = ".".join((*prefix, *loc))
    given = first.get("input")
    if kind == "extra_forbidden":
        problem = f"{key}: unknown key; remove it or correct its spelling"
    elif kind == "missing":
        problem = f"{key}: is missing; add it"
    elif kind == "value_error":
        inner = str(first["ctx"]["error"]) if "ctx" in first else first["msg"]
        problem = f"{key}.{inner}" if key else inner
    elif kind in ("float_type", "int_type") and isinstance(given, str):
        problem = f"{key}: '{given}' is text; write a number (YAML wants 1.0e-3, not 1e-3)"
    elif kind == "union_tag_invalid":
        problem = f"{key}: '{first['ctx']['tag']}' is unknown; use {first['ctx']['expected_tags']}"
    elif kind == "literal_error":
        problem = f"{key}: '{given}' is unknown; use {first['ctx']['expected']}"
    elif kind == "union_tag_not_found":
        problem = f"{key}: {first['ctx']['discriminator']} is missing; add it"
    else:
        problem = f"{key}: {first['msg'][0].lower()}{first['msg'][1:]} (given: {given!r}); correct it"
    return f"{file}: {problem}"


def _check_references(preset: Preset, file: Path | str) -> None:
    """Every name that a preset uses must be defined in it."""

    def known(key: str, name: str, table: Mapping[str, Any], kind: str) -> None:
        if name not in table:
            raise UserError(f"{file}: {key}: {kind} '{name}' is not defined; use one of {', '.join(table)}")

    for name, experiment in preset.experiments.items():
        known(f"experiments.{name}.dataset", experiment.dataset, preset.datasets, "dataset")
        for model in experiment.models:
            known(f"experiments.{name}.models", model, preset.models, "model")
    for name in preset.benchmarks:
        if name in preset.experiments:
            raise UserError(f"{file}: benchmarks.{name}: is the name of an experiment too; rename one")
    runtime = {k: v for k, v in preset.benchmarks.items() if isinstance(v, RuntimeBenchmarkSpec)}
    iterations = {k: v for k, v in preset.benchmarks.items() if isinstance(v, IterationsBenchmarkSpec)}
    for name, benchmark in runtime.items():
        known(f"benchmarks.{name}.dataset", benchmark.dataset, preset.datasets, "dataset")
        for model in benchmark.models:
            known(f"benchmarks.{name}.models", model, preset.models, "model")
    for name, benchmark in iterations.items():
        known(f"benchmarks.{name}.experiment", benchmark.experiment, preset.experiments, "experiment")
    for section, part in (("figures", preset.figures), ("tables", preset.tables)):
        for target, roles in part:
            for role, value in roles or ():
                key = f"{section}.{target}.{role}"
                if role == "dataset":
                    known(key, value, preset.datasets, "dataset")
                elif role == "iterations":
                    known(key, value, iterations, "iterations benchmark")
                elif role.endswith("runtime"):
                    known(key, value, runtime, "runtime benchmark")
                elif role == "models":
                    for model in value:
                        known(key, model, dict.fromkeys(preset.experiments[roles.experiment].models), "model")
                elif role == "comparison":
                    known(f"{key}.experiment", value.experiment, preset.experiments, "experiment")
                    for model in value.models:
                        known(
                            f"{key}.models", model, dict.fromkeys(preset.experiments[value.experiment].models), "model"
                        )
                else:
                    known(key, value, preset.experiments, "experiment")


def _check_runs(preset: Preset, file: Path | str) -> None:
    """Combinations that cannot work, found before any job starts."""
    owners = [("experiments", k, v) for k, v in preset.experiments.items()] + [
        ("benchmarks", k, v) for k, v in preset.benchmarks.items() if isinstance(v, RuntimeBenchmarkSpec)
    ]
    for section, name, spec in owners:
        where = f"{section}.{name}"
        dataset = preset.datasets[spec.dataset]
        for model in spec.models:
            try:
                training = preset.training_of(model, spec.training)
            except ValidationError as error:
                raise UserError(_one_line(file, (where, "training"), error)) from None
            _check_model(preset, file, where, model, dataset)
            for length in spec.sequence_lengths:
                if length > dataset.train.steps:
                    raise UserError(
                        f"{file}: {where}.sequence_lengths: {length} exceeds the {dataset.train.steps} training steps "
                        f"of dataset {spec.dataset}; shorten it or lengthen train.steps"
                    )
                if training.warmup_of(length) >= length:
                    raise UserError(
                        f"{file}: {where}.training.warmup_steps: {training.warmup_of(length)} leaves nothing to "
                        f"predict of sequence length {length}; lower warmup_steps"
                    )
                if training.batch_of(length) < 1:
                    raise UserError(
                        f"{file}: {where}.training.samples_per_update: {training.samples_per_update} is less than "
                        f"sequence length {length}; raise it"
                    )
    for name, experiment in preset.experiments.items():
        try:
            evaluation = preset.evaluation_of(name)
        except ValidationError as error:
            raise UserError(_one_line(file, (f"experiments.{name}.evaluation",), error)) from None
        _check_evaluation(file, f"experiments.{name}.evaluation", evaluation, preset.datasets[experiment.dataset])
    for name, benchmark in preset.benchmarks.items():
        if isinstance(benchmark, IterationsBenchmarkSpec):
            dataset = preset.datasets[preset.experiments[benchmark.experiment].dataset]
            if benchmark.sequence_length > dataset.test.steps:
                raise UserError(
                    f"{file}: benchmarks.{name}.sequence_length: {benchmark.sequence_length} exceeds the "
                    f"{dataset.test.steps} test steps of its dataset; shorten it or lengthen test.steps"
                )


def _check_model(preset: Preset, file: Path | str, where: str, name: str, dataset: DatasetSpec) -> None:
    """A linear read-out with the row-space projector needs at least as many latent as observed dimensions here."""
    model = preset.models[name]
    if isinstance(model, LatentModelSpec) and model.latent_dim < dataset.obs_dim:
        raise UserError(
            f"{file}: models.{name}.latent_dim: {model.latent_dim} is less than the {dataset.obs_dim} observed "
            f"components of {where}; raise latent_dim"
        )


def _check_evaluation(file: Path | str, where: str, evaluation: EvaluationSpec, dataset: DatasetSpec) -> None:
    steps = dataset.test.steps
    for embedding in evaluation.embeddings:
        reach = (embedding.dimension - 1) * embedding.delay
        if reach >= steps // 2:
            raise UserError(
                f"{file}: {where}.embeddings: ({embedding.dimension}, {embedding.delay}) reaches back {reach} steps, "
                f"over half of the {steps} test steps; lower it or lengthen test.steps"
            )
    if evaluation.warmup_steps + evaluation.forecast_steps >= steps:
        raise UserError(
            f"{file}: {where}.warmup_steps: {evaluation.warmup_steps} and forecast_steps do not fit into the {steps} "
            "test steps; lower one or lengthen test.steps"
        )
    if evaluation.example_steps > min(steps, evaluation.generated_steps):
        raise UserError(
            f"{file}: {where}.example_steps: {evaluation.example_steps} exceeds the test or generated steps; lower it"
        )
