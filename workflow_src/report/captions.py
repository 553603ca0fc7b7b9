"""Titles, captions and alternative texts of figures and tables."""

from typing import NamedTuple


class Words(NamedTuple):
    """What stands beside a figure or above a table.

    Attributes:
        alt: what a reader who does not see the picture needs to know of its build; empty for a table.
    """

    title: str
    caption: str
    alt: str = ""


FIGURES = {
    "figure1": Words(
        "How fast training steps are, and how many Newton iterations they take",
        "A: time of one loss and gradient on Lorenz-63, step by step and by GTF-DEER, against sequence length, and the"
        " ratio of both. B: Newton iterations of trained models against forcing strength, from three first guesses."
        " Points are medians, bars quartiles; open symbols and crosses are solves that did not all converge.",
        "Line plots: run time and speed-up over sequence length; Newton iterations over forcing strength for three"
        " initial guesses.",
    ),
    "figure2": Words(
        "Full against diagonal Jacobians",
        "Lorenz-63 observed in all components (FO) and in x alone (PO). A and B: loss and Newton iterations during"
        " training, thin lines for runs and thick ones for their median. C: how far the attractor of each trained model"
        " is from the true one (lower is better): a dot per run, diamonds for means with standard errors of the finite"
        " runs, short lines for medians, in which diverged runs count as the worst; a median in the top row has"
        " diverged. The dashed floor is the distance between two true orbits.",
        "Curves of loss and Newton iterations over updates for full and diagonal Jacobians, and a strip of state space"
        " divergences, one dot per run.",
    ),
    "figure3": Words(
        "Longer training sequences, and classes of models",
        "A: state space divergence against the length of training sequences, at the same number of samples per update,"
        " for forced Lorenz-96 and the bursting neuron, beside a generated stretch of the neuron's potential."
        " B: the same measure across model classes on Lorenz-96, with short lines for medians. Every dot is a run,"
        " diamonds are means with standard errors of the finite runs, crosses in the top row stand for diverged runs."
        " These count as the worst in medians; a median in the top row has diverged. The neuron's orbit is of the run"
        " with the median divergence, the better one of the two in the middle of an even number.",
        "Strips of state space divergence over sequence length for two systems, a trace of the membrane potential, and"
        " strips of the divergence for each model class.",
    ),
    "figureA1": Words(
        "The forced Lorenz-96 system",
        "One test orbit and no training: the slow external force, the local Lyapunov exponent by phase of the force"
        " (shaded where it is positive), the first component, and all components as colours.",
        "Four stacked panels over time: a periodic force, local exponents in eighths of the period, one component, and"
        " a colour map of all components.",
    ),
    "figureA2": Words(
        "Orbits that trained models generate",
        "The first component of forced Lorenz-96 above free-running orbits of the models from the same state. Each row"
        " shows the run with the median divergence, the better one of the two in the middle of an even number, with its"
        " divergence and seed at the right. Diverged runs count as the worst.",
        "Stacked time series: the true orbit first, then one generated orbit per model.",
    ),
    "figureA3": Words(
        "Short-term forecasts",
        "Forecast error in standard deviations of the data against the length of training sequences. Every dot is a"
        " run, diamonds are means with standard errors of the finite runs; the dashed line is persistence, the error of"
        " holding the last observation.",
        "Two strips of forecast error over sequence length, for forced Lorenz-96 and the bursting neuron.",
    ),
    "figureS1": Words(
        "How far the findings depend on what the paper leaves open",
        "One setting changed at a time on forced Lorenz-96, one row of panels each; shaded is the value behind the"
        " other figures. Left: state space divergence, a dot per run, with median and quartiles above the distance"
        " between two true orbits (dashed). Right: how many times further off the model is that the finding says to be"
        " worse, for the same seeds; right of 1 the finding holds. Crosses count diverged runs.",
        "A row of two panels per factor: strips of state space divergence for each of its values, and strips of the"
        " ratio of divergences that each finding is about.",
    ),
    "figureB1": Words(
        "At which frequencies models move",
        "A: power spectra of the true system and of a free-running model with the median distance. B: the Hellinger"
        " distance of spectra against the length of training sequences. C: the same across model classes. The dashed"
        " floor is the distance between two true orbits; crosses count diverged runs, the worst ones in medians.",
        "Two spectra each with the model's above the true one, and strips of Hellinger distance over sequence length"
        " and over model classes.",
    ),
    "figureB2": Words(
        "Lyapunov exponents of models and of true systems",
        "The largest exponent of the free-running map per unit of model time, a dot per run. Means and"
        " medians are those of the finite runs. Dashed is the exponent of the true system from its tangent map;"
        " positive exponents mean chaos.",
        "Strips of Lyapunov exponents for Lorenz-63 models, and over sequence length for forced Lorenz-96 and the"
        " bursting neuron.",
    ),
    "figureB3": Words(
        "Forecast error against lead time",
        "Median error over the runs in standard deviations of the data, from dark (short training sequences) to light"
        " (long ones), and across model classes. Diverged forecasts count as the worst: a curve ends where half of them"
        " or more did. Dashed is persistence, the error of holding the last observation.",
        "Curves of forecast error over lead time for two systems and for the model classes.",
    ),
    "figureB4": Words(
        "Learning curves against time and against data",
        "Median training loss of each training sequence length, from dark (short) to light (long): against the time"
        " that the pack of runs took, without compilation, and against the samples drawn so far. Losses of different"
        " lengths are not comparable in height; how soon they settle is.",
        "Curves of training loss over seconds and over samples, for two systems.",
    ),
    "figureB5": Words(
        "Controls for the effect of sequence length",
        "The runs of Figure 3A beside two controls on forced Lorenz-96. A: the same warm-up at every length, instead of"
        " a share of it. B: a forcing strength that follows the Jacobians during training instead of a constant one."
        " Diamonds are means with standard errors of the finite runs, crosses count diverged runs.",
        "Two strips of state space divergence over sequence length, each with the runs of Figure 3A and a control.",
    ),
}
TABLES = {
    "tableA1": Words("Parameters of the bursting neuron", "Symbols as in the paper's equations (64) and (65)."),
    "table1": Words(
        "Lorenz-63 with full and diagonal Jacobians",
        "Means are those of the finite runs; in medians, diverged runs count as the worst. Loss and iterations are"
        " medians of the last tenth of training; exponents are per step, medians of the finite runs.",
    ),
    "table2": Words(
        "Forecasts over all sequence lengths, and time per update at the longest",
        "Errors of the runs of all lengths: the mean is that of the finite runs; in the median, diverged runs count as"
        " the worst. Persistence is the error of holding the last observation. The ratio says how many times longer the"
        " evaluation step by step takes.",
    ),
    "table3": Words(
        "Model classes on forced Lorenz-96",
        "State space divergence, with the numbers of parameters and of training updates. Means are those of the finite"
        " runs; in medians, diverged runs count as the worst.",
    ),
    "table4": Words(
        "Regularising the slow units of the LSSM",
        "State space divergence over the strength of the regularisation. Means are those of the finite runs; in"
        " medians, diverged runs count as the worst.",
    ),
    "table5": Words(
        "Hyper-parameters and where they come from",
        "Every value of datasets, experiments and benchmarks; a dash stands where the value is a name.",
    ),
}


def of(kind: str, name: str) -> Words:
    """The words of a figure or table; its name alone where it has none yet.

    Args:
        kind: `figure` or `table`.
    """
    known = FIGURES if kind == "figure" else TABLES
    return known.get(name, Words(label(name), "", f"{label(name)}; its numbers are in the CSV file linked below."))


def label(name: str) -> str:
    """`Figure A1` for figureA1."""
    for kind in ("figure", "table"):
        if name.startswith(kind) and name != kind:
            return f"{kind.capitalize()} {name.removeprefix(kind)}"
    return name
