"""Build the tables that the preset shows.

in    results/{preset}/aggregate/{experiment or benchmark}.nc; results/{preset}/simulate/{dataset}.nc for tableA1;
      the preset itself for table5
out   results/{preset}/tables/{table}.csv, .md, .tex
"""

TABLE_COMMAND = (
    "python -m workflow_src.steps.table --table {params.name} --inputs {params.inputs} --models {params.models:q}"
    " --csv {output.csv} --md {output.md} --tex {output.tex} > {log} 2>&1"
)


rule tables:
    input:
        targets("tables", ("csv", "md", "tex")),


if PRESET.tables.tableA1:

    rule tableA1:
        input:
            **shown("tables", "tableA1"),
        output:
            csv=RESULTS / "tables/tableA1.csv",
            md=RESULTS / "tables/tableA1.md",
            tex=RESULTS / "tables/tableA1.tex",
        log:
            RESULTS / "logs/tables/tableA1.log",
        params:
            name="tableA1",
            inputs=as_pairs,
            models=models_shown("tables", "tableA1"),
            code=fingerprint("steps.table", "tables.tableA1"),
        shell:
            TABLE_COMMAND


if PRESET.tables.table1:

    rule table1:
        input:
            **shown("tables", "table1"),
        output:
            csv=RESULTS / "tables/table1.csv",
            md=RESULTS / "tables/table1.md",
            tex=RESULTS / "tables/table1.tex",
        log:
            RESULTS / "logs/tables/table1.log",
        params:
            name="table1",
            inputs=as_pairs,
            models=models_shown("tables", "table1"),
            code=fingerprint("steps.table", "tables.table1"),
        shell:
            TABLE_COMMAND


if PRESET.tables.table2:

    rule table2:
        input:
            **shown("tables", "table2"),
        output:
            csv=RESULTS / "tables/table2.csv",
            md=RESULTS / "tables/table2.md",
            tex=RESULTS / "tables/table2.tex",
        log:
            RESULTS / "logs/tables/table2.log",
        params:
            name="table2",
            inputs=as_pairs,
            models=models_shown("tables", "table2"),
            code=fingerprint("steps.table", "tables.table2"),
        shell:
            TABLE_COMMAND


if PRESET.tables.table3:

    rule table3:
        input:
            **shown("tables", "table3"),
        output:
            csv=RESULTS / "tables/table3.csv",
            md=RESULTS / "tables/table3.md",
            tex=RESULTS / "tables/table3.tex",
        log:
            RESULTS / "logs/tables/table3.log",
        params:
            name="table3",
            inputs=as_pairs,
            models=models_shown("tables", "table3"),
            code=fingerprint("steps.table", "tables.table3"),
        shell:
            TABLE_COMMAND


if PRESET.tables.table4:

    rule table4:
        input:
            **shown("tables", "table4"),
        output:
            csv=RESULTS / "tables/table4.csv",
            md=RESULTS / "tables/table4.md",
            tex=RESULTS / "tables/table4.tex",
        log:
            RESULTS / "logs/tables/table4.log",
        params:
            name="table4",
            inputs=as_pairs,
            models=models_shown("tables", "table4"),
            code=fingerprint("steps.table", "tables.table4"),
        shell:
            TABLE_COMMAND


if PRESET.tables.table5 is not None:

    rule table5:
        input:
            rows=RESULTS / "tables/hyperparameters.csv",
        output:
            csv=RESULTS / "tables/table5.csv",
            md=RESULTS / "tables/table5.md",
            tex=RESULTS / "tables/table5.tex",
        log:
            RESULTS / "logs/tables/table5.log",
        params:
            name="table5",
            inputs=as_pairs,
            models=models_shown("tables", "table5"),
            code=fingerprint("steps.table", "tables.table5"),
        shell:
            TABLE_COMMAND


rule hyperparameters:
    input:
        preset=PRESET_FILE,
    output:
        rows=RESULTS / "tables/hyperparameters.csv",
    log:
        RESULTS / "logs/tables/hyperparameters.log",
    params:
        code=fingerprint("steps.hyperparameters"),
    shell:
        "python -m workflow_src.steps.hyperparameters --preset {input.preset} --output {output.rows} > {log} 2>&1"
