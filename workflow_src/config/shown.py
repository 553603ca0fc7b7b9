"""Which figures and tables a preset shows, and from which of its datasets, experiments and benchmarks."""

from typing import Annotated

from pydantic import Field

from workflow_src.specs.section import AbstractSection, Distinct, Name


class Figure1Spec(AbstractSection):
    runtime: Name
    iterations: Name


class SettingsSpec(AbstractSection):
    """Two experiments, on all components and on one, Fig. 2."""

    full: Name
    partial: Name


class AbstractLengthsSpec(AbstractSection):
    """Two experiments over sequence length, Fig. 3A."""

    lorenz96: Name
    bursting: Name


class LengthsSpec(AbstractLengthsSpec):
    """Fig. A3."""


class ModelsSpec(AbstractSection):
    """An experiment over models, Fig. 3B, and which of them are shown, in this order."""

    experiment: Name
    models: Annotated[tuple[Name, ...], Field(min_length=1), Distinct]


class Figure3Spec(AbstractLengthsSpec):
    comparison: ModelsSpec


class DatasetRoleSpec(AbstractSection):
    dataset: Name


class Table2Spec(AbstractLengthsSpec):
    lorenz96_runtime: Name
    bursting_runtime: Name


class NoRolesSpec(AbstractSection):
    """A table of the preset itself."""


class FiguresSpec(AbstractSection):
    figure1: Figure1Spec | None = None
    figure2: SettingsSpec | None = None
    figure3: Figure3Spec | None = None
    figureA1: DatasetRoleSpec | None = None
    figureA2: ModelsSpec | None = None
    figureA3: LengthsSpec | None = None


class TablesSpec(AbstractSection):
    tableA1: DatasetRoleSpec | None = None
    table1: SettingsSpec | None = None
    table2: Table2Spec | None = None
    table3: ModelsSpec | None = None
    table4: ModelsSpec | None = None
    table5: NoRolesSpec | None = None


class ClaimsRolesSpec(AbstractSection):
    """Experiments that no figure or table shows, for claims that need them.

    Attributes:
        solvers: models trained by deer and by sequential.
        singular_values: models with and without singular_value_strength.
    """

    solvers: Name | None = None
    singular_values: Name | None = None
