"""Table and plots from a few records."""

import pytest

from benchmarks import cases, plot, records, table
from tests.benchmarks.synthetic import record, solver

FAST = {"sequential": solver(0.040), "sequential_adjoint": solver(0.025), "deer": solver(0.120)}
DAYS = [f"2026-01-0{day}T00:00:00+00:00" for day in range(1, 10)]


@pytest.fixture
def found():
    m10, m3 = cases.named("embedded_m10"), cases.named("lorenz63_m3")
    b16, slow = cases.named("embedded_m10_b16"), cases.named("lorenz96_slow")
    return [
        record(m10, FAST | {"block": solver(1.0)}, started=DAYS[0]),
        record(m10, FAST | {"block": solver(0.010)}, started=DAYS[1]),
        record(m3, FAST | {"block": solver(0.039)}),
        record(slow, FAST | {"block": solver(0.001, converged=False)}),
        record(b16, FAST | {"deer": solver(0, status="out_of_memory"), "block": solver(0.010)}),
        record(cases.MEMORY, FAST | {"block": solver(0.010, temp_bytes=40)}),
        *(record(case, FAST) for case in [*cases.grid()["base"], *cases.grid()["T"]]),
        record(cases.figure_1a()[0], FAST, device="NVIDIA X", platform="gpu"),
    ]


def cells(text, start):
    (line,) = [line for line in text.splitlines() if line.startswith(start)]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_ratios_of_the_newest_record_stand_beside_what_is_required(found):
    text = table.tables(found)
    assert cells(text, "| embedded_m10 | block | 10 (")[3:] == ["12x", ">= 10x", "4x", ">= 3x", "reached"]
    assert cells(text, "| lorenz63_m3 | block | 39 (")[3:] == ["3.08x", ">= 2x", "1.03x", ">= 2.5x", "**not reached**"]


def test_an_older_record_of_a_row_is_shown_nowhere(found):
    text = table.tables(found)
    assert "| embedded_m10 | block | 1000 (" not in text
    assert not [line for line in text.splitlines() if line.startswith("| embedded_m10 | 10 |")]
    assert [line for line in text.splitlines() if line.startswith("| grid_t1000 | 10 |")]


def test_a_solver_without_a_solution_has_reached_nothing(found):
    assert cells(table.tables(found), "| lorenz96_slow | block | 1 (")[-1] == "not converged"


def test_without_the_baseline_nothing_is_claimed(found):
    assert cells(table.tables(found), "| embedded_m10_b16 | block | 10 (")[3:] == [
        "-",
        ">= 5x",
        "4x",
        ">= 1.2x",
        "no baseline",
    ]
    assert "| out of memory |" in table.tables(found)


def test_memory_is_stated_as_a_share_of_the_published_algorithm(found):
    assert cells(table.tables(found), "| memory_m30 | block | converged")[-1] == "4.0 %"


def test_every_device_has_its_own_section(found):
    text = table.tables(found)
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## Some CPU", "## NVIDIA X"]
    assert "figure1a" not in text.partition("## NVIDIA X")[0]


def test_commands_work_from_files_alone(found, tmp_path, capsys):
    for one in found:
        records.write(one, tmp_path / "records")
    table.main(["--records", str(tmp_path / "records"), "--output", str(tmp_path / "table.md")])
    assert (tmp_path / "table.md").read_text() == table.tables(records.read(tmp_path / "records"))
    plot.main(["--records", str(tmp_path / "records"), "--output", str(tmp_path)])
    drawn = {path.name for path in tmp_path.glob("*.png")}
    assert drawn == {"speed_rows.png", "speed_grid.png", "speed_lengths_nvidia-x.png"}


@pytest.mark.parametrize("command", [table.main, plot.main])
def test_without_records_the_command_says_how_to_make_them(command, tmp_path, capsys):
    with pytest.raises(SystemExit):
        command(["--records", str(tmp_path)])
    assert "python -m benchmarks.compare" in capsys.readouterr().err
