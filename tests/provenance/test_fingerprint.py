"""The fingerprint of a step's code: it changes with the code that the step reaches, and with nothing else."""

import importlib

import pytest

module = importlib.import_module("workflow_src.provenance.fingerprint")

FILES = {
    "__init__.py": '"""A package."""\n',
    "a.py": '"""Doc."""\nfrom workflow_src.b import f\n\n\ndef g(x):\n    """Doc."""\n    return f(x) + 1\n',
    "b.py": "def f(x):\n    return 2 * x\n",
    "c.py": "X = 1\n",
}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A package of which a reaches b and not c; call it to get a's fingerprint as the files now stand."""
    package = tmp_path / "workflow_src"
    package.mkdir()
    for name, text in FILES.items():
        (package / name).write_text(text)
    monkeypatch.setattr(module, "ROOT", tmp_path)

    def current():
        for cached in (module.fingerprint, module._tree, module._imports, module._tree_hash):
            cached.cache_clear()
        return module.fingerprint("workflow_src.a")

    yield package, current
    monkeypatch.undo()
    current()


def test_comments_docstrings_and_layout_do_not_count(tree):
    package, current = tree
    before = current()
    (package / "a.py").write_text(
        '"""Another."""\n# why\nfrom workflow_src.b import f\ndef g(x):\n    "New."\n    return (f(x)\n        + 1)\n'
    )
    assert current() == before


@pytest.mark.parametrize(("file", "counts"), [("a.py", True), ("b.py", True), ("c.py", False), ("__init__.py", True)])
def test_code_counts_where_it_is_reached(tree, file, counts):
    package, current = tree
    before = current()
    (package / file).write_text(FILES[file] + "\nY = 2\n")
    assert (current() != before) is counts


def test_a_changed_number_counts(tree):
    package, current = tree
    before = current()
    (package / "b.py").write_text(FILES["b.py"].replace("2", "2.0"))
    assert current() != before


@pytest.mark.parametrize(
    ("step", "inside", "outside"),
    [
        ("train", ["solvers.deer", "models.mamba2", "training.loop"], ["metrics.lyapunov", "figures.style"]),
        ("evaluate", ["metrics.state_space_divergence", "generation", "forcing"], ["training.loop"]),
        ("simulate", ["systems.lorenz96", "store"], ["solvers.deer", "models"]),
        ("figure", ["store"], ["solvers.deer", "systems.lorenz96", "training.loop"]),
    ],
)
def test_a_step_reaches_what_it_runs_and_no_more(step, inside, outside):
    found = module.reached(f"workflow_src.steps.{step}")
    assert {f"workflow_src.{name}" for name in inside} <= found
    assert not {f"workflow_src.{name}" for name in outside} & found


@pytest.mark.parametrize("step", ["train", "evaluate", "benchmark_runtime", "benchmark_iterations", "aggregate"])
def test_a_job_reaches_its_specification_but_neither_presets_nor_systems(step):
    """A new figure, table or system must not train anything again; an evaluation measures the true system too."""
    found = module.reached(f"workflow_src.steps.{step}")
    assert any(name.startswith("workflow_src.specs.") for name in found)
    others = ("workflow_src.config",) if step == "evaluate" else ("workflow_src.config", "workflow_src.systems")
    assert not [name for name in found if name.startswith(others)]


def test_training_does_not_depend_on_how_it_is_evaluated():
    assert "workflow_src.specs.evaluation" not in module.reached("workflow_src.steps.train")
