"""Judge the claims of the paper on the results of the preset.

in    config/claims.yaml; results/{preset}/aggregate/{experiment or benchmark}.nc
out   results/{preset}/claims.csv, claims.md
"""

if claims_roles():

    rule claims:
        input:
            stated=CLAIMS_FILE,
            arrays=sorted(set(claims_roles().values())),
        output:
            csv=RESULTS / "claims.csv",
            md=RESULTS / "claims.md",
        log:
            RESULTS / "logs/claims/claims.log",
        params:
            spec=claims_spec(PRESET).model_dump_json(),
            inputs=[f"{role}={path}" for role, path in claims_roles().items()],
            code=fingerprint("steps.claims"),
        shell:
            "python -m workflow_src.steps.claims --spec {params.spec:q} --stated {input.stated} --inputs {params.inputs}"
            " --csv {output.csv} --md {output.md} > {log} 2>&1"
