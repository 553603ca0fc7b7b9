"""Time the solvers during training (Fig. 1A), and count Newton iterations of trained models (Fig. 1B).

in    results/{preset}/simulate/{dataset}.nc
      results/{preset}/train/{experiment}/{model}/T{sequence_length}/seeds{seeds}/{model.eqx,history.nc}
out   results/{preset}/benchmark/{benchmark}/{model}/T{sequence_length}.nc
      results/{preset}/benchmark/{benchmark}/{model}.nc
"""


rule benchmark_runtime:
    input:
        dataset=dataset_of_runtime,
    output:
        times=RESULTS / "benchmark/{benchmark}/{model}/T{sequence_length}.nc",
    log:
        RESULTS / "logs/benchmark/{benchmark}/{model}/T{sequence_length}.log",
    # All cores of the machine, whatever their number: nothing else may run beside a measurement of time.
    threads: workflow.resource_settings.cores or 1
    resources:
        **asks(runtime_demand),
        gpu=gpus,
    params:
        spec=runtime_spec,
        code=fingerprint("steps.benchmark_runtime"),
    shell:
        "python -m workflow_src.steps.benchmark_runtime --spec {params.spec:q} --dataset {input.dataset}"
        " --output {output.times} > {log} 2>&1"


rule benchmark_iterations:
    input:
        dataset=dataset_of_iterations,
        model=model_of_iterations,
        history=history_of_iterations,
    output:
        iterations=RESULTS / "benchmark/{benchmark}/{model}.nc",
    log:
        RESULTS / "logs/benchmark/{benchmark}/{model}.log",
    threads: host_threads
    resources:
        **asks(iterations_demand),
        gpu=gpus,
    params:
        spec=iterations_spec,
        code=fingerprint("steps.benchmark_iterations"),
    shell:
        "python -m workflow_src.steps.benchmark_iterations --spec {params.spec:q} --dataset {input.dataset}"
        " --model {input.model} --history {input.history} --output {output.iterations} > {log} 2>&1"
