"""Combine the files of a benchmark into arrays over model and, for run times, sequence length."""

from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from workflow_src import provenance, store
from workflow_src.specs.benchmark import BenchmarkCells
from workflow_src.steps.arguments import arguments, run


def combine(cells: BenchmarkCells, parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Arrays of one benchmark.

    Args:
        cells: model and, for run times, sequence length of each part.
        parts: in that order.
    """
    labelled = []
    for (model, length), part in zip(cells.cells, parts, strict=True):
        position = {"model": [model]} if length is None else {"model": [model], "sequence_length": [length]}
        labelled.append(part.expand_dims(position))
    combined = xr.combine_by_coords(
        labelled, combine_attrs="drop", join="outer", compat="no_conflicts", data_vars="all"
    )
    assert isinstance(combined, xr.Dataset)
    order: dict[str, list[str] | list[int]] = {"model": list(dict.fromkeys(model for model, _ in cells.cells))}
    if "sequence_length" in combined.dims:
        order["sequence_length"] = sorted({length for _, length in cells.cells if length is not None})
        for name in ("latent_dim", "hidden_dim"):
            combined[name] = combined[name].max("sequence_length")
        combined["batch_size"] = combined["batch_size"].max("model")
    shared = {k: v for k, v in parts[0].attrs.items() if k in ("obs_dim", "max_iterations", "device")}
    return combined.reindex(order).assign_attrs(title=f"Benchmark {cells.benchmark}", **shared)


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(__doc__, cells=BenchmarkCells, parts=list, output=Path).parse(argv)
    with provenance.record("aggregate_benchmark", args, outputs=["output"]) as record:
        combined = combine(args.cells, [store.load(part) for part in args.parts])
        store.save(args.output, combined, record.document())


if __name__ == "__main__":
    run(main)
