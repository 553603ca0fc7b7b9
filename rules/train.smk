"""Train one pack of runs.

in    results/{preset}/simulate/{dataset}.nc
out   results/{preset}/train/{experiment}/{model}/T{sequence_length}/seeds{seeds}/model.eqx, history.nc
"""


rule train:
    input:
        dataset=dataset_of,
    output:
        model=RESULTS / "train" / JOB / "model.eqx",
        history=RESULTS / "train" / JOB / "history.nc",
    log:
        RESULTS / "logs/train" / f"{JOB}.log",
    resources:
        gpu=gpus,
    params:
        spec=run_spec,
        code=fingerprint("steps.train"),
    # exec: a shell in between would end at a signal to all processes of the job, and the job with it, before the checkpoint
    # is written.
    shell:
        "exec python -m workflow_src.steps.train --spec {params.spec:q} --dataset {input.dataset}"
        " --model {output.model} --history {output.history} > {log} 2>&1"
