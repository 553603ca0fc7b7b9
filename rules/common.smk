"""The preset, and every function that the rules use: paths from names, specifications from wildcards."""

import json
import os
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(workflow.basedir))

from workflow_src import resources, scheduler
from workflow_src.config import pack_label, read_preset
from workflow_src.config.claims import claims_spec, role_names
from workflow_src.config.jobs import extra_jobs, report_jobs, upstream
from workflow_src.errors import UserError
from workflow_src.files import refusal
from workflow_src.provenance import fingerprint as fingerprint_of
from workflow_src.status.failures import Failure, failures, listing


def load_preset():
    """The one preset of this invocation, as it stands in its file."""
    files = [Path(file) for file in workflow.configfiles]
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise UserError(f"--configfile: {names} would be merged key by key; give one preset")
    try:
        shown = files[0].relative_to(Path.cwd())
    except ValueError:
        shown = files[0]
    preset = read_preset(shown, config)
    return preset, shown


try:
    PRESET, PRESET_FILE = load_preset()
    # In minutes.
    LONGEST = resources.longest(os.environ.get("GTF_DEER_LONGEST"))
except UserError as error:
    raise WorkflowError(str(error)) from None

RESULTS = Path("results") / PRESET.preset
if workflow.is_main_process and (refused := refusal(RESULTS)):
    raise WorkflowError(str(refused))
# Jobs learn it from their environment: results do not depend on it. On a cluster, each has its GPU for itself.
os.environ.update(GTF_DEER_PACKS_PER_GPU="1" if workflow.remote_exec else str(PRESET.packs_per_gpu))
if PRESET.packs_per_gpu > 1 and "gpu" not in workflow.resource_settings.resources:
    workflow.register_resource("gpu", PRESET.packs_per_gpu)
if workflow.is_main_process and (slurm := sys.modules.get("snakemake_executor_plugin_slurm")):
    if not scheduler.mend(slurm):
        print(
            "warning: snakemake-executor-plugin-slurm is not the version that workflow_src/scheduler.py knows: "
            "where slurmctld is away, Snakemake may wait for ever; install that of envs/, by make env",
            file=sys.stderr,
        )
if workflow.is_main_process:
    os.environ.pop("GTF_DEER_RESTARTS", None)
elif restarts := os.environ.get("SLURM_RESTART_COUNT"):
    # Of Slurm's variables the executor passes few on to the job.
    os.environ.update(GTF_DEER_RESTARTS=restarts)
CLAIMS_FILE = Path(workflow.basedir) / "config/claims.yaml"
if CLAIMS_FILE.is_relative_to(Path.cwd()):
    # So that logs and records do not name the machine's folders.
    CLAIMS_FILE = CLAIMS_FILE.relative_to(Path.cwd())
JOB = "{experiment}/{model}/T{sequence_length}/seeds{seeds}"


wildcard_constraints:
    dataset="[a-z0-9_]+",
    experiment="[a-z0-9_]+",
    benchmark="[a-z0-9_]+",
    model="[a-z0-9_]+",
    sequence_length=r"\d+",
    seeds=r"\d+(-\d+)?",


def fingerprint(*modules):
    """Hash of the sources that these modules reach, a parameter of the rules that run them."""
    return fingerprint_of(*(f"workflow_src.{module}" for module in modules))


def as_pairs(wildcards, input):
    """The rule's named inputs as role=path arguments."""
    return [f"{role}={path}" for role, path in input.items()]


def dataset_spec(wildcards):
    return PRESET.datasets[wildcards.dataset].model_dump_json()


def run_of(wildcards):
    """The specification of a training job."""
    first, _, last = wildcards.seeds.partition("-")
    seeds = tuple(range(int(first), int(last or first) + 1))
    return PRESET.run(wildcards.experiment, wildcards.model, int(wildcards.sequence_length), seeds)


def run_spec(wildcards):
    return run_of(wildcards).dump()


def evaluation_spec(wildcards):
    return PRESET.evaluation_of(wildcards.experiment).model_dump_json()


def runtime_spec(wildcards):
    return PRESET.runtime_run(wildcards.benchmark, wildcards.model, int(wildcards.sequence_length)).model_dump_json()


def iterations_spec(wildcards):
    return PRESET.iterations_run(wildcards.benchmark, wildcards.model).model_dump_json()


def aggregate_spec(wildcards):
    return PRESET.aggregate(wildcards.experiment).model_dump_json()


def benchmark_cells(wildcards):
    return PRESET.benchmark_cells(wildcards.benchmark).model_dump_json()


def gpus(wildcards):
    """GPUs of a job that trains or measures."""
    return 1 if PRESET.compute == "cuda" else 0


def host_threads(wildcards):
    """Processors of a job that computes where the preset says."""
    return resources.THREADS[PRESET.compute]


def asks(demand, together=None):
    """Memory and wall time of a rule: more at each attempt.

    Args:
        demand: what the job of these wildcards needs.
        together: how many such jobs share the wall time of a submission; each has its own if it is left out.
    """

    def memory(wildcards, attempt):
        return demand(wildcards).again(attempt).memory

    def minutes(wildcards, attempt):
        sharing = together(wildcards) if together else 1
        # No minutes would be submitted as no limit.
        return min(demand(wildcards).again(attempt).minutes, max(LONGEST // sharing, 1))

    return {"mem_mb": memory, "runtime": minutes}


def simulate_demand(wildcards):
    return resources.simulate(PRESET.datasets[wildcards.dataset])


def train_demand(wildcards):
    run = run_of(wildcards)
    return resources.train(run, PRESET.datasets[run.dataset])


def evaluate_demand(wildcards):
    return resources.evaluate(PRESET.evaluation_of(wildcards.experiment), run_of(wildcards))


def evaluated_together(wildcards):
    """The evaluations that one submission runs at most, one after the other: Snakemake adds up what they ask for."""
    settings = workflow.group_settings
    # There are none where nothing is run, as for --dag.
    group = settings and settings.overwrite_groups.get("evaluate")
    return min(settings.group_components.get(group, 1), len(jobs_of(wildcards))) if group else 1


def runtime_demand(wildcards):
    spec = PRESET.runtime_run(wildcards.benchmark, wildcards.model, int(wildcards.sequence_length))
    return resources.benchmark_runtime(spec, PRESET.datasets[spec.run.dataset])


def iterations_demand(wildcards):
    spec = PRESET.iterations_run(wildcards.benchmark, wildcards.model)
    return resources.benchmark_iterations(spec, PRESET.datasets[spec.run.dataset])


def simulated(dataset):
    return RESULTS / f"simulate/{dataset}.nc"


def aggregated(name):
    return RESULTS / f"aggregate/{name}.nc"


def dataset_of(wildcards):
    """The dataset of an experiment."""
    return simulated(PRESET.experiments[wildcards.experiment].dataset)


def dataset_of_runtime(wildcards):
    return simulated(PRESET.benchmarks[wildcards.benchmark].dataset)


def dataset_of_iterations(wildcards):
    return simulated(PRESET.experiments[PRESET.benchmarks[wildcards.benchmark].experiment].dataset)


def model_of_iterations(wildcards):
    """The trained models that an iterations benchmark looks at."""
    run = PRESET.iterations_run(wildcards.benchmark, wildcards.model).run
    job = f"{run.experiment}/{run.model}/T{run.sequence_length}/seeds{pack_label(run.seeds)}"
    return RESULTS / f"train/{job}/model.eqx"


def history_of_iterations(wildcards):
    return model_of_iterations(wildcards).with_name("history.nc")


def jobs_of(wildcards):
    """The jobs of an experiment, by model, then sequence length, then pack."""
    spec = PRESET.experiments[wildcards.experiment]
    return [
        f"{wildcards.experiment}/{model}/T{length}/seeds{pack_label(pack)}"
        for model in spec.models
        for length in spec.sequence_lengths
        for pack in PRESET.packs(wildcards.experiment)
    ]


def measures_of(wildcards):
    return [RESULTS / f"evaluate/{job}.nc" for job in jobs_of(wildcards)]


def histories_of(wildcards):
    return [RESULTS / f"train/{job}/history.nc" for job in jobs_of(wildcards)]


def parts_of(wildcards):
    """The files of a benchmark, in the order of its cells."""
    cells = PRESET.benchmark_cells(wildcards.benchmark).cells
    parts = [model if length is None else f"{model}/T{length}" for model, length in cells]
    return [RESULTS / f"benchmark/{wildcards.benchmark}/{part}.nc" for part in parts]


def shown(section, target):
    """Role -> path of what a figure or table reads; empty if the preset does not show it."""
    paths = {}
    for role, value in getattr(getattr(PRESET, section), target) or ():
        if role == "dataset":
            paths[role] = simulated(value)
        elif role == "experiment":
            paths["models"] = aggregated(value)
        elif role == "comparison":
            paths[role] = aggregated(value.experiment)
        elif role != "models":
            paths[role] = aggregated(value)
    return paths


def claims_roles():
    """Role -> path of all arrays that claims may be judged on."""
    return {role: aggregated(name) for role, name in role_names(PRESET).items()}


def models_shown(section, target):
    """The models that a figure or table shows, in their order; `all` where it names none."""
    roles = getattr(getattr(PRESET, section), target)
    roles = getattr(roles, "comparison", roles)
    return ",".join(getattr(roles, "models", ())) or "all"


def shown_targets():
    """The figures and tables of the preset, and the verdicts if there are any: names of rules."""
    shown = [name for section in (PRESET.figures, PRESET.tables) for name, roles in section if roles is not None]
    return [*shown, *(["claims"] if claims_roles() else [])]


def targets(section, suffixes):
    """The files of all figures or tables that the preset shows."""
    return [
        RESULTS / f"{section}/{name}.{suffix}"
        for name, roles in getattr(PRESET, section)
        if roles is not None
        for suffix in suffixes
    ]


def extra_targets():
    """The files of all figures beyond the paper, and the page that shows them."""
    pages = [
        RESULTS / page for job in report_jobs(PRESET).values() for page in job.outputs if page.startswith("extras/")
    ]
    return [*targets("extras", ("pdf", "png", "csv")), *pages]


def sensitivity_files(wildcards):
    """The figure of the sensitivity sweep, of a preset that has one."""
    if PRESET.extras.figureS1 is None:
        raise WorkflowError(f"{PRESET_FILE}: extras.figureS1: is missing; add it, or choose another preset")
    return [path for path in targets("extras", ("pdf", "png", "csv")) if path.stem == "figureS1"]


def given_settings(job):
    """The argument with the settings of a figure that takes them."""
    return f"--settings {shlex.quote(json.dumps(job.spec['settings']))}" if "settings" in job.spec else ""


def all_targets():
    """The files of all figures and tables, the verdicts on the claims, and the report."""
    judged = [RESULTS / "claims.csv", RESULTS / "claims.md"] if claims_roles() else []
    shown = [*targets("figures", ("pdf", "png", "csv")), *targets("tables", ("csv", "md", "tex"))]
    return [*shown, *judged, RESULTS / "report.html"]


def bundled(wildcards):
    """All targets, and the extras that have been made."""
    return [*all_targets(), *(path for path in extra_targets() if path.exists())]


def upstream_of_bundled(wildcards):
    """Everything that these are made from."""
    wanted = [str(path.relative_to(RESULTS)) for path in bundled(wildcards)]
    return [RESULTS / path for path in upstream(PRESET, wanted)]


def closing_failures(logs):
    """The jobs that failed in this run, each with the last lines of its log."""
    # What a cluster said of a job is in the logs alone; a quiet run logs no job at all.
    lines = [line for log in logs for line in Path(log).read_text(errors="replace").splitlines()]
    told = {one.output: one for one in failures(lines)}
    failed = [one for job in workflow.scheduler.failed for one in (job.jobs if job.is_group() else [job])]
    found = [Failure(job.rule.name, str(job.output[0]), tuple(map(str, job.log))) for job in failed]
    return listing(told.get(one.output, one) for one in found if not Path(one.output).exists())


def closing_line(files):
    """The folders of the figures, tables and extras among these files."""
    folders = {Path(file).parent for file in files}
    sections = [section for section in ("figures", "tables", "extras") if RESULTS / section in folders]
    return "   ".join(f"{section.capitalize()}: {RESULTS / section}" for section in sections)
