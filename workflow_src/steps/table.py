"""Build one table from aggregated arrays: CSV, Markdown and LaTeX."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import xarray as xr

from workflow_src import provenance, store
from workflow_src.errors import UserError
from workflow_src.steps.arguments import arguments, run
from workflow_src.steps.chosen import select_models
from workflow_src.tables import write


def build(name: str, inputs: Mapping[str, xr.Dataset | pd.DataFrame]) -> pd.DataFrame:
    """The table of this name."""
    return importlib.import_module(f"workflow_src.tables.{name}").build(**inputs)


def load(path: Path) -> xr.Dataset | pd.DataFrame:
    """A netCDF file as a dataset, a CSV file as a frame of text."""
    if path.suffix != ".csv":
        return store.load(path)
    if not path.exists():
        raise UserError(f"{path}: no such file; make it with: snakemake -c2 {path}")
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(__doc__, table=str, inputs=dict, models=str, csv=Path, md=Path, tex=Path).parse(argv)
    with provenance.record("table", args, ["csv", "md", "tex"], [f"tables.{args.table}"]):
        loaded = {role: load(path) for role, path in args.inputs.items()}
        inputs = select_models(loaded, [] if args.models == "all" else args.models.split(","))
        write.write(build(args.table, inputs), csv=args.csv, markdown=args.md, latex=args.tex)


if __name__ == "__main__":
    run(main)
