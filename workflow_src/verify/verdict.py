"""The outcome of a comparison, tier by tier."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE"]


class Tier(NamedTuple):
    """One way in which a result and what was made anew may agree.

    Attributes:
        name: in a word.
        outcome: FAIL says that they disagree where they must not, INCONCLUSIVE that nothing can be said.
        text: what was found, in a line.
    """

    name: str
    outcome: Outcome
    text: str


class Check(NamedTuple):
    """A result and its tiers, the strictest first."""

    about: str
    tiers: Sequence[Tier]

    @property
    def outcome(self) -> Outcome:
        """FAIL if any tier fails; otherwise PASS if any holds."""
        found = {tier.outcome for tier in self.tiers}
        return "FAIL" if "FAIL" in found else "PASS" if "PASS" in found else "INCONCLUSIVE"

    def __str__(self) -> str:
        lines = [f"{self.outcome:<13} {self.about}"]
        return "\n".join([*lines, *(f"  {tier.name:<12} {tier.outcome:<13} {tier.text}" for tier in self.tiers)])


def refused(about: str, text: str) -> Check:
    """A result that is not even what was to be compared."""
    return Check(about, [Tier("origin", "FAIL", text)])
