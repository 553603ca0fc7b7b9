"""GTF-DEER reproduction: simulate -> train -> evaluate, benchmark -> aggregate -> figures, tables, claims -> report.

Plain `snakemake -c2` runs the smoke preset; `snakemake --configfile config/paper.yaml` another one. Results go to results/<preset>/.
`snakemake bundle` packs them into one archive. Beyond `all`: `snakemake extras`, `snakemake sensitivity`.
"""

from snakemake.utils import min_version

min_version("9.27")


# Only when no preset was given: Snakemake would merge this one into it, key by key.
if not workflow.configfiles:

    configfile: "config/smoke.yaml"


# On one machine, jobs that need a GPU run one after the other, unless --resources gpu=... says that it has more. Jobs on
# a cluster are not counted: each gets its own GPU from the cluster's scheduler.
resource_scopes:
    gpu="local",


if "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", 1)


include: "rules/common.smk"
include: "rules/before.smk"
include: "rules/simulate.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/benchmark.smk"
include: "rules/aggregate.smk"
include: "rules/figures.smk"
include: "rules/tables.smk"
include: "rules/claims.smk"
include: "rules/report.smk"
include: "rules/extras.smk"
include: "rules/bundle.smk"


# On a cluster these run where Snakemake does: a few seconds each, some twenty in all whatever the number of seeds, and
# a figure is there as soon as its runs are.
localrules:
    all,
    figures,
    tables,
    extras,
    sensitivity,
    aggregate,
    aggregate_benchmark,
    hyperparameters,


workflow.localrules(*shown_targets())


rule all:
    default_target: True
    input:
        all_targets(),


for any_rule in workflow.rules:
    any_rule.set_input(before_all)


onerror:
    print(closing_failures(log), file=sys.stderr)


onsuccess:
    print(closing_line(str(file) for job in workflow.dag.jobs for file in job.output))
