"""Pack figures, tables, the report and all that they were made from into one archive.

in    results/{preset}/figures/..., tables/..., report.html, and everything upstream of them
out   results/{preset}/bundle/{preset}.zip
"""


rule bundle:
    input:
        targets=all_targets(),
        upstream=upstream_of_all,
    output:
        bundle=RESULTS / f"bundle/{PRESET.preset}.zip",
    log:
        RESULTS / "logs/bundle.log",
    params:
        code=fingerprint("steps.bundle"),
    shell:
        "python -m workflow_src.steps.bundle --targets {input.targets} --output {output.bundle} > {log} 2>&1"
