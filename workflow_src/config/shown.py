"""Which figures and tables a preset shows, and from which of its datasets, experiments and benchmarks."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from workflow_src.specs.section import AbstractSection, Distinct, Name, Text


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


class Use(NamedTuple):
    """A model of an experiment, and the keys below the section where it and the experiment are named."""

    model: str
    model_key: str
    experiment: str
    experiment_key: str


class AbstractDetailedSpec(AbstractSection):
    """A figure that is given its whole section of the preset, and the experiments whose models the section names."""

    @abstractmethod
    def uses(self) -> Iterator[Use]:
        """Every model that the figure shows."""

    def experiments(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(use.experiment for use in self.uses()))


class SensitivityValueSpec(AbstractSection):
    """One value of a factor: the model that was trained with it, or the embedding it is judged in.

    Attributes:
        experiment: that of the figure if it names none.
        embedding: label of one of the experiment's, such as m2_tau200; its first if none is named.
        contrast: a model of the same experiment that the finding sets this one against.
    """

    label: Text
    model: Name
    experiment: Name | None = None
    embedding: Name | None = None
    contrast: Name | None = None


class FactorSpec(AbstractSection):
    """Something that the paper leaves open, and the values that were tried.

    Attributes:
        label: words for the name.
        reference: label of the value behind the other figures.
        finding: what the contrasts of its values show, in words.
        contrast_is: what the finding says of them, beside the model of the value.
    """

    name: Name
    label: Text | None = None
    reference: Text
    finding: Text | None = None
    contrast_is: Literal["worse", "better"] = "worse"
    values: Annotated[tuple[SensitivityValueSpec, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _labels_tell_values_apart(self) -> "FactorSpec":
        labels = [value.label for value in self.values]
        for position, label in enumerate(labels):
            if label in labels[:position]:
                raise ValueError(f"values.{position}.label: '{label}' stands twice; give each value a label of its own")
        if self.reference not in labels:
            raise ValueError(f"reference: '{self.reference}' labels none of the values; use one of {', '.join(labels)}")
        return self


class SensitivitySpec(AbstractDetailedSpec):
    """How far the divergence of models depends on what the paper leaves open, Fig. S1."""

    experiment: Name
    factors: Annotated[tuple[FactorSpec, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_tell_factors_apart(self) -> "SensitivitySpec":
        names = [factor.name for factor in self.factors]
        for position, name in enumerate(names):
            if name in names[:position]:
                raise ValueError(f"factors.{position}.name: '{name}' stands twice; name each factor once")
        return self

    def uses(self) -> Iterator[Use]:
        for row, factor in enumerate(self.factors):
            for column, value in enumerate(factor.values):
                key = f"factors.{row}.values.{column}"
                owner = (value.experiment, f"{key}.experiment") if value.experiment else (self.experiment, "experiment")
                yield Use(value.model, f"{key}.model", *owner)
                if value.contrast is not None:
                    yield Use(value.contrast, f"{key}.contrast", *owner)


class ExponentsSpec(AbstractLengthsSpec):
    """Experiments whose Lyapunov exponents stand beside the true ones, Fig. B2: on Lorenz-63, and over length."""

    full: Name


class ControlsSpec(AbstractSection):
    """An experiment over sequence length and its two controls, Fig. B5.

    Attributes:
        fixed_warmup: the same with one warm-up at all lengths.
        adaptive: the same with a forcing strength that follows the Jacobians.
    """

    reference: Name
    fixed_warmup: Name
    adaptive: Name


class ExtrasSpec(AbstractSection):
    """Figures beyond the paper's, which are drawn when they are asked for and are no part of `all`."""

    figureS1: SensitivitySpec | None = None
    figureB1: Figure3Spec | None = None
    figureB2: ExponentsSpec | None = None
    figureB3: Figure3Spec | None = None
    figureB4: LengthsSpec | None = None
    figureB5: ControlsSpec | None = None
