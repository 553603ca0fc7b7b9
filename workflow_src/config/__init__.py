"""Presets (config/*.yaml): their schema, their checks, and the specification that each job receives.

A preset names datasets, models, experiments, benchmarks, figures and tables. Every number of the science stands there;
this package knows which keys exist and which combinations cannot work. Jobs import `workflow_src.specs` alone.
"""

from workflow_src.config.blocks import Block, merge
from workflow_src.config.load import load_preset, read_preset
from workflow_src.config.preset import (
    ExperimentSpec,
    Preset,
    RuntimeBenchmarkSpec,
    pack_label,
)
from workflow_src.config.text import sources
from workflow_src.specs.aggregate import AggregateSpec
from workflow_src.specs.benchmark import BenchmarkCells, IterationsBenchmarkSpec, IterationsSpec, RuntimeSpec
from workflow_src.specs.dataset import DatasetSpec, Trajectory
from workflow_src.specs.evaluation import Embedding, EvaluationSpec
from workflow_src.specs.model import (
    AbstractLatentModelSpec,
    LowRankPLRNNSpec,
    LSSMSpec,
    Mamba2Spec,
    ModelSpec,
    ShallowPLRNNSpec,
)
from workflow_src.specs.run import RunSpec
from workflow_src.specs.training import TrainingSpec

LatentModelSpec = AbstractLatentModelSpec

__all__ = [
    "AbstractLatentModelSpec",
    "AggregateSpec",
    "BenchmarkCells",
    "Block",
    "DatasetSpec",
    "Embedding",
    "EvaluationSpec",
    "ExperimentSpec",
    "IterationsBenchmarkSpec",
    "IterationsSpec",
    "LSSMSpec",
    "LatentModelSpec",
    "LowRankPLRNNSpec",
    "Mamba2Spec",
    "ModelSpec",
    "Preset",
    "RunSpec",
    "RuntimeBenchmarkSpec",
    "RuntimeSpec",
    "ShallowPLRNNSpec",
    "TrainingSpec",
    "Trajectory",
    "load_preset",
    "merge",
    "pack_label",
    "read_preset",
    "sources",
]
