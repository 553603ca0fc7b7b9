"""The schema of a preset, and how its names resolve into the specifications of jobs."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from workflow_src.config.blocks import Block, resolve
from workflow_src.config.shown import ClaimsRolesSpec, ExtrasSpec, FiguresSpec, TablesSpec
from workflow_src.specs.aggregate import AggregateSpec
from workflow_src.specs.benchmark import BenchmarkCells, IterationsBenchmarkSpec, IterationsSpec, RuntimeSpec
from workflow_src.specs.dataset import DatasetSpec
from workflow_src.specs.evaluation import EvaluationSpec
from workflow_src.specs.model import ModelSpec
from workflow_src.specs.run import RunSpec
from workflow_src.specs.section import AbstractSection, Count, Distinct, Length, Name, Whole
from workflow_src.specs.training import Solver, TrainingSpec


class ExperimentSpec(AbstractSection):
    """A dataset and a protocol over a full grid of models, sequence lengths and seeds from `first_seed` on."""

    dataset: Name
    models: Annotated[tuple[Name, ...], Field(min_length=1), Distinct]
    sequence_lengths: Annotated[tuple[Length, ...], Field(min_length=1), Distinct]
    seeds: Count
    first_seed: Whole = 0
    pack: Count
    training: dict[str, Any] = Field(default_factory=dict)
    evaluation: dict[str, Any] = Field(default_factory=dict)


class RuntimeBenchmarkSpec(AbstractSection):
    """Time of forward and backward passes during training, Fig. 1A; `updates` counts timed evaluations per solver."""

    kind: Literal["runtime"]
    dataset: Name
    models: Annotated[tuple[Name, ...], Field(min_length=1), Distinct]
    sequence_lengths: Annotated[tuple[Length, ...], Field(min_length=1), Distinct]
    updates: Annotated[dict[Solver, Count], Field(min_length=1)]
    training: dict[str, Any] = Field(default_factory=dict)


BenchmarkSpec = Annotated[RuntimeBenchmarkSpec | IterationsBenchmarkSpec, Field(discriminator="kind")]


class Preset(AbstractSection):
    """A whole preset file.

    Attributes:
        source: where numbers come from behind which no comment stands.
        deterministic: whether trainings on a GPU sum in a fixed order, so that one that was interrupted ends with the
            same bits.
        packs_per_gpu: jobs that share a GPU on one machine, each with its part of the memory. A cluster's scheduler
            gives every job its own.
    """

    preset: Name
    source: Annotated[str, Field(min_length=1)] | None = None
    compute: Literal["cpu", "cuda"]
    precision: Literal["float32", "float64"]
    deterministic: bool = False
    packs_per_gpu: Count = 1
    training: dict[str, Any]
    evaluation: dict[str, Any]
    datasets: dict[Name, DatasetSpec]
    models: dict[Name, ModelSpec]
    experiments: dict[Name, ExperimentSpec]
    benchmarks: dict[Name, BenchmarkSpec]
    figures: FiguresSpec
    tables: TablesSpec
    claims: ClaimsRolesSpec = ClaimsRolesSpec()
    extras: ExtrasSpec = ExtrasSpec()

    def protocols(self) -> dict[str, ExperimentSpec | RuntimeBenchmarkSpec]:
        """All that trains models: dotted key -> experiment or runtime benchmark."""
        runtime = {f"benchmarks.{k}": v for k, v in self.benchmarks.items() if isinstance(v, RuntimeBenchmarkSpec)}
        return {f"experiments.{name}": spec for name, spec in self.experiments.items()} | runtime

    def training_blocks(self, protocol: str, model: str) -> tuple[Block, ...]:
        """The preset's training block, overridden by the experiment's or benchmark's and then by the model's.

        Args:
            protocol: dotted key, as in `protocols`.
        """
        return (
            Block("training", self.training),
            Block(f"{protocol}.training", self.protocols()[protocol].training),
            Block(f"models.{model}.training", self.models[model].training),
        )

    def evaluation_blocks(self, experiment: str) -> tuple[Block, ...]:
        """The preset's evaluation block, overridden by the experiment's."""
        own = self.experiments[experiment].evaluation
        return Block("evaluation", self.evaluation), Block(f"experiments.{experiment}.evaluation", own)

    def training_of(self, protocol: str, model: str) -> TrainingSpec:
        return resolve(TrainingSpec, *self.training_blocks(protocol, model))

    def evaluation_of(self, experiment: str) -> EvaluationSpec:
        return resolve(EvaluationSpec, *self.evaluation_blocks(experiment))

    def packs(self, experiment: str) -> list[tuple[int, ...]]:
        """The seeds of an experiment, cut into packs that are trained together."""
        spec = self.experiments[experiment]
        end = spec.first_seed + spec.seeds
        return [tuple(range(first, min(first + spec.pack, end))) for first in range(spec.first_seed, end, spec.pack)]

    def run(self, experiment: str, model: str, sequence_length: int, seeds: tuple[int, ...]) -> RunSpec:
        """Resolve one training job."""
        return self._run_spec(f"experiments.{experiment}", model, sequence_length, seeds)

    def runtime_run(self, benchmark: str, model: str, sequence_length: int) -> RuntimeSpec:
        """Resolve one runtime benchmark job."""
        spec = self.benchmarks[benchmark]
        assert isinstance(spec, RuntimeBenchmarkSpec)
        run = self._run_spec(f"benchmarks.{benchmark}", model, sequence_length, (0,))
        return RuntimeSpec(run=run, updates=spec.updates)

    def iterations_run(self, benchmark: str, model: str) -> IterationsSpec:
        """Resolve one Newton-iteration benchmark job, on the one pack of the experiment it names."""
        spec = self.benchmarks[benchmark]
        assert isinstance(spec, IterationsBenchmarkSpec)
        length = self.experiments[spec.experiment].sequence_lengths[0]
        run = self.run(spec.experiment, model, length, self.packs(spec.experiment)[0])
        return IterationsSpec(run=run, benchmark=spec)

    def aggregate(self, experiment: str) -> AggregateSpec:
        """What the aggregation of an experiment receives."""
        spec = self.experiments[experiment]
        dataset = self.datasets[spec.dataset]
        training = [self.training_of(f"experiments.{experiment}", model) for model in spec.models]
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

    def _run_spec(self, protocol: str, model: str, sequence_length: int, seeds: tuple[int, ...]) -> RunSpec:
        dataset = self.protocols()[protocol].dataset
        training = self.training_of(protocol, model)
        return RunSpec(
            preset=self.preset,
            compute=self.compute,
            precision=self.precision,
            deterministic=self.deterministic,
            experiment=protocol.partition(".")[2],
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
