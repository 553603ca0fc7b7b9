"""The list of failed jobs, from made-up logs of Snakemake."""

from pathlib import Path

import pytest

from workflow_src import __main__ as door
from workflow_src.steps.arguments import run

ERROR = """
[Tue Nov 24 20:00:00 2026]
rule train:
    input: data.nc
    output: {name}/model.eqx, {name}/history.nc
    log: {name}.log
    jobid: {job}
[Tue Nov 24 20:00:00 2026]
Error in rule train:
    message: {message}
    jobid: {job}
    input: data.nc
    output: {name}/model.eqx, {name}/history.nc
    log: {name}.log (check log file(s) for error details)
    shell:
        python -m workflow_src.steps.train --spec 'x' > {name}.log 2>&1
        (command exited with non-zero exit code)
    external_jobid: 18

"""
GROUP = """
[Tue Nov 24 20:00:00 2026]
    message: SLURM-job '77' failed, SLURM status is: 'TIMEOUT'
    jobs:
        rule evaluate:
            jobid: 7
            output: e7.nc
            log: e7.log (check log file(s) for error details)
        rule evaluate:
            jobid: 8
            output: e8.nc
            log: e8.log (check log file(s) for error details)
"""


def error(job, name, message="None"):
    return ERROR.format(job=job, name=name, message=message)


@pytest.fixture
def failed(tmp_path, monkeypatch, capsys):
    """What is said of a run with this log."""
    monkeypatch.chdir(tmp_path)
    folder = Path(".snakemake/log")
    folder.mkdir(parents=True)
    (folder / "2026-11-23T000000.snakemake.log").write_text(error(1, "of_an_earlier_run"))

    def said(log):
        (folder / "2026-11-24T000000.snakemake.log").write_text(log)
        door.main(["failed"])
        return capsys.readouterr().out

    return said


def test_each_failed_job_is_listed_once_with_the_last_lines_of_its_log(failed):
    Path("a.log").write_text("".join(f"line {n}\n" for n in range(100)))
    Path("b.log").write_text("error: disk full\n")
    said = failed(error(3, "a") + "Trying to restart job 3.\n" + error(4, "b", "OUT_OF_MEMORY") + error(3, "a"))
    assert said.startswith("2 jobs failed:\n")
    assert said.count("train a/model.eqx") == 1
    assert "train a/model.eqx, slurm job 18, 2 attempts\n" in said
    assert "train b/model.eqx, slurm job 18: OUT_OF_MEMORY\n" in said
    assert "line 99" in said
    assert "line 91" not in said
    assert "error: disk full" in said
    assert "earlier" not in said


def test_a_job_that_succeeded_at_a_later_attempt_has_not_failed(failed):
    said = failed(error(3, "a") + "Trying to restart job 3.\n[Tue]\nFinished jobid: 3 (Rule: train)\n" + error(4, "b"))
    assert said.startswith("1 job failed:\n")
    assert "b.log is empty or gone" in said


def test_the_jobs_of_a_group_that_failed_are_listed_each(failed):
    said = failed(GROUP)
    assert said.startswith("2 jobs failed:\n")
    assert "evaluate e7.nc" in said
    assert "evaluate e8.nc" in said


def test_a_run_without_failures_says_so(failed):
    assert failed("Finished jobid: 3 (Rule: train)\n").endswith("no job failed\n")


def test_a_quiet_run_that_failed_is_not_said_to_have_gone_well(failed):
    assert "does not log which" in failed("Exiting because a job execution failed. Look above for error messages\n")


def test_a_run_that_ended_before_is_not_taken_for_this_one(failed, capsys):
    failed(error(3, "a"))
    door.main(["failed", "--since", str(2**40)])
    assert capsys.readouterr().out == ""
    door.main(["failed", "--since", "1"])
    assert "1 job failed" in capsys.readouterr().out


def test_without_any_run_there_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="no run of Snakemake here has left a log"):
        run(lambda: door.main(["failed"]))
