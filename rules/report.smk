"""Write the page that shows the results of the preset: claims, figures, tables, assumptions, times.

in    results/{preset}/figures/..., tables/..., aggregate/{experiment or benchmark}.nc, claims.csv where there are claims
out   results/{preset}/report.html
"""

REPORT = report_job(PRESET)


rule report:
    input:
        results=[RESULTS / path for path in REPORT.reads],
    output:
        page=RESULTS / "report.html",
    log:
        RESULTS / "logs/report.log",
    params:
        shown=REPORT.spec["shown"],
        code=fingerprint("steps.report"),
    shell:
        "python -m workflow_src.steps.report --shown {params.shown:q} --results {input.results}"
        " --output {output.page} > {log} 2>&1"
