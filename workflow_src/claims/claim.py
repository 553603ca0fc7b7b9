"""What a claim may state: the schema of config/claims.yaml."""

from typing import Annotated, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from workflow_src.specs.claims import ROLES, Kind
from workflow_src.specs.section import AbstractSection, Count, Fraction, Positive


class Quantity(NamedTuple):
    """What is compared.

    Attributes:
        kind: of the roles that hold it.
        unit: of its values; empty for counts and what has none.
    """

    kind: Kind
    unit: str


# All but the exponents are bad where they are large.
QUANTITIES = {
    "state_space_divergence": Quantity("experiment", "nats"),
    "forecast_rmse": Quantity("experiment", ""),
    "loss_roughness": Quantity("experiment", "decades"),
    "newton_iterations": Quantity("experiment", ""),
    "lyapunov_exponent": Quantity("experiment", "1/step"),
    "lyapunov_exponent_forced": Quantity("experiment", "1/step"),
    "update_time": Quantity("runtime", "s"),
    "iterations": Quantity("iterations", ""),
}
EXPONENTS = ("lyapunov_exponent", "lyapunov_exponent_forced")
Measure = Literal[
    "state_space_divergence",
    "forecast_rmse",
    "loss_roughness",
    "newton_iterations",
    "lyapunov_exponent",
    "lyapunov_exponent_forced",
    "update_time",
    "iterations",
]


class Models(AbstractSection):
    """Models of a role by their properties; what is not stated does not matter.

    Attributes:
        latent_dim: whether M exceeds N.
        rank_above_obs_dim: rank of W1 minus N.
        jacobian: that of the solver; every solver but quasi_deer uses or needs no less than the full one.
        mar_strength: none, some, or the largest of the role's.
        size: the smallest or largest of those chosen so far, by latent dimension or else by parameters.
    """

    architecture: Literal["shplrnn", "low_rank_shplrnn", "lssm", "mamba2"] | None = None
    latent_dim: Literal["at_most_obs_dim", "above_obs_dim"] | None = None
    rank_above_obs_dim: int | None = None
    jacobian: Literal["full", "diagonal"] | None = None
    solver: Literal["deer", "sequential"] | None = None
    mar_strength: Literal["none", "some", "largest"] | None = None
    singular_value_strength: Literal["none", "some"] | None = None
    size: Literal["smallest", "largest"] | None = None


class Selection(AbstractSection):
    """Values of one measure: from which arrays, of which models, at which points.

    Attributes:
        solver: of timed updates. The solver that a model is trained by is one of the properties of models.
        updates: of the training history.
    """

    role: str
    measure: Measure
    models: Models = Models()
    sequence_length: Literal["all", "shortest", "middle", "longest", "lower_half", "upper_half"] = "longest"
    solver: Literal["deer", "sequential"] | None = None
    guess: Literal["zero", "normal", "pseudo_inverse"] | None = None
    forcing_strength: Literal["all", "smallest", "middle", "largest"] | None = None
    updates: Literal["all", "first_tenth", "last_tenth"] = "all"

    @field_validator("role")
    @classmethod
    def check_role(cls, role: str) -> str:
        if role not in ROLES:
            raise ValueError(f"'{role}' is unknown; use one of {', '.join(ROLES)}")
        return role

    @model_validator(mode="after")
    def check_measure(self) -> "Selection":
        kind = ROLES[self.role]
        if (needed := QUANTITIES[self.measure].kind) != kind:
            raise ValueError(f"measure: {self.role} holds no {self.measure}; name a role of kind {needed}")
        for key, owner in (("solver", "runtime"), ("guess", "iterations"), ("forcing_strength", "iterations")):
            if (getattr(self, key) is not None) != (kind == owner):
                mend = "remove it" if kind != owner else "add it"
                raise ValueError(f"{key}: only roles of kind {owner} have one, and need it; {mend}")
        return self


class Difference(AbstractSection):
    """The values on one side are higher than those on the other.

    Attributes:
        smallest: least effect that counts.
        scale: ratio of medians, or dominance (Cliff's delta: how much more often a value of the higher side is the
            higher one of two).
        cells: pooled compares all values; every demands it of each model and sequence length of the higher side, best
            of one of them at least. The other side is that of the same model and length where it has them.
        spread: compare distances from each side's own median.
    """

    kind: Literal["difference"]
    higher: Selection
    lower: Selection
    smallest: Positive
    scale: Literal["ratio", "dominance"] = "ratio"
    cells: Literal["pooled", "every", "best"] = "pooled"
    spread: bool = False


class Equivalence(AbstractSection):
    """The ratio of the medians lies within 1/margin and margin; with `not_worse`, below margin."""

    kind: Literal["equivalence"]
    one: Selection
    other: Selection
    margin: Annotated[float, Field(gt=1)]
    sides: Literal["both", "not_worse"] = "both"


class Trend(AbstractSection):
    """The rank correlation of a measure with sequence length or forcing strength is at least `smallest` in size."""

    kind: Literal["trend"]
    of: Selection
    over: Literal["sequence_length", "forcing_strength"]
    direction: Literal["falls", "rises"]
    smallest: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def check_points(self) -> "Trend":
        if getattr(self.of, self.over) != "all":
            raise ValueError(f"of.{self.over}: a trend needs all of them; write all")
        return self


class Scaling(AbstractSection):
    """The measure grows as T to a power within these bounds, for every model."""

    kind: Literal["scaling"]
    of: Selection
    least: float
    most: float

    @model_validator(mode="after")
    def check_bounds(self) -> "Scaling":
        if self.least >= self.most:
            raise ValueError(f"least: {self.least} is not below most {self.most}; lower it")
        return self


class Share(AbstractSection):
    """At least `smallest` of all values fail (do not converge), or are at most `bound`, for every model."""

    kind: Literal["share"]
    of: Selection
    event: Literal["failed", "at_most"]
    bound: float | None = None
    smallest: Annotated[float, Field(gt=0.5, le=1)]

    @model_validator(mode="after")
    def check_bound(self) -> "Share":
        if (self.bound is None) != (self.event == "failed"):
            raise ValueError("bound: goes with at_most and with nothing else; add or remove it")
        return self


Test = Annotated[Difference | Equivalence | Trend | Scaling | Share, Field(discriminator="kind")]


class Claim(AbstractSection):
    """One finding of the paper that one test can judge.

    Attributes:
        item: number of the finding among those of the paper that are to be reproduced.
        where: section and figure of the paper.
        finding: in our words.
        needs: cuda where a processor without a GPU shows something else.
    """

    id: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]+$")]
    item: Count
    where: str
    finding: str
    needs: Literal["cuda"] | None = None
    test: Test


class Claims(AbstractSection):
    """All claims, and what holds for all of their tests.

    Attributes:
        significance: bound of p after Holm's correction; intervals hold with 1 minus this.
        fewest_units: runs (or timed updates, or passes) per point below which nothing is decided.
        resamples: of bootstraps and permutations.
    """

    significance: Fraction
    fewest_units: Count
    resamples: Annotated[int, Field(ge=99)]
    claims: Annotated[tuple[Claim, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def check_ids(self) -> "Claims":
        names = [claim.id for claim in self.claims]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"claims: the id {name} stands twice; rename one")
        return self
