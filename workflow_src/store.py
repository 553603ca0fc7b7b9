"""Every netCDF file of the project: names, units and descriptions of its variables, atomic saving, loading.

Files follow CF-1.11. The step index along an orbit is a plain integer axis; physical time, where a file has it,
is an auxiliary coordinate in model time units and not a CF time axis, which would need a calendar.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from workflow_src.errors import UserError
from workflow_src.files import remove as remove
from workflow_src.files import write_atomically as write_atomically

# name: (long_name, units). "1" is dimensionless; data are standardised, so observations are too.
VARIABLES: dict[str, tuple[str, str]] = {
    # coordinates
    "component": ("observed component", ""),
    "train_step": ("step along the training trajectory", "1"),
    "test_step": ("step along the test trajectory", "1"),
    "train_time": ("model time along the training trajectory", "1"),
    "test_time": ("model time along the test trajectory", "1"),
    "seed": ("random seed of the run", "1"),
    "model": ("model of the preset", ""),
    "sequence_length": ("training sequence length T", "1"),
    "update": ("parameter update", "1"),
    "embedding": ("delay embedding, m dimensions at lag tau steps, Eq. (69)", ""),
    "example_step": ("step of the example orbit", "1"),
    "lead": ("steps ahead of a forecast", "1"),
    "frequency": ("frequency in cycles per time step", "1"),
    "solver": ("solver of the recurrence", ""),
    "guess": ("initial guess of the Newton iterations", ""),
    "forcing_strength": ("forcing strength alpha", "1"),
    "forward_pass": ("forward pass of one trained model on one test window", "1"),
    "sample": ("timed update", "1"),
    # simulate
    "train": ("training trajectory, standardised", "1"),
    "train_clean": ("training trajectory without observation noise, standardised", "1"),
    "test": ("test trajectory, standardised", "1"),
    "mean": ("mean of the clean training trajectory", "1"),
    "std": ("standard deviation of the clean training trajectory", "1"),
    "noise_std": ("standard deviation of the observation noise on the training trajectory, standardised units", "1"),
    "train_forcing": ("external forcing along the training trajectory", "1"),
    "test_forcing": ("external forcing along the test trajectory", "1"),
    "forcing_octant": ("eighth of the forcing period, 1 from the rise of the force through its mean", "1"),
    "train_octant_exponent": ("largest local Lyapunov exponent by forcing octant, training orbit, per time unit", "1"),
    "test_octant_exponent": ("largest local Lyapunov exponent by forcing octant, test orbit, per time unit", "1"),
    # train
    "loss": ("total loss, Eq. (59)", "1"),
    "loss_mse": ("mean squared error after the warm-up, Eq. (60)", "1"),
    "loss_mar": ("manifold attractor regularisation, Eqs. (49) and (61)", "1"),
    "loss_observation": ("read-out of slow units, Eq. (57)", "1"),
    "loss_singular_value": ("singular values of the read-out, Eq. (58)", "1"),
    "newton_iterations": ("Newton iterations, mean over the batch", "1"),
    "newton_iterations_max": ("Newton iterations, maximum over the batch", "1"),
    "converged_fraction": ("fraction of the batch whose solve converged", "1"),
    "residual": ("largest residual of the solve over the batch", "1"),
    "gradient_norm": ("gradient norm before clipping", "1"),
    "learning_rate": ("learning rate", "1"),
    "wall_time": ("training time since the first update, compilation left out, over all attempts", "s"),
    "elapsed_time": ("training time of the pack up to the update, compilation left out, over all attempts", "s"),
    "compilation_time": ("time of compiling the training, over all attempts", "s"),
    "diverged_at": ("update at which the run became non-finite, -1 if it did not", "1"),
    # evaluate
    "state_space_divergence": ("state space divergence D_stsp, Eqs. (66) to (70), in nats", "1"),
    "state_space_divergence_error": ("Monte-Carlo standard error of D_stsp", "1"),
    "state_space_divergence_floor": (
        "D_stsp between the test trajectory and a second true orbit of the generated orbits' length (shorter where the "
        "clean training trajectory is)",
        "1",
    ),
    "state_space_divergence_floor_error": ("Monte-Carlo standard error of that D_stsp", "1"),
    "forecast_rmse": ("n-step forecast RMSE, Eq. (71)", "1"),
    "forecast_rmse_floor": ("n-step forecast RMSE of holding the last observation", "1"),
    "forecast_rmse_by_lead": ("forecast RMSE at each lead, mean over windows", "1"),
    "forecast_rmse_by_lead_floor": ("forecast RMSE at each lead of holding the last observation", "1"),
    "spectrum_distance": ("Hellinger distance D_H of the power spectra, mean over components", "1"),
    "spectrum_distance_floor": ("D_H between the test trajectory and a second true orbit", "1"),
    "truth_spectrum": ("smoothed power spectral density of the test trajectory, first component, of unit power", "1"),
    "generated_spectrum": ("smoothed power spectral density of the generated orbit, first component", "1"),
    "lyapunov_exponent": ("largest Lyapunov exponent of the free-running map, per step", "1"),
    "lyapunov_exponent_truth": ("largest Lyapunov exponent of the true system, per step", "1"),
    "lyapunov_exponent_forced": ("largest Lyapunov exponent of the forced map, per step", "1"),
    "forced_contraction_bound": ("log((1 - alpha) sigma_max), bound of Prop. 1, per step; NaN where M > N", "1"),
    "status": ("outcome of the run", "1"),
    "truth_example": ("excerpt of the test trajectory", "1"),
    "generated_example": ("generated orbit from the same state", "1"),
    "latent_dim": ("latent dimension M", "1"),
    "hidden_dim": ("hidden dimension L", "1"),
    "mar_strength": ("strength lambda of the manifold attractor regularisation", "1"),
    "parameter_count": ("trainable parameters", "1"),
    "batch_size": ("batch size S", "1"),
    "warmup": ("warm-up steps T_w", "1"),
    "finished_updates": ("updates until the end of the training or its divergence", "1"),
    "unconverged_updates": ("updates with an unconverged solve in the batch", "1"),
    # benchmark
    "update_time": ("time of one loss and gradient evaluation", "s"),
    "compile_time": ("time of the first call, compilation included", "s"),
    "iterations": ("Newton iterations", "1"),
    "converged": ("1 where the solve converged within the cap", "1"),
    "pass_seed": ("random seed of the model of the forward pass", "1"),
    "benchmark_residual": ("largest residual of the solve", "1"),
}

STATUS = {"ok": 0, "diverged_in_training": 1, "diverged_in_generation": 2}
_FLAGS = {"status": STATUS, "converged": {"no": 0, "yes": 1}}


def describe(dataset: xr.Dataset) -> xr.Dataset:
    """Give every variable its CF attributes; a variable that this module does not know is an error."""
    described = dataset.copy()
    for name in described.variables:
        if name not in VARIABLES:
            raise KeyError(f"store.VARIABLES does not name '{name}'")
        long_name, units = VARIABLES[str(name)]
        attributes: dict[str, Any] = {"long_name": long_name}
        if units:
            attributes["units"] = units
        if name in _FLAGS:
            kind = described[name].dtype.type
            attributes["flag_values"] = np.array(list(_FLAGS[str(name)].values()), dtype=kind)
            attributes["flag_meanings"] = " ".join(_FLAGS[str(name)])
            attributes.pop("units", None)
        described[name].attrs = attributes
    return described


def content_hash(dataset: xr.Dataset) -> str:
    """SHA-256 over names, dimensions, types, shapes, units and values; independent of file layout and history."""
    digest = hashlib.sha256()
    for name in sorted(map(str, dataset.variables)):
        variable = dataset.variables[name]
        values = np.asarray(variable.values)
        if values.dtype.kind in "OUST":
            values_bytes = json.dumps([str(v) for v in values.ravel()]).encode()
            kind = "text"
        else:
            little = values.astype(values.dtype.newbyteorder("<"))
            values_bytes = np.ascontiguousarray(little).tobytes()
            kind = little.dtype.str
        head = (name, [str(d) for d in variable.dims], kind, list(values.shape), variable.attrs.get("units", ""))
        digest.update(json.dumps(head).encode())
        digest.update(values_bytes)
    return digest.hexdigest()


def save(path: Path, dataset: xr.Dataset, record: Mapping[str, Any] | None = None) -> None:
    """Write a described dataset with its provenance record; the file appears whole or not at all.

    Args:
        path: the target.
        dataset: variables named in VARIABLES. Encodings that came with loaded parts are dropped: they would cut
            strings and change types.
        record: what made the file, stored as JSON in the attribute `provenance`.
    """
    described = describe(dataset).drop_encoding()
    record = dict(record or {})
    started = record.get("execution", {}).get("started", "")
    described.attrs = {
        "Conventions": "CF-1.11",
        "title": str(dataset.attrs.get("title", path.stem)),
        "institution": "GTF-DEER reproduction project",
        "source": f"workflow_src, step {record.get('step', 'unknown')}",
        "history": f"{started} {record.get('command', '')}".strip() or "written by workflow_src",
        "references": "Hess, Goetz and Durstewitz 2026, arXiv 2605.12683",
        "comment": "Independent reproduction from the paper's equations.",
    } | {k: v for k, v in dataset.attrs.items() if k not in ("Conventions", "title")}
    described.attrs["content_sha256"] = content_hash(described)
    described.attrs["provenance"] = json.dumps(record, sort_keys=True)
    encoding: dict[str, dict[str, Any]] = {}
    for name, variable in described.variables.items():
        numeric = variable.dtype.kind in "fiub"
        encoding[str(name)] = {"_FillValue": None} | ({"zlib": True} if numeric and variable.size > 1000 else {})
    write_atomically(path, lambda beside: _write(beside, described, encoding))


def _write(path: Path, dataset: xr.Dataset, encoding: Mapping[str, Any]) -> None:
    try:
        dataset.to_netcdf(path, engine="netcdf4", encoding=encoding)
    except RuntimeError as error:
        # All that the library says of a full disk is "HDF error"; plain writing tells more.
        with path.open("ab") as file:
            file.write(bytes(2**20))
            file.flush()
            os.fsync(file.fileno())
        raise OSError(str(error)) from None


def load(path: Path) -> xr.Dataset:
    """Read a whole file into memory; encodings are dropped."""
    if not path.exists():
        raise UserError(f"{path}: no such file; make it with: snakemake -c2 {path}")
    try:
        with xr.open_dataset(path, engine="netcdf4", decode_times=False) as dataset:
            return dataset.load().drop_encoding()
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: is no readable netCDF file ({reason}); delete it and run snakemake again") from None
