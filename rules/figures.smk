"""Draw the figures that the preset shows.

in    results/{preset}/aggregate/{experiment or benchmark}.nc; results/{preset}/simulate/{dataset}.nc for figureA1
out   results/{preset}/figures/{figure}.pdf, .png, .csv
"""

FIGURE_COMMAND = (
    "python -m workflow_src.steps.figure --figure {params.name} --inputs {params.inputs} --models {params.models:q}"
    " --pdf {output.pdf} --png {output.png} --csv {output.csv} > {log} 2>&1"
)


rule figures:
    input:
        targets("figures", ("pdf", "png", "csv")),


if PRESET.figures.figure1:

    rule figure1:
        input:
            **shown("figures", "figure1"),
        output:
            pdf=RESULTS / "figures/figure1.pdf",
            png=RESULTS / "figures/figure1.png",
            csv=RESULTS / "figures/figure1.csv",
        log:
            RESULTS / "logs/figures/figure1.log",
        params:
            name="figure1",
            inputs=as_pairs,
            models=models_shown("figures", "figure1"),
            code=fingerprint("steps.figure", "figures.figure1"),
        shell:
            FIGURE_COMMAND


if PRESET.figures.figure2:

    rule figure2:
        input:
            **shown("figures", "figure2"),
        output:
            pdf=RESULTS / "figures/figure2.pdf",
            png=RESULTS / "figures/figure2.png",
            csv=RESULTS / "figures/figure2.csv",
        log:
            RESULTS / "logs/figures/figure2.log",
        params:
            name="figure2",
            inputs=as_pairs,
            models=models_shown("figures", "figure2"),
            code=fingerprint("steps.figure", "figures.figure2"),
        shell:
            FIGURE_COMMAND


if PRESET.figures.figure3:

    rule figure3:
        input:
            **shown("figures", "figure3"),
        output:
            pdf=RESULTS / "figures/figure3.pdf",
            png=RESULTS / "figures/figure3.png",
            csv=RESULTS / "figures/figure3.csv",
        log:
            RESULTS / "logs/figures/figure3.log",
        params:
            name="figure3",
            inputs=as_pairs,
            models=models_shown("figures", "figure3"),
            code=fingerprint("steps.figure", "figures.figure3"),
        shell:
            FIGURE_COMMAND


if PRESET.figures.figureA1:

    rule figureA1:
        input:
            **shown("figures", "figureA1"),
        output:
            pdf=RESULTS / "figures/figureA1.pdf",
            png=RESULTS / "figures/figureA1.png",
            csv=RESULTS / "figures/figureA1.csv",
        log:
            RESULTS / "logs/figures/figureA1.log",
        params:
            name="figureA1",
            inputs=as_pairs,
            models=models_shown("figures", "figureA1"),
            code=fingerprint("steps.figure", "figures.figureA1"),
        shell:
            FIGURE_COMMAND


if PRESET.figures.figureA2:

    rule figureA2:
        input:
            **shown("figures", "figureA2"),
        output:
            pdf=RESULTS / "figures/figureA2.pdf",
            png=RESULTS / "figures/figureA2.png",
            csv=RESULTS / "figures/figureA2.csv",
        log:
            RESULTS / "logs/figures/figureA2.log",
        params:
            name="figureA2",
            inputs=as_pairs,
            models=models_shown("figures", "figureA2"),
            code=fingerprint("steps.figure", "figures.figureA2"),
        shell:
            FIGURE_COMMAND


if PRESET.figures.figureA3:

    rule figureA3:
        input:
            **shown("figures", "figureA3"),
        output:
            pdf=RESULTS / "figures/figureA3.pdf",
            png=RESULTS / "figures/figureA3.png",
            csv=RESULTS / "figures/figureA3.csv",
        log:
            RESULTS / "logs/figures/figureA3.log",
        params:
            name="figureA3",
            inputs=as_pairs,
            models=models_shown("figures", "figureA3"),
            code=fingerprint("steps.figure", "figures.figureA3"),
        shell:
            FIGURE_COMMAND
