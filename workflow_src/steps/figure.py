"""Draw one figure from aggregated arrays: PDF and PNG, and the numbers behind it as CSV."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from workflow_src import provenance, store
from workflow_src.errors import UserError
from workflow_src.figures import style
from workflow_src.steps.arguments import arguments, run

PNG_DPI = 200
# Roles that show some models of their experiment, in a given order.
CHOSEN = ("comparison", "models")


def select_models(inputs: Mapping[str, Any], models: Sequence[str]) -> dict[str, Any]:
    """Cut the datasets of the roles that show chosen models down to these, in this order; no models means all."""
    selected = dict(inputs)
    for role in CHOSEN:
        if role in selected and models:
            known = [str(model) for model in selected[role]["model"].values]
            if missing := [model for model in models if model not in known]:
                raise UserError(f"--models: '{missing[0]}' is not in the input {role}; use some of {', '.join(known)}")
            selected[role] = selected[role].sel(model=list(models))
    return selected


def draw(name: str, inputs: Mapping[str, xr.Dataset]) -> tuple[Figure, pd.DataFrame]:
    """The figure of this name, and its numbers."""
    module = importlib.import_module(f"workflow_src.figures.{name}")
    return module.draw(**inputs), module.numbers(**inputs)


def save(figure: Figure, name: str, inputs: Mapping[str, xr.Dataset], commit: str | None, pdf: Path, png: Path) -> None:
    """Write PDF and PNG; the same inputs give the same bytes, for no file holds the time."""
    subject = ", ".join(f"{role} {store.content_hash(dataset)}" for role, dataset in inputs.items())
    title = f"{name} of the GTF-DEER reproduction"
    keywords = f"commit {commit or 'unknown'}"
    in_pdf: dict[str, Any] = {"Title": title, "Subject": subject, "Keywords": keywords, "CreationDate": None}
    in_png = {"Title": title, "Description": subject, "Comment": keywords}
    store.write_atomically(pdf, lambda path: figure.savefig(path, format="pdf", metadata=in_pdf))
    store.write_atomically(png, lambda path: figure.savefig(path, format="png", metadata=in_png, dpi=PNG_DPI))


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(__doc__, figure=str, inputs=dict, models=str, pdf=Path, png=Path, csv=Path).parse(argv)
    mpl.use("Agg")
    with provenance.record("figure", args) as record:
        loaded = {role: store.load(path) for role, path in args.inputs.items()}
        inputs = select_models(loaded, [] if args.models == "all" else args.models.split(","))
        with style.context():
            figure, numbers = draw(args.figure, inputs)
            save(figure, args.figure, loaded, record.get("commit"), args.pdf, args.png)
        store.write_atomically(args.csv, lambda path: numbers.to_csv(path, index=False, lineterminator="\n"))


if __name__ == "__main__":
    run(main)
