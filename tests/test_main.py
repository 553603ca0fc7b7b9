"""`python -m workflow_src where`: one line for a preset, good or bad."""

from pathlib import Path

import pytest

from workflow_src import __main__ as door
from workflow_src.steps.arguments import run

ROOT = Path(__file__).parents[1]


def test_it_names_the_folders_that_the_preset_fills_and_no_others(capsys):
    door.main(["where", str(ROOT / "config/smoke.yaml")])
    assert capsys.readouterr().out == "Figures: results/smoke/figures   Tables: results/smoke/tables\n"
    door.main(["where", str(ROOT / "config/lorenz63.yaml")])
    assert capsys.readouterr().out == "Tables: results/lorenz63/tables\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "mine.yaml: cannot be read"), ("preset: x\n  a: [1\n", "mine.yaml: line 2: ")],
    ids=["missing", "broken"],
)
def test_a_preset_that_cannot_be_read_ends_with_one_line(tmp_path, text, message):
    file = tmp_path / "mine.yaml"
    if text:
        file.write_text(text)
    with pytest.raises(SystemExit) as ended:
        run(lambda: door.main(["where", str(file)]))
    assert message in str(ended.value)
    assert "\n" not in str(ended.value)
