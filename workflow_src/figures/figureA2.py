"""Example orbits of the models on the forced Lorenz-96 system.

First row: a stretch of the test trajectory, first component. Below, one row per model: the free-running orbit from the
same state, of the run with the median state space divergence, where diverged runs are the worst: of an even number the
better one of the two in the middle, and if that diverged the worst of the finite ones. Its divergence, its seed, and
the number of finite runs out of all runs stand at the right, at the left what share of the updates of the others a
model had if it had fewer. An orbit that leaves the frame goes on outside it.
"""

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from workflow_src.effort import shares_of
from workflow_src.figures import labels, scales, style
from workflow_src.figures.runs import lengths_of, long_form, models_of, runs_of, shown_embedding, trace_rows


def numbers(models: xr.Dataset) -> pd.DataFrame:
    """The truth and one generated orbit per model; a model without a finite run has one row without a value."""
    component = str(models["component"].values[0])
    length = lengths_of(models)[-1]
    steps = models["example_step"].to_numpy()
    key = {"panel": "A2", "x_name": "time_step", "y_name": component}
    rows = trace_rows(steps, models["truth_example"].sel(component=component).to_numpy(), series="truth", **key)
    for model in models_of(models):
        runs = runs_of(
            models,
            "state_space_divergence",
            model=model,
            sequence_length=length,
            embedding=shown_embedding(models),
        )
        counts = {"runs": runs.values.size, "diverged": int(runs.diverged.sum())}
        rows.append(
            {
                "panel": "A2",
                "series": model,
                "statistic": "shown run",
                "seed": runs.median_seed,
                "y_name": f"state_space_divergence {shown_embedding(models)}",
                "y": float(runs.values[runs.seeds == runs.median_seed][0]) if runs.median_seed is not None else None,
            }
            | counts
        )
        if runs.median_seed is not None:
            orbit = models["generated_example"].sel(
                model=model, sequence_length=length, seed=runs.median_seed, component=component
            )
            rows += trace_rows(steps, orbit.to_numpy(), series=model, seed=runs.median_seed, **key)
    return long_form(rows)


def draw(models: xr.Dataset) -> Figure:
    """Draw the figure from the aggregated runs of the shown models, in their order."""
    table = numbers(models)
    names = models_of(models)
    colours = style.model_colours(names)
    shares = shares_of(models)
    figure = style.figure(style.TWO_COLUMNS, 12 + 15 * (len(names) + 1))
    rows = figure.subplots(len(names) + 1, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    truth = table[table["series"] == "truth"]
    symbol = labels.component_label(str(models["component"].values[0]))
    for axes, series in zip(rows, ["truth", *names], strict=True):
        trace = table[(table["series"] == series) & (table["statistic"] == "trace")]
        colour = style.BLACK if series == "truth" else colours[series]
        axes.plot(trace["x"].to_numpy(float), trace["y"], color=colour, linewidth=0.6)
        title = "data" if series == "truth" else labels.label_of(series)
        title += f" ({shares[series]})" if series in shares else ""
        axes.set_title(title, loc="left", pad=2, color=colour)
        axes.set_ylabel(symbol)
        if series != "truth":
            shown = table[(table["series"] == series) & (table["statistic"] == "shown run")].iloc[0]
            axes.set_title(_words(shown), loc="right", pad=2, fontsize=style.SMALL, color=style.GREY)
    scales.limits_of(rows[0], truth["y"])
    rows[-1].set_xlim(truth["x"].min(), truth["x"].max())
    rows[-1].set_xlabel("time step")
    return figure


def _words(shown: pd.Series) -> str:
    runs, diverged = int(shown["runs"]), int(shown["diverged"])
    if diverged == runs:
        return f"all {runs} runs diverged" if runs != 1 else "the run diverged"
    symbol = labels.divergence_label(str(shown["y_name"]).split()[-1]).split("  ")[0]
    return f"{symbol} = {shown['y']:.2f} (seed {int(shown['seed'])}); {runs - diverged}/{runs} runs finite"
