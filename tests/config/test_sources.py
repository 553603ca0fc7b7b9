"""The paper preset: where each number comes from."""

import re
from pathlib import Path

import yaml

from workflow_src.config import sources

FILE = Path(__file__).parents[2] / "config/paper.yaml"
ORIGIN = sources(FILE)
# Keys of the science; seeds of random numbers, names and the cut into jobs are not.
SECTIONS = ("training", "evaluation", "datasets", "models", "experiments", "benchmarks")
STRUCTURE = ("noise_seed", "pack", "dataset", "experiment", "kind", "system", "architecture")
# What the text itself says, in words or by reference, or what a cited work gives for exactly this.
FOUND = {
    "training.solver": "Sec. 4.1",
    "training.guess": "Sec. 4.1",
    "evaluation.embeddings": "App. G",
    "datasets.lorenz63.parameters": "cited: Lorenz 1963",
    "datasets.lorenz63.observed": "Sec. 5.2",
    "datasets.lorenz63_x.parameters": "cited: Lorenz 1963",
    "datasets.lorenz63_long.parameters": "cited: Lorenz 1963",
    "datasets.bursting.parameters": "cited: Schmidt et al. 2021",
    "models.shplrnn_quasi.training.solver": "App. H.2",
    "experiments.lorenz63_full.models": "Sec. 5.2",
    "experiments.lorenz63_partial.models": "Sec. 5.2",
    "experiments.lorenz96_lengths.models": "Sec. 5.3",
    "experiments.bursting_lengths.models": "Sec. 5.3",
    "experiments.lorenz96_models.models": "Sec. 5.4",
    "benchmarks.runtime.training.warmup_steps": "App. H.1",
    "benchmarks.iterations.guesses": "App. H.1",
    "benchmarks.lorenz96_update_time.models": "Sec. 5.3",
    "benchmarks.bursting_update_time.models": "Sec. 5.3",
}


def stated(value, key):
    """Dotted keys of all values of the science below one; a list is one value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in STRUCTURE:
                yield from stated(inner, f"{key}.{name}")
    else:
        yield key


PRESET = yaml.safe_load(FILE.read_text(encoding="utf-8"))
STATED = [key for section in SECTIONS for key in stated(PRESET[section], section)]


def test_every_value_of_the_paper_preset_has_its_source_or_says_that_it_is_assumed():
    assert len(STATED) > 250
    assert [key for key in STATED if not ORIGIN.get(key)] == []


def test_only_what_the_text_or_a_cited_work_gives_bears_their_name():
    """The public text has lost nearly all numbers: a place in it is no source of a number that is not there."""
    named = [key for key in STATED if not re.match(r"assumed: \w", ORIGIN.get(key, ""))]
    found = {key: next((f for f in FOUND if key == f or key.startswith(f"{f}.")), None) for key in named}
    assert [key for key, prefix in found.items() if prefix is None] == []
    assert set(found.values()) == FOUND.keys(), "the list names what is assumed by now"
    for key, prefix in found.items():
        assert re.match(rf"{re.escape(FOUND[prefix])}\b", ORIGIN[key]), key


def test_a_comment_belongs_to_the_keys_of_its_own_line(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("a:  # of a\n  b: 1  # of b\n  c: {d: 2, e: 3}  # of the line\n  f: 4\n")
    line = dict.fromkeys(("a.c", "a.c.d", "a.c.e"), "of the line")
    assert sources(file) == {"a": "of a", "a.b": "of b"} | line
