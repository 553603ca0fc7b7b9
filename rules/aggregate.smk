"""Combine the runs of an experiment, and the parts of a benchmark, into arrays.

in    results/{preset}/evaluate/{experiment}/{model}/T{sequence_length}/seeds{seeds}.nc
      results/{preset}/train/{experiment}/{model}/T{sequence_length}/seeds{seeds}/history.nc
      results/{preset}/benchmark/{benchmark}/...
out   results/{preset}/aggregate/{experiment}.nc, {benchmark}.nc
"""


rule aggregate:
    input:
        measures=measures_of,
        histories=histories_of,
    output:
        arrays=RESULTS / "aggregate/{experiment}.nc",
    log:
        RESULTS / "logs/aggregate/{experiment}.log",
    wildcard_constraints:
        experiment="|".join(PRESET.experiments),
    params:
        spec=aggregate_spec,
        code=fingerprint("steps.aggregate"),
    shell:
        "python -m workflow_src.steps.aggregate --spec {params.spec:q} --measures {input.measures}"
        " --histories {input.histories} --output {output.arrays} > {log} 2>&1"


rule aggregate_benchmark:
    input:
        parts=parts_of,
    output:
        arrays=RESULTS / "aggregate/{benchmark}.nc",
    log:
        RESULTS / "logs/aggregate/{benchmark}.log",
    wildcard_constraints:
        benchmark="|".join(PRESET.benchmarks) or "none",
    params:
        cells=benchmark_cells,
        code=fingerprint("steps.aggregate_benchmark"),
    shell:
        "python -m workflow_src.steps.aggregate_benchmark --cells {params.cells:q} --parts {input.parts}"
        " --output {output.arrays} > {log} 2>&1"
