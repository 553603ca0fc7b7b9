"""Words for the names that a preset gives: models, components, embeddings."""

import re

LABELS = {
    "shplrnn": "shPLRNN",
    "shplrnn_quasi": "quasi",
    "shplrnn_full": "shPLRNN",
    "shplrnn_bursting": "shPLRNN",
    "shplrnn_rank5": "shPLRNN r = 5",
    "lssm": "LSSM",
    "lssm_mar": "LSSM + MAR",
    "mamba2_7k": "Mamba-2-7k",
    "mamba2_17k": "Mamba-2-17k",
}
SPECTRUM = r"$D_\mathrm{H}$"
_ARCHITECTURES = {"shplrnn": "shPLRNN", "lssm": "LSSM", "mamba2": "Mamba-2"}
_MODIFIERS: tuple[tuple[str, str], ...] = (
    (r"rank(\d+)", r" r = \1"),
    (r"m(\d+)", r", M = \1"),
    (r"l(\d+)", r", L = \1"),
    (r"mar_?(\d+)em(\d+)", r", λ = \1e-\2"),
    (r"mar_?(\d+)e(\d+)", r", λ = \1e\2"),
    (r"mar_?0", r", λ = 0"),
    (r"mar", r" + MAR"),
    (r"(\d+k)", r"-\1"),
    (r"quasi", r", quasi"),
)


def label_of(model: str) -> str:
    """Words for the name that a preset gives to a model.

    >>> label_of("lssm_mar_1em3"), label_of("shplrnn_rank7")
    ('LSSM, λ = 1e-3', 'shPLRNN r = 7')
    """
    if model in LABELS:
        return LABELS[model]
    architecture, _, rest = model.partition("_")
    words = _ARCHITECTURES.get(architecture, architecture)
    while rest:
        for pattern, text in _MODIFIERS:
            if found := re.match(pattern + r"(?:_|$)", rest):
                words += re.sub(pattern, text, found.group().removesuffix("_"))
                rest = rest[found.end() :]
                break
        else:
            word, _, rest = rest.partition("_")
            words += f", {word}"
    return words


def tick_label(model: str) -> str:
    """`label_of` in two lines, where it has two parts.

    >>> tick_label("lssm_mar_1em3"), tick_label("mamba2_7k")
    ('LSSM\\nλ = 1e-3', 'Mamba-2\\n7k')
    """
    return re.sub(r", | (?=r = )| (?=\+ )|(?<=Mamba-2)-", "\n", label_of(model), count=1)


def component_label(component: str) -> str:
    """An observed component as a symbol: x1 becomes x with index 1, the membrane potential is upper case.

    >>> component_label("x1"), component_label("v")
    ('$x_{1}$', '$V$')
    """
    if component == "v":
        return "$V$"
    found = re.fullmatch(r"([a-z]+)(\d+)", component)
    return f"${found[1]}_{{{found[2]}}}$" if found else f"${component}$"


def divergence_label(embedding: str) -> str:
    """Axis label of the state space divergence under a delay embedding such as `m2_tau200`."""
    found = re.fullmatch(r"m(\d+)_tau(\d+)", embedding)
    if found is None:
        return rf"$D_\mathrm{{stsp}}$ ({embedding})"
    if found[1] == "1":
        return r"$D_\mathrm{stsp}$"
    return rf"$D_\mathrm{{stsp}}^\mathrm{{DE}}$  ($m = {found[1]}$, $\tau = {found[2]}$)"


def counted(runs: int, diverged: int) -> str:
    """Number of runs for a legend: `10 runs`, or `10 runs, 2 diverged`."""
    noun = "run" if runs == 1 else "runs"
    return f"{runs} {noun}, {diverged} diverged" if diverged else f"{runs} {noun}"
