"""Compare the solvers on the CPU or on whatever JAX runs on: one record per case.

python -m benchmarks.compare --case embedded_m10
python -m benchmarks.compare --rows          # all rows of the table, and the memory of a long one
python -m benchmarks.compare --grid T        # one axis of the grid, or all of them: --grid
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks import cases, data, machine, records
from benchmarks.cases import Case
from benchmarks.comparison import compare, say
from benchmarks.evaluation import SOLVERS, available
from benchmarks.measure import Effort


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--case", metavar="NAME", help="one case by its name")
    what.add_argument("--rows", action="store_true", help="all cases of the table")
    what.add_argument(
        "--grid", metavar="AXIS", nargs="?", const="all", help=f"one of {', '.join(cases.grid())}, or all"
    )
    parser.add_argument(
        "--solvers", nargs="+", metavar="NAME", help=f"default: those there are of {', '.join(SOLVERS)}"
    )
    parser.add_argument("--repeats", type=int, default=20, help="most rounds of timed calls (default 20)")
    parser.add_argument("--records", type=Path, default=records.RECORDS, help="folder of the records")
    parser.add_argument("--cache", type=Path, default=data.CACHE, help="folder of trained models and orbits")
    parser.add_argument("--commit", help="of a checkout without git")
    parser.add_argument("--tiny", action="store_true", help="sizes that only show that it works")
    args = parser.parse_args(argv)
    try:
        chosen = _chosen(args)
    except KeyError as error:
        parser.error(str(error.args[0]))
    machine.prepare()
    solvers = available(tuple(args.solvers or SOLVERS))
    if missing := set(args.solvers or ()) - set(solvers):
        parser.error(f"--solvers: no solver {', '.join(sorted(missing))}; there are {', '.join(available())}")
    effort = Effort(rounds=args.repeats, fewest=min(5, args.repeats), wide=True)
    rates = machine.rates(128 if args.tiny else 2048)
    for case in chosen:
        case = cases.tiny(case) if args.tiny else case
        record = compare(case, solvers, effort, rates, cache=args.cache, commit=args.commit)
        say(f"{case.name}: {records.write(record, args.records)}")


def _chosen(args: argparse.Namespace) -> list[Case]:
    if args.case:
        return [cases.named(args.case)]
    if args.rows:
        return [*cases.ROWS, cases.MEMORY]
    axes = cases.grid()
    if args.grid != "all" and args.grid not in axes:
        raise KeyError(f"--grid: no axis '{args.grid}'; there are {', '.join(axes)}")
    return [case for axis, there in axes.items() if args.grid in ("all", axis) for case in there]


if __name__ == "__main__":
    main()
