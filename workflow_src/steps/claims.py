"""Judge the claims of the paper on the aggregated arrays of a preset: one row and one verdict per claim."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from workflow_src import provenance, store
from workflow_src.claims.evaluation import evaluate
from workflow_src.claims.load import load_claims
from workflow_src.provenance.git import last_commit
from workflow_src.specs.claims import ClaimsSpec
from workflow_src.steps.arguments import arguments, run


def to_markdown(rows: pd.DataFrame) -> str:
    """Finding, effect with its interval, values compared and verdict, for readers."""
    shown = [
        [
            one["claim"],
            one["where"],
            one["finding"],
            _effect(one),
            _counted(one),
            f"{one['verdict']}: {one['reason']}" if one["reason"] else one["verdict"],
        ]
        for one in rows.to_dict("records")
    ]
    escaped = [[str(cell).replace("|", "\\|") for cell in row] for row in shown]
    heads = ["claim", "paper", "finding", "effect", "values", "verdict"]
    return tabulate(escaped, heads, tablefmt="pipe", disable_numparse=True) + "\n"


def _effect(row: dict[str, object]) -> str:
    if pd.isna(row["effect"]):
        return "–"
    return f"{row['effect']:.3g} [{row['low']:.3g}, {row['high']:.3g}] ({row['effect_unit']})"


def _counted(row: dict[str, object]) -> str:
    if pd.isna(row["values_used"]):
        return "–"
    counted = f"{row['values_used']} {row['unit']}"
    return f"{counted}, {row['values_failed']} failed" if row["values_failed"] else counted


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(__doc__, spec=ClaimsSpec, stated=Path, inputs=dict, csv=Path, md=Path).parse(argv)
    with provenance.record("claims", args, ["csv", "md"]):
        claims = load_claims(args.stated)
        files = {path: store.load(path) for path in dict.fromkeys(args.inputs.values())}
        arrays = {role: files[path] for role, path in args.inputs.items()}
        rows = evaluate(claims, args.spec, arrays).assign(stated_in=last_commit(args.stated))
        store.write_atomically(args.csv, lambda path: rows.to_csv(path, index=False, lineterminator="\n"))
        store.write_atomically(args.md, lambda path: path.write_text(to_markdown(rows), encoding="utf-8"))


if __name__ == "__main__":
    run(main)
