"""The base of every specification, and the kinds of numbers in it."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]
Length = Annotated[int, Field(ge=2)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class AbstractSection(BaseModel):
    """A part of a specification: unknown keys are errors, types are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _distinct(values: tuple) -> tuple:
    for position, value in enumerate(values):
        if value in values[:position]:
            shown = f"({value})" if isinstance(value, BaseModel) else repr(value)
            raise PydanticCustomError("refused", "{shown} stands twice; name each once", {"shown": shown})
    return values


Distinct = AfterValidator(_distinct)
