"""Plain tables for terminals."""

from collections.abc import Sequence


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = (), gap: str = "  ") -> list[str]:
    """The lines of a table, the first row on top; cells are padded to the widest of their column.

    Args:
        right: columns of numbers, which end below each other.
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return [
        gap.join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def duration(seconds: float, *, rough: bool = False) -> str:
    """A time in two units at most: 12 s, 3 min 20 s, 4 h 5 min, 2 d 3 h.

    Args:
        rough: one unit alone.
    """
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 1 or seconds == 0 else "1 s"
    for size, name, below, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        # Rounded first, so that no hour has 60 minutes.
        whole, rest = divmod(round(seconds / below), size // below)
        if whole and rough:
            return f"{seconds / size:.0f} {name}"
        if whole:
            return f"{whole} {name} {rest} {smaller}" if rest else f"{whole} {name}"
    raise AssertionError("a minute or more is at least one of these")
