"""Presets (config/*.yaml): their schema, their checks, and the specification that each job receives.

A preset names datasets, models, experiments, benchmarks, figures and tables. Every number of the science stands there;
this package knows which keys exist and which combinations cannot work. Jobs import `workflow_src.specs` alone.
"""

from workflow_src.config.blocks import Block, merge
from workflow_src.config.load import load_preset, read_preset
from workflow_src.config.preset import ExperimentSpec, Preset, RuntimeBenchmarkSpec, pack_label
from workflow_src.config.text import sources
from workflow_src.config.training import OF_FORCED_MODELS

__all__ = [
    "OF_FORCED_MODELS",
    "Block",
    "ExperimentSpec",
    "Preset",
    "RuntimeBenchmarkSpec",
    "load_preset",
    "merge",
    "pack_label",
    "read_preset",
    "sources",
]
