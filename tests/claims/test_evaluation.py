"""All claims of the file on arrays such as a preset has: each gets exactly one verdict."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.figures import synthetic
from workflow_src import store
from workflow_src.claims.evaluation import COLUMNS, evaluate
from workflow_src.claims.load import load_claims
from workflow_src.config import read_preset
from workflow_src.config.claims import claims_spec, role_names
from workflow_src.specs.claims import ROLES
from workflow_src.steps import claims as step

ROOT = Path(__file__).parents[2]
CLAIMS = load_claims(ROOT / "config/claims.yaml").model_copy(update={"resamples": 199})
SMOKE = read_preset(ROOT / "config/smoke.yaml")
WORDS = {"supported", "not supported", "inconclusive", "untestable here"}


def arrays(preset, seeds):
    """Arrays of the models that a preset names, behind every role that it fills."""
    made = {}
    for role, name in role_names(preset).items():
        models = claims_spec(preset).roles[role].models
        sizes = [one.latent_dim for one in models.values()]
        if ROLES[role] == "runtime":
            dataset = synthetic.runtime(sizes, preset.benchmarks[name].sequence_lengths)
        elif ROLES[role] == "iterations":
            dataset = synthetic.iterations(sizes, preset.benchmarks[name].forcing_strengths, passes=8)
        else:
            dataset = synthetic.experiment(tuple(models), preset.experiments[name].sequence_lengths, seeds)
        made[role] = dataset.assign_coords(model=list(models))
    return made


@pytest.mark.parametrize(("seeds", "decided"), [(3, False), (8, True)])
def test_every_claim_gets_one_verdict(seeds, decided):
    rows = evaluate(CLAIMS, claims_spec(SMOKE), arrays(SMOKE, seeds))
    assert list(rows["claim"]) == [claim.id for claim in CLAIMS.claims]
    assert tuple(rows.columns) == COLUMNS
    assert set(rows["verdict"]) <= WORDS
    # Three seeds decide nothing, and say so.
    of_runs = rows[rows["claim"].str.match("2-|3B-|8-")]
    assert of_runs["verdict"].isin(["supported", "not supported"]).any() == decided
    if not decided:
        assert set(of_runs["reason"]) == {"3 values per point, fewer than 5"}
    untestable = rows[rows["verdict"] == "untestable here"].set_index("claim")["reason"]
    assert untestable["6-same-quality"] == "the preset has no claims.solvers"
    assert untestable["1A-hundredfold"] == "needs a GPU, and the preset computes on the processor"
    assert untestable.str.len().min() > 0
    counted = rows[rows["values_used"].notna()]
    units = counted["claim"].str[:2].map({"1A": "timed updates", "1B": "forward passes"}).fillna("runs")
    assert counted["unit"].tolist() == units.tolist()
    assert rows["unit"].isna().equals(rows["values_used"].isna())
    told = rows[rows["verdict"].isin(["supported", "not supported"])]
    assert (told["p_holm"] >= told["p"]).all()


def test_adding_a_claim_leaves_the_numbers_of_the_others():
    made, spec = arrays(SMOKE, 8), claims_spec(SMOKE)
    chosen = [claim for claim in CLAIMS.claims if claim.id.startswith(("2-quasi", "3A"))]
    few, more = (
        evaluate(CLAIMS.model_copy(update={"claims": tuple(some)}), spec, made).set_index("claim")
        for some in (chosen[:2], chosen)
    )
    numbers = ["effect", "low", "high", "p"]
    np.testing.assert_array_equal(few[numbers], more.loc[few.index, numbers])


def test_on_a_gpu_the_claims_of_run_times_are_tested():
    spec = claims_spec(SMOKE.model_copy(update={"compute": "cuda"}))
    rows = evaluate(CLAIMS, spec, arrays(SMOKE, 3)).set_index("claim")
    assert rows.loc["1A-faster-everywhere", "effect"] > 0
    assert rows.loc["1A-faster-everywhere", "comparison"] == (
        "update_time: shplrnn_m3, shplrnn_m6 at T = 128 to 2048 by sequential against "
        "shplrnn_m3, shplrnn_m6 at T = 128 to 2048 by deer, every one of 6"
    )


def test_the_step_writes_a_row_per_claim_and_the_commit_of_the_claims(tmp_path):
    inputs = []
    made = arrays(SMOKE, 3)
    for role in ("figures.figure2.full", "figures.figure1.runtime"):
        store.save(tmp_path / f"{role}.nc", made[role])
        inputs.append(f"{role}={tmp_path / role}.nc")
    spec = claims_spec(SMOKE)
    # What the first lines state holds for all; here it costs time only.
    text = (ROOT / "config/claims.yaml").read_text(encoding="utf-8")
    file = tmp_path / "claims.yaml"
    file.write_text(re.sub(r"resamples: \d+", "resamples: 99", text), encoding="utf-8")
    csv, md = tmp_path / "claims.csv", tmp_path / "claims.md"
    given = ["--spec", spec.model_dump_json(), "--stated", str(file), "--csv", str(csv), "--md", str(md)]
    step.main([*given, "--inputs", *inputs])
    rows = step.pd.read_csv(csv)
    assert list(rows["claim"]) == [claim.id for claim in CLAIMS.claims]
    assert set(rows["stated_in"]) == {"unknown"}
    assert len(md.read_text(encoding="utf-8").splitlines()) == len(rows) + 2
    assert re.search(r"\| \d+ runs +\| ", md.read_text(encoding="utf-8"))
    assert csv.with_name("claims.csv.record.json").exists()
    reasons = rows.set_index("claim")["reason"]
    assert reasons["2-quasi-worse-PO"] == "the preset has no figures.figure2.partial"
