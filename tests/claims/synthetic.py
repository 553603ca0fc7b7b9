"""Roles filled with arrays of known truth, and claims of one test each."""

import numpy as np

from tests.figures import synthetic
from workflow_src.claims.claim import Claims
from workflow_src.claims.evaluation import evaluate
from workflow_src.specs.claims import ClaimsSpec, ModelProperties, RoleSpec

SIZES = {"latent_dim": 15, "rank": None, "solver": "deer", "mar_strength": 0.0, "singular_value_strength": 0.0}


def properties(architecture="shplrnn", **changed):
    return ModelProperties(architecture=architecture, **{**SIZES, **changed})


def specification(obs_dim=5, compute="cpu", **roles):
    """A specification of roles, each given as name -> properties; their names have dots, given as double underlines."""
    filled = {
        role.replace("__", "."): RoleSpec(obs_dim=obs_dim, models=dict(models.items()))
        for role, models in roles.items()
    }
    return ClaimsSpec(preset="synthetic", compute=compute, roles=filled)


def claims(*tests, fewest_units=5, resamples=499):
    """One claim per test, numbered from 0."""
    listed = [{"id": str(k), "item": 1, "where": "", "finding": "", **test} for k, test in enumerate(tests)]
    document = {"significance": 0.05, "fewest_units": fewest_units, "resamples": resamples, "claims": tuple(listed)}
    return Claims.model_validate(document)


def judged(tests, spec, arrays, **settings):
    """The rows of claims that state these tests, as dictionaries."""
    stated = claims(*({"test": test} for test in tests), **settings)
    return evaluate(stated, spec, arrays).to_dict("records")


def two_models(first, second, *, measure="state_space_divergence", floor=0.01):
    """Arrays of an experiment in which models `a` and `b` have these values, one per seed; NaN is a diverged run."""
    values = np.array([first, second], float)
    dataset = synthetic.experiment(("a", "b"), (256,), values.shape[1], embeddings=("m1_tau1",), floor=floor)
    shaped = values[:, None, :]
    dataset[measure][:] = shaped[..., None] if measure == "state_space_divergence" else shaped
    dataset["status"][:] = np.isnan(shaped).astype(np.int8)
    return dataset
