"""What the claims of the paper are judged on: roles of a preset, and the properties of the models behind each."""

from typing import Literal

from workflow_src.specs.section import AbstractSection, Count, Name, NonNegative

Kind = Literal["experiment", "runtime", "iterations"]

# Places of a preset that name an experiment or a benchmark, and which of them they name.
ROLES: dict[str, Kind] = {
    "figures.figure1.runtime": "runtime",
    "figures.figure1.iterations": "iterations",
    "figures.figure2.full": "experiment",
    "figures.figure2.partial": "experiment",
    "figures.figure3.lorenz96": "experiment",
    "figures.figure3.bursting": "experiment",
    "figures.figure3.comparison": "experiment",
    "figures.figureA2": "experiment",
    "figures.figureA3.lorenz96": "experiment",
    "figures.figureA3.bursting": "experiment",
    "tables.table1.full": "experiment",
    "tables.table1.partial": "experiment",
    "tables.table2.lorenz96": "experiment",
    "tables.table2.bursting": "experiment",
    "tables.table2.lorenz96_runtime": "runtime",
    "tables.table2.bursting_runtime": "runtime",
    "tables.table3": "experiment",
    "tables.table4": "experiment",
    "claims.solvers": "experiment",
    "claims.singular_values": "experiment",
}


class ModelProperties(AbstractSection):
    """By what claims choose models: architecture and sizes, and how the role's protocol trains them."""

    architecture: str
    latent_dim: Count | None
    rank: Count | None
    solver: str
    mar_strength: NonNegative
    singular_value_strength: NonNegative


class RoleSpec(AbstractSection):
    """Observed dimension N of a role's data, and the models that it shows."""

    obs_dim: Count
    models: dict[Name, ModelProperties]


class ClaimsSpec(AbstractSection):
    """The roles that a preset fills, and the device that it computes on."""

    preset: Name
    compute: Literal["cpu", "cuda"]
    roles: dict[str, RoleSpec]
