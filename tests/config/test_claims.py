"""Roles of presets on which claims are judged, and extra experiments for some."""

from pathlib import Path

import pytest
import yaml

from workflow_src.config import load_preset, read_preset
from workflow_src.config.claims import claims_spec, role_names
from workflow_src.config.shown import ClaimsRolesSpec
from workflow_src.errors import UserError
from workflow_src.specs.claims import ROLES

ROOT = Path(__file__).parents[2]
SMOKE = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
ALONE = {"dataset": "lorenz63", "sequence_lengths": [128], "seeds": 1, "pack": 1}


def with_extra(role, models, extra=None):
    """The smoke preset with an experiment behind a role of claims."""
    document = SMOKE | {"models": SMOKE["models"] | (extra or {}), "claims": {role: "more"}}
    document["experiments"] = SMOKE["experiments"] | {"more": ALONE | {"models": models}}
    return load_preset(document, "config/mine.yaml")


def test_a_preset_that_shows_everything_fills_all_roles():
    optional = {f"claims.{role}" for role in ClaimsRolesSpec.model_fields}
    assert set(role_names(read_preset(ROOT / "config/paper.yaml"))) | optional == set(ROLES)


def test_a_preset_without_figures_fills_those_of_its_tables():
    assert set(role_names(read_preset(ROOT / "config/lorenz63.yaml"))) == {
        "tables.table1.full",
        "tables.table1.partial",
    }


def test_models_are_those_that_a_figure_shows_as_its_experiment_trains_them():
    spec = claims_spec(load_preset(SMOKE, "config/smoke.yaml"))
    shown = spec.roles["figures.figure3.comparison"]
    assert list(shown.models) == SMOKE["figures"]["figure3"]["comparison"]["models"]
    assert shown.obs_dim == 5
    assert shown.models["lssm_mar_1em3"].mar_strength == 1e-3
    full = spec.roles["figures.figure2.full"].models
    assert (full["shplrnn"].solver, full["shplrnn_quasi"].solver) == ("deer", "quasi_deer")


def test_extra_experiments_become_roles():
    deer = SMOKE["models"]["shplrnn"] | {"training": {"solver": "deer"}}
    preset = with_extra("solvers", ["shplrnn", "by_deer"], {"by_deer": deer})
    models = claims_spec(preset).roles["claims.solvers"].models
    assert {name: one.solver for name, one in models.items()} == {"shplrnn": "sequential", "by_deer": "deer"}


@pytest.mark.parametrize(
    ("role", "models", "line"),
    [
        ("solvers", ["shplrnn"], "claims.solvers: more trains no model by deer; add one to its models"),
        (
            "singular_values",
            ["shplrnn"],
            "claims.singular_values: more trains no model without singular_value_strength; add one to its models",
        ),
        ("solver", ["shplrnn"], "claims.solver: unknown key; did you mean 'solvers'?"),
    ],
)
def test_an_extra_experiment_must_train_what_is_compared(role, models, line):
    with pytest.raises(UserError) as refused:
        with_extra(role, models)
    assert str(refused.value) == f"config/mine.yaml: {line}"


def test_an_extra_experiment_must_be_there():
    with pytest.raises(
        UserError, match=r"^config/mine.yaml: claims.solvers: experiment 'none' is not defined; use one"
    ):
        load_preset(SMOKE | {"claims": {"solvers": "none"}}, "config/mine.yaml")
