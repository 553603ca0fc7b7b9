"""Jobs that outlived their Snakemake, with stand-ins for the commands of Slurm."""

from types import SimpleNamespace

import pytest

from workflow_src import orphans
from workflow_src.orphans import Queued

SQUEUE = """#!/bin/sh
cat {folder}/queue
"""
# What waits in the queue goes, what runs stays.
SCANCEL = """#!/bin/sh
[ "$1" = --state=PENDING ] || exit 1
shift
echo "$@" >> {folder}/cancelled
for one in "$@"; do sed -i "/^$one|PENDING/d" {folder}/queue; done
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Puts lines into the queue."""
    for name, text in {"squeue": SQUEUE, "scancel": SCANCEL}.items():
        (tmp_path / name).write_text(text.format(folder=tmp_path))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def fill(*lines):
        (tmp_path / "queue").write_text("".join(f"{line}\n" for line in lines))

    return fill


def test_only_jobs_from_this_folder_count(tmp_path, slurm):
    slurm(f"71|RUNNING|(null)|{tmp_path}", "72|RUNNING|(null)|/elsewhere", f"73|PENDING|afterany:71(u)|{tmp_path}")
    assert orphans.queue(tmp_path) == {"71": Queued("RUNNING", ()), "73": Queued("PENDING", ("71",))}


def test_what_waits_is_cancelled_and_what_runs_is_told(tmp_path, slurm, capsys):
    slurm(*(f"{one}|{state}|(null)|{tmp_path}" for one, state in ((71, "RUNNING"), (72, "PENDING"), (74, "PENDING"))))
    made = {"a.nc": "71", "b.nc": "72", "c.nc": "73"}
    assert orphans.take_back(made, tmp_path) == {"a.nc": {"71"}}
    assert (tmp_path / "cancelled").read_text().split() == ["72"], "and nobody else's"
    assert "cancelled: Slurm's job 72" in capsys.readouterr().err


def test_the_first_copy_is_found_behind_a_second_one_that_waited_for_it(tmp_path, slurm):
    slurm(f"71|RUNNING|(null)|{tmp_path}", f"80|PENDING|afterany:71(unfulfilled)|{tmp_path}")
    assert orphans.take_back({"a.nc": "80"}, tmp_path) == {"a.nc": {"71"}}


def test_nothing_is_asked_where_nothing_was_submitted(tmp_path, monkeypatch):
    monkeypatch.setattr(orphans, "_ask", lambda *command: pytest.fail(str(command)))
    assert orphans.take_back({}, tmp_path) == {}


def test_an_absent_scheduler_is_told_and_hinders_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert orphans.take_back({"a.nc": "71"}, tmp_path) == {}
    assert "squeue does not answer" in capsys.readouterr().err


def test_the_wait_ends_with_the_last_job(tmp_path, slurm, monkeypatch):
    lines = [f"{one}|RUNNING|(null)|{tmp_path}" for one in (71, 72, 90)]
    slurm(*lines)
    steps = [lambda: slurm(*lines[1:]), lambda: slurm(lines[2])]
    # Only here: a subprocess that is waited for sleeps as well.
    monkeypatch.setattr(orphans, "time", SimpleNamespace(sleep=lambda _: steps.pop(0)()))
    orphans.wait({"71", "72"}, tmp_path)
    assert not steps


def test_without_a_second_answer_jobs_count_as_running(tmp_path, slurm, capsys):
    slurm(f"71|RUNNING|(null)|{tmp_path}", f"72|PENDING|(null)|{tmp_path}")
    silent = f'printf "#!/bin/sh\\nexit 1\\n" > {tmp_path}/squeue\n'
    (tmp_path / "squeue").write_text(SQUEUE.format(folder=tmp_path) + silent)
    assert orphans.take_back({"a.nc": "71", "b.nc": "72"}, tmp_path) == {"a.nc": {"71"}, "b.nc": {"72"}}
    assert "squeue no longer answers" in capsys.readouterr().err
    assert orphans.left_of({"72", "71"}, tmp_path) == ["71", "72"]
    assert "squeue does not answer; Slurm's jobs 71, 72 may have ended" in capsys.readouterr().err


def test_a_wait_outlasts_a_squeue_that_does_not_answer(tmp_path, slurm, monkeypatch):
    slurm(f"71|RUNNING|(null)|{tmp_path}")
    squeue = tmp_path / "squeue"
    answers = squeue.read_text()
    steps = [lambda: squeue.write_text("#!/bin/sh\nexit 1\n"), lambda: squeue.write_text(answers), lambda: slurm()]
    monkeypatch.setattr(orphans, "time", SimpleNamespace(sleep=lambda _: steps.pop(0)()))
    orphans.wait({"71"}, tmp_path)
    assert not steps


def test_spared_files_are_not_forced():
    forced = orphans.Unforced(["a"])
    forced.update(["a", "b"], ["c"])
    assert forced == {"b", "c"}
