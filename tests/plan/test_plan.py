"""The plan of a run: which jobs, at what cost, and what is already done."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
import yte

from tests.audit import results
from tests.workflow.test_workflow import jobs as scheduled
from tests.workflow.test_workflow import snakemake
from workflow_src import __main__ as door
from workflow_src import logs, resources
from workflow_src.config import read_preset
from workflow_src.plan import records
from workflow_src.plan.plan import plan
from workflow_src.plan.submissions import AROUND, EXCLUSIVE
from workflow_src.plan.text import text
from workflow_src.steps.arguments import run

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / "config/smoke.yaml"
SLURM = ROOT / "profiles/slurm"
NOTHING = records.read(Path("nowhere"), Path("nowhere"))


def planned(file, *targets, measured=NOTHING, profile=Path("none")):
    return plan(read_preset(file), file, targets, measured, profile)


def counts(found):
    return {rule: one.jobs for rule, one in found.rules.items()}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    results.make(folder, results.small_preset(folder))
    return folder


def test_jobs_by_rule_and_logs_are_those_of_a_dry_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dry = snakemake(tmp_path, "--configfile", str(SMOKE))
    wanted = scheduled(dry)
    assert wanted.pop("all") == 1
    found = planned(SMOKE)
    assert counts(found) == wanted
    assert found.everything.jobs == sum(wanted.values())
    told = re.findall(r"\n    output: ([^,\n]+).*\n    log: (\S+)", dry.stdout + dry.stderr)
    assert len(told) == sum(wanted.values())
    assert all(str(logs.log_of(Path(output))) == log for output, log in told)


@pytest.mark.parametrize(
    ("target", "same"), [("figure2", "results/smoke/figures/figure2.pdf"), ("tables", "results/smoke/tables")]
)
def test_a_target_may_be_a_rule_a_file_or_a_folder(target, same, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = planned(SMOKE, target)
    assert counts(found) == counts(planned(SMOKE, same))
    assert 0 < found.everything.jobs < planned(SMOKE).everything.jobs


def test_one_figure_is_planned_with_just_its_own_jobs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = planned(SMOKE, "figure2")
    assert counts(found) == {"simulate": 2, "train": 4, "evaluate": 4, "aggregate": 2, "figure2": 1}
    assert found.shown["figure2"].jobs == 13
    assert [Path(one).parts[0] for one in found.chain] == ["simulate", "train", "evaluate", "aggregate", "figures"]


def test_extras_are_planned_where_they_are_asked_for_and_are_no_part_of_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "figureS1" not in planned(SMOKE).rules
    assert planned(SMOKE, "sensitivity").rules["figureS1"].jobs == 1
    assert counts(planned(SMOKE, "figureS1")) == counts(planned(SMOKE, "sensitivity"))


def test_a_target_that_does_not_exist_ends_with_one_line_that_names_what_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run(lambda: door.main(["plan", "--preset", str(SMOKE), "figure9"]))
    assert "\n" not in str(ended.value)
    assert "figure9: no target of preset smoke; did you mean figure" in str(ended.value)
    assert "table5" in str(ended.value)


def test_a_preset_that_does_not_exist_ends_with_one_line_that_names_what_does(monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit, match=r"papr: no such preset; there are .*paper") as ended:
        run(lambda: door.main(["plan", "--preset", "papr"]))
    assert "\n" not in str(ended.value)


def test_finished_results_are_not_counted(made, monkeypatch):
    monkeypatch.chdir(made)
    found = planned(made / "tiny.yaml")
    assert counts(found) == {}
    assert found.done == 2 + 4 + 4 + 2 + 6
    assert "nothing to do" in text(found)


def test_what_is_gone_and_all_that_follows_from_it_would_run_again(made, tmp_path, monkeypatch):
    import shutil

    folder = tmp_path / "made"
    shutil.copytree(made, folder)
    monkeypatch.chdir(folder)
    # As in the workflow: a file that nothing needs any more is not made again.
    next(Path("results/tiny/evaluate/lorenz63_full").rglob("*.nc")).unlink()
    assert counts(planned(folder / "tiny.yaml")) == {}
    Path("results/tiny/figures/figure2.pdf").unlink()
    assert counts(planned(folder / "tiny.yaml")) == {"figure2": 1, "report": 1}
    Path("results/tiny/aggregate/lorenz63_full.nc").unlink()
    again = counts(planned(folder / "tiny.yaml"))
    assert again == {"evaluate": 1, "aggregate": 1, "figure2": 1, "table1": 1, "claims": 1, "report": 1}


def test_results_of_other_settings_would_run_again_with_the_reason(made, tmp_path, monkeypatch):
    monkeypatch.chdir(made)
    changed = results.small_preset(tmp_path)
    content = yaml.safe_load(changed.read_text())
    content["experiments"]["lorenz63_full"]["training"]["updates"] = 7
    changed.write_text(yaml.safe_dump(content, sort_keys=False))
    found = planned(changed)
    assert found.rules["train"].jobs == 2
    assert found.rules["evaluate"].jobs == 2
    assert "would be made again" in text(found)
    assert any("training.updates" in reason for reason in found.stale.values())


def test_ten_times_the_updates_take_ten_times_the_hours_of_training(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    for one in (content, *content["experiments"].values()):
        if "updates" in one["training"]:
            one["training"]["updates"] *= 10
    (tmp_path / "more.yaml").write_text(yaml.safe_dump(content | {"preset": "more"}, sort_keys=False))
    less, more = planned(ROOT / "config/paper.yaml"), planned(tmp_path / "more.yaml")
    assert more.rules["train"].gpu.middle == pytest.approx(10 * less.rules["train"].gpu.middle, rel=0.1)
    assert more.rules["benchmark_runtime"].gpu == less.rules["benchmark_runtime"].gpu


def test_only_jobs_that_compute_hold_a_gpu_and_only_under_a_preset_for_gpus(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert planned(SMOKE).everything.gpu.high == 0
    held = {rule for rule, one in planned(ROOT / "config/paper.yaml").rules.items() if one.gpu.high > 0}
    assert held == {"train", "benchmark_runtime", "benchmark_iterations"}


def test_a_plan_without_records_says_that_it_assumes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = text(planned(ROOT / "config/paper.yaml"))
    assert "GPU (none has been measured)" in said
    assert "assumed rates: no record of training by deer" in said
    assert "ASSUMED" in said


def test_what_a_profile_groups_is_submitted_together(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    submitted = ("simulate", "train", "evaluate", "benchmark_runtime", "benchmark_iterations")
    alone = planned(SMOKE)
    computing = sum(one.jobs for rule, one in alone.rules.items() if rule in submitted)
    assert alone.submissions == computing
    (tmp_path / "profile").mkdir()
    file = tmp_path / "profile/profile.v9+.yaml"
    file.write_text("groups:\n  evaluate: e\ngroup-components:\n  e: 8\n")
    evaluations = alone.rules["evaluate"].jobs
    together = planned(SMOKE, profile=tmp_path / "profile")
    assert together.submissions == computing - evaluations + -(-evaluations // 8)
    file.write_text("groups: ['evaluate=e_{experiment}']\ngroup-components: ['e_{experiment}=100']\n")
    experiments = alone.rules["aggregate"].jobs
    assert planned(SMOKE, profile=tmp_path / "profile").submissions == computing - evaluations + experiments


def test_submitting_takes_as_long_as_the_profile_spaces_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert planned(SMOKE).submitting == 0
    found = planned(SMOKE, "figure2", profile=SLURM)
    assert found.submitting == 2 * found.submissions
    assert "to submit" in text(found)
    # Simulated, trained and evaluated there; aggregated and drawn here.
    assert found.scheduling.low == pytest.approx(3 * AROUND)


def test_the_profile_gives_nodes_of_their_own_to_the_jobs_that_are_counted_so(monkeypatch):
    monkeypatch.delenv("GTF_DEER_SBATCH_BENCHMARK", raising=False)
    profile = yte.process_yaml((SLURM / "profile.v9+.yaml").read_text(encoding="utf-8"))
    alone = {rule for rule, one in profile["set-resources"].items() if "--exclusive" in one.get("slurm_extra", "")}
    assert alone == set(EXCLUSIVE)


def test_whole_nodes_are_counted_for_the_measurements_of_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GTF_DEER_SBATCH_BENCHMARK", raising=False)
    found = planned(ROOT / "config/paper.yaml")
    jobs, hours = found.exclusive
    assert jobs == found.rules["benchmark_runtime"].jobs
    assert hours.middle == pytest.approx(found.rules["benchmark_runtime"].gpu.middle)
    assert "72 jobs; where sites count whole nodes, GPU-hours: 20" in text(found)
    monkeypatch.setenv("GTF_DEER_SBATCH_BENCHMARK", "")
    assert "nodes of their own" not in text(planned(ROOT / "config/paper.yaml"))


def test_a_job_on_a_gpu_holds_the_cores_that_its_rule_asks_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained = planned(ROOT / "config/paper.yaml").rules["train"]
    assert trained.cpu.middle == pytest.approx(resources.THREADS["cuda"] * trained.gpu.middle)


def test_the_paper_preset_is_planned_by_default(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    door.main(["plan", "figureA1"])
    assert capsys.readouterr().out.startswith("preset paper ")


def test_the_plan_is_data_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    door.main(["plan", "--preset", str(SMOKE), "--json", "figure2"])
    told = json.loads(capsys.readouterr().out)
    assert told["rules"]["train"]["jobs"] == 4
    assert told["everything"]["cpu"]["low"] < told["everything"]["cpu"]["high"]


def test_planning_imports_no_jax():
    code = (
        "import sys; from workflow_src import __main__ as m; "
        "m.main(['plan', 'figure2']); assert 'jax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
