"""A table as CSV for machines, as Markdown and as LaTeX (booktabs) for readers.

The CSV holds the frame as it is. For readers, a pair of columns `x_mean` and `x_sem` becomes one column mean ± SEM, a
pair `x` and `x_error` one column x ± Monte-Carlo error, columns that only machines need go, numbers have three
significant digits, an infinite one reads `diverged`, and what is missing is a dash.
"""

import math
import numbers
import re
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from workflow_src import store

DIGITS = 3
MISSING = "–"
DIVERGED = "diverged"
# LaTeX: columns with longer cells are wrapped, and longer tables go over several pages.
WIDEST_CELL = 40
MOST_ROWS = 50
MEAN = " (mean ± SEM, finite runs)"
MONTE_CARLO = " (± MC)"
HEADS = {
    "setting": "Setting",
    "system": "System",
    "label": "Model",
    "sequence_length": "T",
    "embedding": "Embedding",
    "divergence_mean": "D_stsp",
    "divergence_median": "median",
    "divergence_worst": "worst finite",
    "divergence_floor": "floor",
    "loss_final": "loss",
    "newton_iterations_final": "iterations",
    "unconverged_share": "unconverged",
    "lyapunov_exponent": "λ free",
    "lyapunov_exponent_forced": "λ forced",
    "forced_contraction_bound": "bound",
    "runs": "runs",
    "diverged": "diverged",
    "parameter_count": "parameters",
    "mar_strength": "λ_MAR",
    "forecast_steps": "steps n",
    "rmse_mean": "RMSE(n)",
    "rmse_median": "median",
    "rmse_persistence": "persistence",
    "timed_length": "T (timed)",
    "deer_seconds": "GTF-DEER (s)",
    "sequential_seconds": "sequential (s)",
    "ratio": "ratio",
    "symbol": "Parameter",
    "value": "Value",
    "section": "Part",
    "name": "Name",
    "key": "Hyper-parameter",
    "source": "Source",
}
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "λ": r"$\lambda$",
    "α": r"$\alpha$",
    "τ": r"$\tau$",
    "×": r"$\times$",
    "–": "--",
}
_LATEX_HEADS = {
    "D_stsp (mean ± SEM, finite runs)": r"$D_\mathrm{stsp}$ (mean $\pm$ SEM, finite runs)",
    "RMSE(n) (mean ± SEM, finite runs)": r"RMSE($n$) (mean $\pm$ SEM, finite runs)",
    "λ_MAR": r"$\lambda_\mathrm{MAR}$",
    "T": "$T$",
    "T (timed)": "$T$ (timed)",
    "steps n": "steps $n$",
}
_MARKDOWN = re.compile(r"([\\|*_`<>\[\]~])")


def write(frame: pd.DataFrame, *, csv: Path, markdown: Path, latex: Path) -> None:
    """Write the three files, each whole or not at all."""
    store.write_atomically(csv, lambda path: frame.to_csv(path, index=False, lineterminator="\n"))
    for target, text in ((markdown, to_markdown(frame)), (latex, to_latex(frame))):
        store.write_atomically(target, lambda path, text=text: path.write_text(text, encoding="utf-8"))


def presented(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame as readers see it: all cells are text."""
    columns: dict[str, list[str]] = {}
    for name in map(str, frame.columns):
        if name.endswith(("_sem", "_error")) or (name == "model" and "label" in frame):
            continue
        texts = [_text(value) for value in frame[name]]
        head = HEADS.get(name, name)
        spread = name.removesuffix("_mean") + "_sem"
        if name.endswith("_mean") and spread in frame:
            head += MEAN
            texts = [_with_error(mean, sem) for mean, sem in zip(frame[name], frame[spread], strict=True)]
        elif f"{name}_error" in frame:
            head += MONTE_CARLO
            texts = [
                _with_error(value, error) for value, error in zip(frame[name], frame[f"{name}_error"], strict=True)
            ]
        columns[head] = texts
    return pd.DataFrame(columns, dtype=object)


def to_markdown(frame: pd.DataFrame) -> str:
    """A pipe table; characters that Markdown reads as markup are escaped."""
    shown = presented(frame)
    escaped = [[_MARKDOWN.sub(r"\\\1", cell) for cell in row] for row in shown.to_numpy().tolist()]
    heads = [_MARKDOWN.sub(r"\\\1", head) for head in shown.columns]
    return tabulate(escaped, heads, tablefmt="pipe", disable_numparse=True, colalign=_alignment(frame, shown)) + "\n"


def to_latex(frame: pd.DataFrame) -> str:
    """A tabular environment with the rules of the package booktabs; a long frame needs the package longtable."""
    shown = presented(frame)
    symbols = [head == HEADS["symbol"] for head in shown.columns]
    heads = " & ".join(_LATEX_HEADS.get(head, latex_escape(head)) for head in shown.columns) + r" \\"
    lines = []
    for row in shown.to_numpy().tolist():
        cells = [_symbol(cell) if math_ else latex_escape(cell) for cell, math_ in zip(row, symbols, strict=True)]
        lines.append(" & ".join(cells) + r" \\")
    is_long = len(lines) > MOST_ROWS
    environment = "longtable" if is_long else "tabular"
    begin = rf"\begin{{{environment}}}{{{''.join(_columns(frame, shown))}}}"
    top = [begin, r"\toprule", heads, r"\midrule", *([r"\endhead"] if is_long else [])]
    return "\n".join([*top, *lines, r"\bottomrule", rf"\end{{{environment}}}", ""])


def _columns(frame: pd.DataFrame, shown: pd.DataFrame) -> list[str]:
    """The column types of LaTeX."""
    wide = [head for head in shown.columns if shown[head].str.len().max() > WIDEST_CELL]
    wrapped = rf"p{{{0.5 / max(len(wide), 1):.2f}\linewidth}}"
    return [wrapped if h in wide else side[0] for h, side in zip(shown.columns, _alignment(frame, shown), strict=True)]


def latex_escape(text: str) -> str:
    """Text that LaTeX prints as it stands."""
    return "".join(_LATEX.get(character, character) for character in text)


def _symbol(text: str) -> str:
    """`tau_n` or `V_hNa` in mathematics, with an upright index."""
    base, _, index = text.partition("_")
    base = rf"\{base}" if base == "tau" else latex_escape(base)
    return f"${base}" + (rf"_\mathrm{{{latex_escape(index)}}}" if index else "") + "$"


def _text(value: object) -> str:
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        number = float(value)
        if math.isnan(number):
            return MISSING
        if number == math.inf:
            return DIVERGED
        return f"{number:.0f}" if number.is_integer() and abs(number) < 1e6 else f"{number:.{DIGITS}g}"
    return MISSING if value is None or value is pd.NA else str(value)


def _with_error(mean: float, error: float) -> str:
    """Mean ± standard error with as many decimals as two digits of the error need."""
    if not math.isfinite(mean):
        return _text(mean)
    if not math.isfinite(error) or error <= 0:
        return f"{mean:.{DIGITS}g}"
    decimals = 1 - math.floor(math.log10(error))
    if decimals > 6 or decimals < 0:
        return f"{mean:.{DIGITS}g} ± {error:.2g}"
    return f"{mean:.{decimals}f} ± {error:.{decimals}f}"


def _alignment(frame: pd.DataFrame, shown: pd.DataFrame) -> list[str]:
    """Numbers to the right, text to the left."""
    numeric = {HEADS.get(str(name), str(name)) for name in frame if pd.api.types.is_numeric_dtype(frame[name])}
    return [
        "right" if head.removesuffix(MEAN).removesuffix(MONTE_CARLO) in numeric else "left" for head in shown.columns
    ]
