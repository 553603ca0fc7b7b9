"""Draw figures beyond the paper's: asked for by `extras`, `sensitivity` or their own names, and no part of `all`.

in    results/{preset}/aggregate/{experiment or benchmark}.nc; results/{preset}/simulate/{dataset}.nc
out   results/{preset}/extras/{figure}.pdf, .png, .csv; the page that shows them is of rules/report.smk
"""


rule extras:
    input:
        extra_targets(),


rule sensitivity:
    input:
        sensitivity_files,


for extra in extra_jobs(PRESET):

    rule:
        name:
            extra.spec["figure"]
        input:
            arrays=[RESULTS / path for path in extra.reads],
        output:
            pdf=RESULTS / f"extras/{extra.spec['figure']}.pdf",
            png=RESULTS / f"extras/{extra.spec['figure']}.png",
            csv=RESULTS / f"extras/{extra.spec['figure']}.csv",
        log:
            RESULTS / f"logs/extras/{extra.spec['figure']}.log",
        localrule: True
        params:
            name=extra.spec["figure"],
            inputs=[f"{role}={RESULTS / path}" for role, path in extra.inputs.items()],
            models=extra.spec["models"],
            settings=given_settings(extra),
            code=fingerprint("steps.figure", *extra.modules),
        shell:
            "python -m workflow_src.steps.figure --figure {params.name} --inputs {params.inputs}"
            " --models {params.models:q} {params.settings} --pdf {output.pdf} --png {output.png} --csv {output.csv}"
            " > {log} 2>&1"
