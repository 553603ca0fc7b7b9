"""Evaluate one pack of runs on the test trajectory.

in    results/{preset}/simulate/{dataset}.nc
      results/{preset}/train/{experiment}/{model}/T{sequence_length}/seeds{seeds}/model.eqx, history.nc
out   results/{preset}/evaluate/{experiment}/{model}/T{sequence_length}/seeds{seeds}.nc
"""


rule evaluate:
    input:
        dataset=dataset_of,
        model=RESULTS / "train" / JOB / "model.eqx",
        history=RESULTS / "train" / JOB / "history.nc",
    output:
        measures=RESULTS / "evaluate" / f"{JOB}.nc",
    log:
        RESULTS / "logs/evaluate" / f"{JOB}.log",
    resources:
        **asks(evaluate_demand, evaluated_together),
    params:
        evaluation=evaluation_spec,
        code=fingerprint("steps.evaluate"),
    shell:
        "python -m workflow_src.steps.evaluate --evaluation {params.evaluation:q} --dataset {input.dataset}"
        " --model {input.model} --history {input.history} --output {output.measures} > {log} 2>&1"
