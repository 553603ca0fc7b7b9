"""Pack figures, tables, the report and all that they were made from into one archive.

in    results/{preset}/figures/..., tables/..., report.html, extras/... if they were made, and everything upstream of them
out   results/{preset}/bundle/{preset}.zip
"""


rule bundle:
    input:
        targets=bundled,
        upstream=upstream_of_bundled,
    output:
        bundle=RESULTS / f"bundle/{PRESET.preset}.zip",
    log:
        RESULTS / "logs/bundle.log",
    params:
        code=fingerprint("steps.bundle"),
    shell:
        "python -m workflow_src.steps.bundle --targets {input.targets} --output {output.bundle} > {log} 2>&1"
