"""Write the pages that show the results of the preset: claims, figures, tables, assumptions, times; and those beyond the paper.

in    results/{preset}/figures/..., tables/..., aggregate/{experiment or benchmark}.nc, claims.csv where there are claims;
      extras/... for the page beyond the paper
out   results/{preset}/report.html; extras/report.html, which is no part of `all`
"""

for rule_name, page in report_jobs(PRESET).items():

    rule:
        name:
            rule_name
        input:
            results=[RESULTS / path for path in page.reads],
        output:
            page=RESULTS / page.outputs[0],
        log:
            RESULTS / f"logs/{rule_name}.log",
        localrule: True
        params:
            shown=page.spec["shown"],
            elsewhere=page.spec["elsewhere"],
            varied=json.dumps(page.spec["varied"]),
            code=fingerprint("steps.report"),
        shell:
            "python -m workflow_src.steps.report --shown {params.shown:q} --elsewhere {params.elsewhere:q}"
            " --varied {params.varied:q} --results {input.results} --output {output.page} > {log} 2>&1"
