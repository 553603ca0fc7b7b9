"""Draw one figure from aggregated arrays: PDF and PNG, and the numbers behind it as CSV."""

import importlib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure
from pydantic import BaseModel, ConfigDict

from workflow_src import provenance, store
from workflow_src.figures import style
from workflow_src.provenance import carriers
from workflow_src.steps.arguments import arguments, run
from workflow_src.steps.chosen import select_models

PNG_DPI = 200


class Settings(BaseModel):
    """What a figure is told of its section of the preset, whose schema has checked it."""

    model_config = ConfigDict(extra="allow", frozen=True)


def draw(name: str, inputs: Mapping[str, xr.Dataset], settings: Settings | None = None) -> tuple[Figure, pd.DataFrame]:
    """The figure of this name, and its numbers.

    Args:
        settings: for the figures that take them.
    """
    module = importlib.import_module(f"workflow_src.figures.{name}")
    given = () if settings is None else (settings.model_dump(mode="json"),)
    return module.draw(*given, **inputs), module.numbers(*given, **inputs)


def save(
    figure: Figure, name: str, inputs: Mapping[str, xr.Dataset], record: Mapping[str, Any], pdf: Path, png: Path
) -> None:
    """Write PDF and PNG with record and seal; the same inputs give the same bytes, for no file holds the time."""
    subject = ", ".join(f"{role} {store.content_hash(dataset)}" for role, dataset in inputs.items())
    title = f"{name} of the GTF-DEER reproduction"
    keywords = f"commit {record['commit'] or 'unknown'}"
    told = {"Title": title, "Subject": subject, "Keywords": keywords, "CreationDate": None}
    in_png = {"Title": title, "Description": subject, "Comment": keywords}

    def write_pdf(path: Path) -> None:
        # matplotlib warns of facts that the PDF standard does not name, though the standard allows them.
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            figure.savefig(path, format="pdf", metadata=told | carriers.in_pdf(record))
        carriers.seal_pdf(path)

    def write_png(path: Path) -> None:
        figure.savefig(path, format="png", metadata=in_png | carriers.in_png(record), dpi=PNG_DPI)
        carriers.seal_png(path)

    store.write_atomically(pdf, write_pdf)
    store.write_atomically(png, write_png)


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(
        __doc__, figure=str, inputs=dict, models=str, settings=Settings | None, pdf=Path, png=Path, csv=Path
    ).parse(argv)
    mpl.use("Agg")
    with provenance.record("figure", args, ["pdf", "png", "csv"], [f"figures.{args.figure}"]) as record:
        loaded = {role: store.load(path) for role, path in args.inputs.items()}
        inputs = select_models(loaded, [] if args.models == "all" else args.models.split(","))
        with style.context():
            figure, numbers = draw(args.figure, inputs, args.settings)
            save(figure, args.figure, loaded, record.repeatable(), args.pdf, args.png)
        store.write_atomically(args.csv, lambda path: numbers.to_csv(path, index=False, lineterminator="\n"))


if __name__ == "__main__":
    run(main)
