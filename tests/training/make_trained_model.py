"""Freeze one trained model for the tests: snakemake -c2 --configfile config/lorenz63.yaml, then run this file.

Keeps the arrays of the first seed of experiment `full`: a chaotic shPLRNN, M = 3, L = 50, that reconstructs
Lorenz-63, and 1000 steps of the standardised test trajectory.
"""

from pathlib import Path

import jax
import numpy as np

from workflow_src import store
from workflow_src.models import checkpoint

RESULTS = Path("results/lorenz63")

if __name__ == "__main__":
    models = checkpoint.load(RESULTS / "train/full/shplrnn_m3/T200/seeds0-4/model.eqx")
    model = jax.tree.map(lambda leaf: np.asarray(leaf[0]), models)
    arrays = {name: getattr(model, name) for name in ("a", "W1", "W2", "h1", "h2", "B")}
    test = store.load(RESULTS / "simulate/lorenz63.nc")["test"].transpose("test_step", "component").values
    np.savez(Path(__file__).parent / "data/lorenz63_plrnn.npz", test=test[:1000].astype(np.float32), **arrays)
