"""Table 5 from a list of hyper-parameters."""

import pandas as pd
import pytest

from workflow_src.errors import UserError
from workflow_src.steps import table
from workflow_src.tables import table5, write

ROWS = pd.DataFrame(
    [
        ("dataset", "lorenz96", "time_step", "0.05", "assumed: 24 to 47 steps per wave; the period is 1000 steps"),
        ("experiment", "lorenz63_full", "training.updates", "10000", "assumed: enough"),
        ("experiment", "lorenz96_models", "training.updates", "20000", "assumed: enough"),
        ("experiment", "lorenz96_models", "models", ", ".join(f"model{i}" for i in range(20)), "Sec. 5.4"),
    ],
    columns=["section", "name", "key", "value", "source"],
)


def test_every_quantity_has_a_row_with_its_value_and_source():
    pd.testing.assert_frame_equal(table5.build(ROWS), ROWS)


def test_a_quantity_that_stands_twice_is_refused():
    with pytest.raises(UserError, match=r"lorenz63_full states training\.updates twice"):
        table5.build(pd.concat([ROWS, ROWS.iloc[1:2]]))


def test_latex_wraps_long_cells_and_goes_over_pages():
    lines = write.to_latex(table5.build(ROWS)).splitlines()
    assert lines[0] == r"\begin{tabular}{lllp{0.25\linewidth}p{0.25\linewidth}}"
    many = pd.concat([ROWS.assign(name=ROWS["name"] + str(i)) for i in range(20)])
    lines = write.to_latex(table5.build(many)).splitlines()
    assert lines[0] == r"\begin{longtable}{lllp{0.25\linewidth}p{0.25\linewidth}}"
    assert lines[4] == r"\endhead", "the head stands on every page"
    assert lines[-1] == r"\end{longtable}"


def test_the_door_reads_rows_as_text(tmp_path):
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    files = {suffix: tmp_path / f"table5.{suffix}" for suffix in ("csv", "md", "tex")}
    outputs = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    table.main(["--table", "table5", "--inputs", f"rows={tmp_path}/rows.csv", "--models", "all", *outputs])
    row = next(line for line in files["md"].read_text(encoding="utf-8").splitlines() if "lorenz63" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["experiment", r"lorenz63\_full", "training.updates", "10000", "assumed: enough"]
