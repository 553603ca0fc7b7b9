"""A trained pack as the combined arrays of its experiment tell it, where its own files were not kept."""

from pathlib import Path

import numpy as np

from workflow_src import store
from workflow_src.config import Preset
from workflow_src.config.jobs import place
from workflow_src.errors import UserError
from workflow_src.provenance import carriers, lineage
from workflow_src.specs.run import RunSpec
from workflow_src.verify.run import MEASURES, Stored, Trained, binned, require


def kept_run(preset: Preset, base: Path, run: RunSpec) -> Stored:
    """Read a pack from the arrays that it was combined into: hash of its checkpoint, binned losses, measures.

    Args:
        base: the preset's folder of results.
    Raises:
        UserError: the arrays are damaged, or do not tell of this pack.
    """
    path, model = base / f"aggregate/{run.experiment}.nc", f"train/{place(run)}/model.eqx"
    try:
        record, stated = carriers.read(path)
        ancestors = lineage.unpack((record or {}).get("lineage"))
        arrays = store.load(path)
    except (OSError, carriers.Damaged) as error:
        raise UserError(f"{path}: {error}; make it again") from None
    if stated != store.content_hash(arrays):
        raise UserError(f"{path}: was changed after it was written; make it again")
    found = next((one for one in ancestors if one.path.endswith(f"{base.name}/{model}")), None)
    if found is None or found.content_sha256 is None:
        raise UserError(f"{path}: does not say which {model} it was combined from; make it again")
    require(path, run, found.record, store.load(base / f"simulate/{run.dataset}.nc"))
    cell = arrays.sel(model=run.model, sequence_length=run.sequence_length)
    # The coordinate of a bin is the mean of its updates, counted from 0.
    width = round(2 * float(arrays["update"][0])) + 1
    bins = binned(np.arange(float(run.training.updates))[None], width)[0]
    losses = cell["loss"].sel(seed=list(run.seeds), update=bins).transpose("seed", "update").values
    measures = cell[list(MEASURES)]
    trained = Trained(None, losses, measures.sel(seed=list(run.seeds)), found.record, found.content_sha256, width)
    return Stored(trained, [measures])
