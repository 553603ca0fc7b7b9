"""Small run specifications for the tests of training."""

import json

from workflow_src.specs.run import RunSpec

TRAINING = {
    "solver": "deer",
    "guess": "pseudo_inverse",
    "tolerance": 1e-10,
    "max_iterations": 100,
    "forcing_strength": 0.3,
    "batch_size": 3,
    "warmup_steps": 5,
    "updates": 6,
    "optimizer": "radam",
    "learning_rate_start": 1e-2,
    "learning_rate_end": 1e-4,
    "gradient_clip": 1.0,
    "mar_strength": 1e-3,
    "mar_connectivity_strength": 1e-6,
    "mar_power": 2,
    "observation_strength": 1e-3,
    "singular_value_strength": 1e-3,
}
SHPLRNN = {"architecture": "shplrnn", "latent_dim": 4, "hidden_dim": 9, "slow_units": 1, "init_scale": 0.05}
LOW_RANK = SHPLRNN | {"architecture": "low_rank_shplrnn", "rank": 2}
LSSM = SHPLRNN | {"architecture": "lssm"}
MAMBA = {
    "architecture": "mamba2",
    "model_dim": 4,
    "state_dim": 3,
    "expand": 2,
    "head_dim": 4,
    "conv_width": 2,
    "hidden_dim": 6,
}


def run_spec(architecture=SHPLRNN, *, obs_dim=2, sequence_length=31, seeds=(0, 1), precision="float64", **training):
    """A RunSpec with the given changes."""
    merged = TRAINING | training
    return RunSpec.parse(
        json.dumps(
            {
                "preset": "test",
                "compute": "cpu",
                "precision": precision,
                "experiment": "test",
                "dataset": "test",
                "model": "test",
                "obs_dim": obs_dim,
                "sequence_length": sequence_length,
                "batch_size": merged["batch_size"],
                "warmup": merged["warmup_steps"],
                "seeds": seeds,
                "architecture": architecture,
                "training": merged,
            }
        )
    )
