"""GTF-DEER reproduction: simulate -> train -> evaluate, benchmark -> aggregate -> figures, tables.

Plain `snakemake -c2` runs the smoke preset; `snakemake --configfile config/paper.yaml` another one. Results go to results/<preset>/.
"""

from snakemake.utils import min_version

min_version("9.27")


# Only when no preset was given: Snakemake would merge this one into it, key by key.
if not workflow.configfiles:

    configfile: "config/smoke.yaml"


include: "rules/common.smk"
include: "rules/simulate.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/benchmark.smk"
include: "rules/aggregate.smk"
include: "rules/figures.smk"
include: "rules/tables.smk"


localrules:
    all,
    figures,
    tables,


rule all:
    default_target: True
    input:
        rules.figures.input,
        rules.tables.input,


onsuccess:
    shell(f"echo 'Figures: {RESULTS}/figures   Tables: {RESULTS}/tables'")
