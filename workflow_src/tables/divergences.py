"""Rows of state space divergences, the part that Tables 1, 3 and 4 have in common."""

from collections.abc import Iterator

import xarray as xr

from workflow_src.figures.labels import label_of
from workflow_src.figures.runs import lengths_of, models_of, runs_of


def divergence_rows(dataset: xr.Dataset) -> Iterator[dict[str, object]]:
    """One row per model, sequence length and embedding: mean with standard error over the finite runs, and median.

    In the median diverged runs count as the worst: it is infinite where half or more did. The floor is the divergence
    between two true orbits.
    """
    for model in models_of(dataset):
        for length in lengths_of(dataset):
            for embedding in map(str, dataset["embedding"].values):
                runs = runs_of(
                    dataset, "state_space_divergence", model=model, sequence_length=length, embedding=embedding
                )
                yield {
                    "model": model,
                    "label": label_of(model),
                    "sequence_length": length,
                    "embedding": embedding,
                    "divergence_mean": runs.mean,
                    "divergence_sem": runs.sem,
                    "divergence_median": runs.median,
                    "divergence_floor": float(dataset["state_space_divergence_floor"].sel(embedding=embedding)),
                    "runs": runs.values.size,
                    "diverged": int(runs.diverged.sum()),
                }
