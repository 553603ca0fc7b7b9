"""A verification as a whole."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from workflow_src.config import read_preset
from workflow_src.errors import UserError
from workflow_src.verify.data import verify_data
from workflow_src.verify.figures import verify_figures
from workflow_src.verify.sample import draw, verify_sample
from workflow_src.verify.verdict import Check


def verify(file: Path, *, data: bool, figures: bool, sample: int | None, seed: int) -> Iterator[Check | str]:
    """Make results again and compare: a check for each, and lines that say what is compared.

    Args:
        file: the preset, whose results lie in results/.
        data: simulate the datasets.
        figures: draw the figures.
        sample: how many trained runs to train.
        seed: of the draw of these.
    Raises:
        UserError: there is nothing to verify.
    """
    if not (data or figures or sample is not None):
        raise UserError("verify: nothing is asked for; give --data, --figures or --sample K")
    preset = read_preset(file)
    base = Path("results") / preset.preset
    if not base.is_dir():
        raise UserError(f"{base}: no such folder; make or unpack the results of {file}, and start where results/ is")
    if data:
        yield from verify_data(preset, base)
    if figures:
        yield from verify_figures(preset, base)
    if sample is not None:
        cells, there = draw(preset, base, sample, seed)
        yield f"drawn with --seed {seed}: {len(cells)} of {there} runs: {', '.join(map(str, cells))}"
        yield from verify_sample(preset, base, cells)


def summary(checks: list[Check]) -> str:
    """The last line: the worst outcome and how many there are of each."""
    counts = Counter(check.outcome for check in checks)
    worst = next(name for name in ("FAIL", "INCONCLUSIVE", "PASS") if counts[name])
    told = ", ".join(f"{counts[name]} {name}" for name in ("PASS", "INCONCLUSIVE", "FAIL") if counts[name])
    return f"{worst}: of {len(checks)} results {told}"
