"""Settings and colours that all figures share."""

import matplotlib as mpl

from workflow_src.figures import style


def test_the_style_leaves_no_trace():
    before = dict(mpl.rcParams)
    with style.context():
        assert mpl.rcParams["pdf.fonttype"] == 42
    assert dict(mpl.rcParams) == before


def test_variants_of_an_architecture_share_its_colour_whatever_their_order():
    one = style.model_colours(["lssm", "shplrnn_rank5", "shplrnn"])
    assert one["shplrnn_rank5"] == one["shplrnn"] != one["lssm"]
    assert style.model_colours(["shplrnn", "lssm"])["lssm"] == one["lssm"]
