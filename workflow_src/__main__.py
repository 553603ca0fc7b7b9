"""Questions about presets and results: `python -m workflow_src where PRESET`, `plan`, `status`, `failed`, `audit FILE`,
`verify`, `unpack FILE`."""

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from workflow_src.audit import forms
from workflow_src.audit.report import audit
from workflow_src.audit.unpack import unpack
from workflow_src.config import Preset, read_preset
from workflow_src.errors import UserError
from workflow_src.plan import plan, records, text
from workflow_src.status import failures, table
from workflow_src.steps.arguments import run


def where(preset: Preset) -> str:
    """One line with the folders of the figures and tables that a preset makes."""
    made = [
        section for section in ("figures", "tables") if any(roles is not None for _, roles in getattr(preset, section))
    ]
    return "   ".join(f"{section.capitalize()}: {Path('results', preset.preset, section)}" for section in made)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    found = argparse.ArgumentParser(prog="python -m workflow_src", description=(__doc__ or "").split(":")[0])
    commands = found.add_subparsers(required=True, dest="command")
    asked = commands.add_parser("where", help="check a preset; say where its figures and tables are")
    asked.add_argument("preset", type=Path, help="its YAML file")
    ahead = commands.add_parser("plan", help="say what a run will cost before it starts")
    ahead.add_argument("targets", nargs="*", metavar="TARGET", help="rules or files, as for snakemake (all)")
    ahead.add_argument("--preset", default="paper", help="name or YAML file (%(default)s)")
    ahead.add_argument(
        "--device", default="", metavar="NAME", help="use records of devices with this in their name alone"
    )
    ahead.add_argument("--json", action="store_true", help="print JSON, in seconds and bytes")
    watched = commands.add_parser("status", help="say how far running jobs are, and which have failed")
    watched.add_argument("preset", nargs="?", help="name or YAML file; all in results/ by default")
    watched.add_argument("--watch", type=float, metavar="SECONDS", help="again and again, until it is interrupted")
    watched.add_argument("--json", action="store_true", help="print JSON")
    ended = commands.add_parser("failed", help="list the jobs that failed in the last run, with the end of their logs")
    ended.add_argument("log", nargs="?", type=Path, help="Snakemake's log; by default the newest in .snakemake/log")
    ended.add_argument("--since", type=float, help="say nothing of runs that ended before, in seconds since 1970")
    traced = commands.add_parser("audit", help="say where a result comes from, and check every link")
    traced.add_argument("file", type=Path, help="a result, or a folder of results")
    traced.add_argument("--strict", action="store_true", help="exit status 1 for warnings too")
    traced.add_argument("--all", action="store_true", help="shorten nothing")
    traced.add_argument("--preset", type=Path, help="the preset to compare with, where it is not in config/")
    again = commands.add_parser("verify", help="make results again in a temporary folder, and compare")
    again.add_argument("--preset", type=Path, default=Path("config/smoke.yaml"), help="of the results (%(default)s)")
    again.add_argument("--data", action="store_true", help="simulate the datasets")
    again.add_argument("--figures", action="store_true", help="draw the figures and compare their numbers")
    again.add_argument("--sample", type=int, metavar="K", help="train K runs, drawn at random")
    again.add_argument("--seed", type=int, default=0, help="of the draw (%(default)s)")
    brought = commands.add_parser("unpack", help="unpack shipped results so that nothing of them is made again")
    brought.add_argument("source", type=Path, help="a zip or tar archive, or a folder of results after a clone")
    form = traced.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON, with all records")
    form.add_argument("--dot", action="store_true", help="print a graph for Graphviz")
    form.add_argument("--html", action="store_true", help="print a page for browsers")
    return found


def _verify(args: argparse.Namespace) -> int:
    """Print each outcome as it is found; 1 if anything fails."""
    # An audit does without the libraries that simulate and draw.
    from workflow_src.verify.report import summary, verify
    from workflow_src.verify.verdict import Check

    checks = []
    for found in verify(args.preset, data=args.data, figures=args.figures, sample=args.sample, seed=args.seed):
        print(found, flush=True)
        if isinstance(found, Check):
            checks.append(found)
    print(summary(checks), flush=True)
    return int(any(check.outcome == "FAIL" for check in checks))


def preset_file(given: str) -> Path:
    """The file of a preset that is given by its name or as a file."""
    named = Path("config", f"{given}.yaml")
    if "/" in given or Path(given).suffix or named.is_file():
        return named if named.is_file() else Path(given)
    known = ", ".join(sorted(path.stem for path in Path("config").glob("*.yaml") if path.stem != "claims"))
    raise UserError(f"{given}: no such preset; there are {known or 'none in config/'}, or give a YAML file")


def _plan(args: argparse.Namespace) -> str:
    file = preset_file(args.preset)
    found = plan.plan(read_preset(file), file, args.targets, records.read(device=args.device))
    return json.dumps(text.as_json(found), indent=1) if args.json else text.text(found)


def _status(args: argparse.Namespace) -> str:
    """The jobs of a preset, or of every preset that has run."""
    if args.preset:
        folders = [Path("results", Path(args.preset).stem)]
    else:
        folders = sorted(path.parent for path in Path("results").glob("*/logs"))
    if not folders:
        return "results/: no preset has run here"
    if args.json:
        return json.dumps({folder.name: table.as_json(folder) for folder in folders}, indent=1)
    return "\n\n".join(table.table(folder) for folder in folders)


def _failed(args: argparse.Namespace) -> str:
    log = args.log or failures.newest_log()
    if args.since and (log is None or log.stat().st_mtime < args.since):
        return ""
    if log is None:
        raise UserError(".snakemake/log: no run of Snakemake here has left a log; run this where Snakemake was called")
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UserError(f"{log}: cannot be read ({error.strerror}); give a log of Snakemake's") from None
    if listed := failures.listing(failures.failures(lines)):
        return listed
    if any(line.startswith(failures.FAILED) for line in lines):
        return f"{log}: jobs failed, but a quiet run (-q) does not log which; python -m workflow_src status shows them"
    return f"{log}: no job failed"


def main(argv: Sequence[str] | None = None) -> None:
    args = parser().parse_args(argv)
    if args.command in ("plan", "status", "failed"):
        told = {"plan": _plan, "status": _status, "failed": _failed}[args.command]
        if shown := told(args):
            print(shown, flush=True)
        while args.command == "status" and args.watch:
            time.sleep(args.watch)
            # Clears the terminal.
            print(f"\x1b[2J\x1b[H{told(args)}", flush=True)
        return
    if args.command == "where":
        print(where(read_preset(args.preset)))
        return
    if args.command == "unpack":
        count, presets = unpack(args.source, Path.cwd())
        print(f"{count} files of {', '.join(presets)} are in place")
        return
    if args.command == "verify":
        sys.exit(_verify(args))
    # Thousands of records are read and none is let go before the end: looking for garbage costs a fifth of the time.
    gc.disable()
    report = audit(args.file, args.preset)
    if args.json:
        told = forms.as_json(report)
    elif args.dot:
        told = forms.as_dot(report)
    elif args.html:
        told = forms.as_html(report)
    else:
        told = forms.text(report, everything=args.all)
    gc.enable()
    try:
        print(told, flush=True)
    except BrokenPipeError:
        # The reader has seen enough; what is left must not be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(report.exit_code(strict=args.strict))


if __name__ == "__main__":
    run(main)
