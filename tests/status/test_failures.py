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
# As Snakemake 9.27 logs this workflow, shortened: a group is submitted, and Slurm ends it.
STARTS = """
[Tue Nov 24 20:00:00 2026] Group job evaluate_lorenz63_full (jobs in lexicogr. order):
    [Tue Nov 24 20:00:00 2026]
    rule evaluate:
        input: data.nc
        output: e7.nc
        log: e7.log
        jobid: 7
        reason: Missing output files: e7.nc
Shell command: python -m workflow_src.steps.evaluate > e7.log 2>&1
    [Tue Nov 24 20:00:00 2026]
    rule evaluate:
        input: data.nc
        output: e8.nc
        log: e8.log
        jobid: 8
        reason: Missing output files: e8.nc
Shell command: python -m workflow_src.steps.evaluate > e8.log 2>&1
Job 1cbf2261-b135-5319-b919-1f9759627b33 has been submitted with SLURM jobid 77 (log: slurm/77.log).
"""
ENDS = """
slurm: group evaluate_lorenz63_full: SLURM-job '77' failed, SLURM status is: 'TIMEOUT'.
[Tue Nov 24 20:00:00 2026]
    message: Error in group evaluate_lorenz63_full
    log: slurm/77.log (check log file(s) for error details)
    jobs:
        rule evaluate:
            jobid: 7
            output: e7.nc
            log: e7.log (check log file(s) for error details)
        rule evaluate:
            jobid: 8
            output: e8.nc
            log: e8.log (check log file(s) for error details)
    [Tue Nov 24 20:00:00 2026]
    Error in rule evaluate:
        message: None
        jobid: 7
        input: data.nc
        output: e7.nc
        log: e7.log (check log file(s) for error details)
        shell:
            python -m workflow_src.steps.evaluate > e7.log 2>&1
            (command exited with non-zero exit code)
    [Tue Nov 24 20:00:00 2026]
    Error in rule evaluate:
        message: None
        jobid: 8
        input: data.nc
        output: e8.nc
        log: e8.log (check log file(s) for error details)
        shell:
            python -m workflow_src.steps.evaluate > e8.log 2>&1
            (command exited with non-zero exit code)
Trying to restart job 1cbf2261-b135-5319-b919-1f9759627b33.
"""
REFUSED = """SLURM sbatch failed. The error message was 'sbatch: error: invalid qos
sbatch: error: Batch job submission failed'.
    sbatch call:
        sbatch --parsable
For further error details see the cluster/cloud log and the log files of the involved rule(s)."""


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


def test_the_jobs_of_a_group_that_failed_are_listed_each_with_what_slurm_said_of_it(failed):
    Path("slurm").mkdir()
    Path("slurm/77.log").write_text("DUE TO TIME LIMIT\n")
    said = failed(STARTS + ENDS + error(3, "a")).splitlines()
    assert said[0] == "3 jobs failed:"
    for name in ("e7", "e8"):
        told = f"  evaluate {name}.nc, slurm job 77: SLURM-job '77' failed, SLURM status is: 'TIMEOUT'."
        assert said[said.index(told) + 1] == f"    {name}.log is empty or gone"
    assert said.count("      DUE TO TIME LIMIT") == 1
    assert said.count("    slurm/77.log: as above") == 1


def test_a_group_that_was_submitted_and_runs_has_not_failed(failed):
    assert failed(STARTS).endswith("no job failed\n")


def test_each_submission_of_a_group_is_one_attempt(failed):
    assert failed((STARTS + ENDS) * 2).count(", 2 attempts:") == 2


def test_a_group_that_succeeded_at_a_later_attempt_has_not_failed(failed):
    ended = "".join(f"[Tue]\nFinished jobid: {job} (Rule: evaluate)\n" for job in (7, 8))
    assert failed(STARTS + ENDS + STARTS + ended).endswith("no job failed\n")


def test_a_job_that_sbatch_refused_is_listed_though_its_message_has_many_lines(failed):
    said = failed(error(3, "a", REFUSED) + error(4, "b"))
    assert said.startswith("2 jobs failed:\n")
    assert "train a/model.eqx, slurm job 18: SLURM sbatch failed. The error message was 'sbatch: error: inv" in said


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
