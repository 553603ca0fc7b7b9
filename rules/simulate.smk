"""Simulate one dataset.

out   results/{preset}/simulate/{dataset}.nc
"""


rule simulate:
    output:
        dataset=RESULTS / "simulate/{dataset}.nc",
    log:
        RESULTS / "logs/simulate/{dataset}.log",
    resources:
        **asks(simulate_demand),
    params:
        spec=dataset_spec,
        code=fingerprint("steps.simulate"),
    shell:
        "python -m workflow_src.steps.simulate --spec {params.spec:q} --name {wildcards.dataset}"
        " --output {output.dataset} > {log} 2>&1"
