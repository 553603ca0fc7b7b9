"""The file of claims: what it states, and the one line that a mistake in it gives."""

from pathlib import Path

import pytest
import yaml

from workflow_src.claims.load import load_claims
from workflow_src.errors import UserError

FILE = Path(__file__).parents[2] / "config/claims.yaml"
CLAIMS = load_claims(FILE)


def test_what_is_said_of_run_times_of_a_gpu_needs_one():
    needing = {claim.id for claim in CLAIMS.claims if claim.needs == "cuda"}
    assert {"1A-faster-everywhere", "1A-hundredfold", "9-minutes-for-hours-lorenz96"} <= needing
    assert "1A-sequential-linear" not in needing


def test_every_threshold_has_its_reason():
    keys = ("smallest:", "margin:", "bound:", "least:", "most:", "significance:", "fewest_units:", "resamples:")
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line.strip().startswith(keys)]
    assert len(lines) > len(CLAIMS.claims)
    assert [line for line in lines if "# " not in line] == []


def _set(document, key, value):
    *inner, last = key.split(".")
    for name in inner:
        document = document[int(name) if name.isdigit() else name]
    if value is None:
        del document[last]
    else:
        document[last] = value


DEER = "claims.1A-sequential-linear"
FORCING = "claims.1B-falls-with-forcing"


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("claims.0.tets", 1, f"{DEER}.tets: unknown key; remove it or correct its spelling"),
        ("claims.0.test.of.role", "figures.figure9", f"{DEER}.test.of.role: 'figures.figure9' is unknown; use one of "),
        ("claims.0.test.kind", "anova", f"{DEER}.test.kind: 'anova' is unknown; use 'difference', "),
        ("claims.0.test.kind", None, f"{DEER}.test.kind: is missing; add it"),
        ("claims.0.test.most", None, f"{DEER}.test.most: is missing; add it"),
        ("claims.0.test.most", 0.5, f"{DEER}.test.least: 0.85 is not below most 0.5; lower it"),
        ("claims.0.test.of.solver", "deep", f"{DEER}.test.of.solver: 'deep' is unknown; use 'deer' or 'sequential'"),
        ("claims.0.test.of.solver", None, f"{DEER}.test.of.solver: only roles of kind runtime have one, and need it"),
        ("claims.0.test.of.measure", "iterations", f"{DEER}.test.of.measure: figures.figure1.runtime holds no iter"),
        ("claims.5.test.of.forcing_strength", "largest", f"{FORCING}.test.of.forcing_strength: a trend needs all"),
        ("claims.1.id", "1A-sequential-linear", "claims: the id 1A-sequential-linear stands twice; rename one"),
        ("fewest_units", 0, "fewest_units: input should be greater than or equal to 1 (given: 0); correct it"),
    ],
)
def test_a_mistake_gives_one_line(key, value, line, tmp_path):
    document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    _set(document, key, value)
    file = tmp_path / "claims.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(UserError) as refused:
        load_claims(file)
    assert str(refused.value).startswith(f"{file}: {line}")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_yaml_gives_one_line(tmp_path):
    file = tmp_path / "claims.yaml"
    file.write_text("claims: [")
    with pytest.raises(UserError, match=r"claims.yaml: line \d+: .*; mend the YAML"):
        load_claims(file)


def test_a_key_that_stands_twice_gives_one_line(tmp_path):
    file = tmp_path / "claims.yaml"
    file.write_text("resamples: 9\nresamples: 99\n")
    with pytest.raises(UserError, match=r"claims\.yaml: line 2: resamples: stands twice; remove one"):
        load_claims(file)
