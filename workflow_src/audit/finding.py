"""What an audit finds."""

from typing import Literal, NamedTuple

Level = Literal["damage", "warning", "note"]


class Finding(NamedTuple):
    """One line about one file.

    Attributes:
        level: `damage` is a file that is not as it was written, or a chain that does not hold together; a `warning`
            leaves the result sound, but says what it is not; a `note` is no fault.
        about: the file.
        text: what is the matter.
    """

    level: Level
    about: str
    text: str

    def __str__(self) -> str:
        return f"{self.level:<8} {self.about}: {self.text}"
