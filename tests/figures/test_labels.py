"""Names of a preset become words and symbols."""

import doctest

import pytest

from workflow_src.figures import labels


@pytest.mark.parametrize(
    ("model", "label"),
    [
        ("shplrnn", "shPLRNN"),
        ("shplrnn_full", "shPLRNN"),
        ("shplrnn_quasi", "quasi"),
        ("shplrnn_rank5", "shPLRNN r = 5"),
        ("shplrnn_rank12", "shPLRNN r = 12"),
        ("shplrnn_m20", "shPLRNN, M = 20"),
        ("shplrnn_m20_quasi", "shPLRNN, M = 20, quasi"),
        ("shplrnn_m3_l50", "shPLRNN, M = 3, L = 50"),
        ("lssm", "LSSM"),
        ("lssm_mar", "LSSM + MAR"),
        ("lssm_mar_1em3", "LSSM, λ = 1e-3"),
        ("lssm_mar1em3", "LSSM, λ = 1e-3"),
        ("lssm_mar_0", "LSSM, λ = 0"),
        ("mamba2_7k", "Mamba-2-7k"),
        ("mamba2_17k", "Mamba-2-17k"),
        ("mamba2_130k", "Mamba-2-130k"),
        ("something_new", "something, new"),
    ],
)
def test_model_names_become_words(model, label):
    assert labels.label_of(model) == label


def test_examples_in_the_docstrings_hold():
    assert doctest.testmod(labels).failed == 0


@pytest.mark.parametrize(
    ("embedding", "label"),
    [
        ("m1_tau1", r"$D_\mathrm{stsp}$"),
        ("m2_tau200", r"$D_\mathrm{stsp}^\mathrm{DE}$  ($m = 2$, $\tau = 200$)"),
    ],
)
def test_delays_stand_on_the_axis(embedding, label):
    assert labels.divergence_label(embedding) == label
