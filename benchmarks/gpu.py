"""The comparison on a GPU, in slices that resume: cases with a record of this device are skipped.

    python -m benchmarks.gpu --minutes 8         # the next cases, as many as fit into 8 minutes
    python -m benchmarks.gpu --slice 1           # the first part of the list, cut into parts of 8 minutes
    python -m benchmarks.gpu --list              # the parts

Needs jax with CUDA, equinox, optax, jaxtyping and numpy, and nothing else. Each case writes its record at once, so that
a run may be killed at any time.
"""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

# Before JAX takes the device: nearly all of its memory, since how much fits is part of what is measured.
if not os.environ.get("XLA_PYTHON_CLIENT_MEM_FRACTION"):
    os.environ.setdefault("XLA_CLIENT_MEM_FRACTION", "0.92")

import jax

from benchmarks import cases, data, machine, records
from benchmarks.comparison import compare, say
from benchmarks.evaluation import available
from benchmarks.measure import Effort
from benchmarks.slices import estimate, remaining, slices

SOLVERS = ("block", "newton", "deer", "sequential")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--slice", type=int, metavar="K", help="one part of the list, from 1 on")
    what.add_argument("--list", action="store_true", help="show the parts and end")
    what.add_argument("--case", metavar="NAME", help="one case by its name")
    parser.add_argument("--minutes", type=float, default=8.0, help="start no case that may end later (default 8)")
    parser.add_argument("--solvers", nargs="+", default=SOLVERS, metavar="NAME", help=f"default: {' '.join(SOLVERS)}")
    parser.add_argument("--again", action="store_true", help="measure cases that have a record too")
    parser.add_argument("--records", type=Path, default=records.RECORDS, help="folder of the records")
    parser.add_argument("--cache", type=Path, default=data.CACHE, help="folder of trained models and orbits")
    parser.add_argument("--commit", help="of a checkout without git")
    parser.add_argument("--tiny", action="store_true", help="sizes that only show that it works, on any device")
    args = parser.parse_args(argv)
    began = time.monotonic()
    everything = cases.gpu()
    parts = slices(everything, 60 * args.minutes)
    if args.list:
        for k, part in enumerate(parts, start=1):
            print(k, *(case.name for case in part))
        return
    if args.slice is not None and not 1 <= args.slice <= len(parts):
        parser.error(f"--slice: {args.slice} is none of the {len(parts)} parts")
    try:
        chosen = [cases.named(args.case)] if args.case else everything if args.slice is None else parts[args.slice - 1]
    except KeyError as error:
        parser.error(str(error.args[0]))
    if jax.devices()[0].platform == "cpu" and not args.tiny:
        parser.error("JAX sees no GPU here; install jax[cuda12] or jax[cuda13], or use benchmarks.compare")
    _run([cases.tiny(case) if args.tiny else case for case in chosen], args, began)


def _run(chosen: list[cases.Case], args: argparse.Namespace, began: float) -> None:
    machine.prepare()
    solvers = available(tuple(args.solvers))
    there = [] if args.again else records.read(args.records)
    device = machine.facts()["machine"]["device"]
    rates = machine.rates(128 if args.tiny else 4096)
    effort = Effort(rounds=2 if args.tiny else 20, fewest=2 if args.tiny else 3, single=True)
    done = 0
    for case in remaining(chosen, there, device, solvers):
        left = 60 * args.minutes - (time.monotonic() - began)
        if done and not args.tiny and estimate(case, new_model=True) > left:
            say(f"{case.name} may take longer than the {left:.0f} s that are left; run again to go on")
            return
        try:
            record = compare(case, solvers, effort, rates, cache=args.cache, commit=args.commit)
        except Exception as error:
            # One case must not take the others with it; it has no record, and the next run tries it again.
            say(f"{case.name}: failed ({type(error).__name__}: {error})")
            continue
        say(f"{case.name}: {records.write(record, args.records)}")
        there.append(record)
        done += 1
    say("all cases of the list have a record" if args.slice is None and not args.case else "the end of this part")


if __name__ == "__main__":
    main()
