"""How much training the models of an experiment had, as its arrays tell: comparisons of unequal ones must say so."""

from collections.abc import Iterable

import xarray as xr


def updates_of(dataset: xr.Dataset) -> dict[str, int]:
    """Updates per model; without models none of whose runs came to its last update, and empty where none are told."""
    if not {"finished_updates", "diverged_at"} <= set(dataset):
        return {}
    found = {}
    for model in map(str, dataset["model"].values):
        point = dataset.sel(model=model)
        # A run that diverged stopped before its last update; of runs outside the experiment nothing is known.
        finished = point["finished_updates"].where(point["diverged_at"] < 0).max()
        if finished.notnull():
            found[model] = int(finished)
    return found


def shares_of(dataset: xr.Dataset) -> dict[str, str]:
    """`1/4 of the updates` for each model that had fewer than the most of the others."""
    updates = updates_of(dataset)
    most = max(updates.values(), default=0)
    return {model: f"{_share(own, most)} of the updates" for model, own in updates.items() if own < most}


def unequal(first: tuple[xr.Dataset, Iterable[str]], second: tuple[xr.Dataset, Iterable[str]]) -> str:
    """Updates, and with them parameters, of two sides that did not have the same training; else nothing.

    Args:
        first: arrays of an experiment and the models of one side, as second.
    """
    updates: list[list[int]] = []
    parameters: list[list[int]] = []
    for dataset, models in (first, second):
        known, names = updates_of(dataset), list(models)
        updates.append(sorted({known[name] for name in names if name in known}))
        parameters.append(sorted({int(dataset["parameter_count"].sel(model=name)) for name in names}))
    if not all(updates) or updates[0] == updates[1]:
        return ""
    return f"trained with {_against(updates)} updates and {_against(parameters)} parameters"


def _against(sides: list[list[int]]) -> str:
    return " against ".join(f"{side[0]}" if len(side) == 1 else f"{side[0]} to {side[-1]}" for side in sides)


def _share(own: int, most: int) -> str:
    """`1/4`, or a percentage where it is no such fraction."""
    return f"1/{most // own}" if most % own == 0 else f"{round(100 * own / most)} %"
