"""At which frequencies models move: power spectra and their Hellinger distance D_H from that of the data.

(A) Power spectral density of the first observed component of the forced Lorenz-96 system and of the bursting neuron,
smoothed: test trajectory (black) and free-running orbit of the run with the median distance at the longest T, the
better one of two (blue). (B) D_H, mean over components, against training sequence length T; 0 is the same spectrum, 1
none in common. Every run is a dot; diamonds and bars are mean and standard error over the finite runs; dashed, the
distance between two true orbits (floor). (C) The same for models trained on the forced Lorenz-96 system; short lines
are medians. n is the number of all runs of a point; crosses in the top row, with their number, stand for those that
diverged, which count as the worst in medians: a median in that row has diverged.
"""

import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_src.figures import labels, marks, scales, style
from workflow_src.figures.figure3 import SYSTEMS, draw_lengths, draw_models, generated_label
from workflow_src.figures.runs import (
    floor_row,
    lengths_of,
    long_form,
    models_of,
    point_rows,
    runs_of,
    trace_rows,
)

MEASURE = "spectrum_distance"
# Powers this far below the peak are those of the noise of a finite orbit.
DECADES = 7


def numbers(lorenz96: xr.Dataset, bursting: xr.Dataset, comparison: xr.Dataset) -> pd.DataFrame:
    """Spectra (A), distances over T (B) and distances per model at the longest T (C)."""
    rows = []
    for system, dataset in (("lorenz96", lorenz96), ("bursting", bursting)):
        rows += _spectrum_rows(dataset, f"A {system}")
        for model in models_of(dataset):
            for length in lengths_of(dataset):
                runs = runs_of(dataset, MEASURE, model=model, sequence_length=length)
                key = {"panel": f"B {system}", "series": model, "y_name": MEASURE}
                rows += point_rows(runs, x_name="sequence_length", x=length, **key)
        rows.append(_floor_row(dataset, f"B {system}"))
    length = lengths_of(comparison)[-1]
    for model in models_of(comparison):
        runs = runs_of(comparison, MEASURE, model=model, sequence_length=length)
        rows += point_rows(runs, panel="C", series=f"T = {length}", x_name="model", x=model, y_name=MEASURE)
    rows.append(_floor_row(comparison, "C"))
    return long_form(rows)


def draw(lorenz96: xr.Dataset, bursting: xr.Dataset, comparison: xr.Dataset) -> Figure:
    """Draw the figure from the aggregated runs of the three experiments.

    Args:
        lorenz96: over sequence lengths.
        bursting: over sequence lengths.
        comparison: over models; those that are shown, in their order.
    """
    table = numbers(lorenz96, bursting, comparison)
    figure = style.figure(style.TWO_COLUMNS, 150)
    upper, lower = style.parts(figure, heights=(2, 1))
    panels = upper.subplots(2, 2)
    for column, (system, dataset) in enumerate((("lorenz96", lorenz96), ("bursting", bursting))):
        spectra, distances = panels[:, column]
        _draw_spectra(spectra, table[table["panel"] == f"A {system}"], dataset)
        spectra.set_title(SYSTEMS[system])
        draw_lengths(distances, table[table["panel"] == f"B {system}"], dataset)
        distances.set_ylabel(labels.SPECTRUM)
    strip = lower.subplots()
    draw_models(strip, table[table["panel"] == "C"], comparison)
    strip.set_ylabel(labels.SPECTRUM)
    for axes, text in ((panels[0, 0], "A"), (panels[1, 0], "B"), (strip, "C")):
        style.letter(axes, text, left=34, up=4)
    lower.legend(
        handles=marks.statistic_handles(median=True, floor="floor (two true orbits)"),
        loc="outside lower center",
        ncols=4,
    )
    return figure


def _floor_row(dataset: xr.Dataset, panel: str) -> dict[str, object]:
    return floor_row(float(dataset[f"{MEASURE}_floor"]), panel=panel, series="floor", y_name=MEASURE)


def _spectrum_rows(dataset: xr.Dataset, panel: str) -> list[dict[str, object]]:
    length, model = lengths_of(dataset)[-1], models_of(dataset)[0]
    seed = runs_of(dataset, MEASURE, model=model, sequence_length=length).median_seed
    component = str(dataset["component"].values[0])
    # The mean was taken off: nothing stands at frequency 0.
    shown = dataset.isel(frequency=slice(1, None))
    frequencies = shown["frequency"].to_numpy()
    key = {"panel": panel, "x_name": "frequency", "y_name": f"power spectral density of {component}"}
    rows = trace_rows(frequencies, shown["truth_spectrum"].to_numpy(), series="truth", **key)
    if seed is not None:
        spectrum = shown["generated_spectrum"].sel(model=model, sequence_length=length, seed=seed)
        rows += trace_rows(frequencies, spectrum.to_numpy(), series="generated", seed=seed, **key)
    return rows


def _draw_spectra(axes: Axes, part: pd.DataFrame, dataset: xr.Dataset) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    for series, colour in (("truth", style.BLACK), ("generated", style.BLUE)):
        here = part[part["series"] == series]
        label = "data" if series == "truth" else generated_label(here, lengths_of(dataset)[-1])
        axes.plot(here["x"].to_numpy(float), here["y"], color=colour, linewidth=0.9, label=label)
    truth = part.loc[part["series"] == "truth", ["x", "y"]].to_numpy(float)
    axes.set_xlim(truth[0, 0], truth[-1, 0])
    peak = truth[:, 1].max()
    axes.set_ylim(max(peak / 10**DECADES, truth[:, 1].min() / 3), 3 * float(part["y"].max()))
    scales.log_ticks(axes)
    axes.set_xlabel("frequency (cycles per time step)")
    axes.set_ylabel(f"power density of {labels.component_label(str(dataset['component'].values[0]))}")
    axes.legend(loc="lower left")
