"""Tables from synthetic aggregated arrays: their numbers, and what readers see of them."""

import numpy as np
import pandas as pd
import pytest

from tests.figures import synthetic
from workflow_src import store
from workflow_src.steps import table
from workflow_src.tables import table1, table3, table4, tableA1, write

MODELS = ("lssm_mar_1em3", "lssm", "shplrnn_full")
LOST = {("lssm", 512): (0, 1, 2), ("shplrnn_full", 512): (1,)}


@pytest.fixture
def models():
    return synthetic.experiment(MODELS, (512,), 3, diverged=LOST, embeddings=("m2_tau500",))


def test_table1_has_all_embeddings_of_both_settings():
    full = synthetic.experiment(("shplrnn", "shplrnn_quasi"), (1000,), 3, embeddings=("m1_tau1",))
    partial = synthetic.experiment(("shplrnn", "shplrnn_quasi"), (1000,), 3, embeddings=("m3_tau10", "m3_tau20"))
    frame = table1.build(full=full, partial=partial)
    assert frame["setting"].tolist() == ["FO"] * 2 + ["PO"] * 4
    assert frame["embedding"].tolist() == ["m1_tau1"] * 2 + ["m3_tau10", "m3_tau20"] * 2
    values = (
        partial["state_space_divergence"].sel(model="shplrnn", sequence_length=1000, embedding="m3_tau20").to_numpy()
    )
    row = frame.iloc[3]
    assert row["divergence_mean"] == pytest.approx(values.mean())
    assert row["divergence_sem"] == pytest.approx(values.std(ddof=1) / np.sqrt(3))
    assert row["divergence_median"] == pytest.approx(np.median(values))


def quasi():
    """Settings of table 1 in which one quasi run diverged in training and one in generation."""
    names = ("shplrnn", "shplrnn_quasi")
    full = synthetic.experiment(
        names, (1000,), 5, embeddings=("m1_tau1",), diverged={("shplrnn_quasi", 1000): (0, 3)}, floor=0.2
    )
    return full, synthetic.experiment(names, (1000,), 5, embeddings=("m3_tau20",), bounded=False)


def test_table1_states_loss_iterations_and_unconverged_updates_of_the_training():
    full, partial = quasi()
    full["converged_fraction"][:] = 0.5  # not read: counted per update, not per bin
    row = table1.build(full=full, partial=partial).set_index(["setting", "model"]).loc[("FO", "shplrnn_quasi")]
    end = full.sel(model="shplrnn_quasi", sequence_length=1000).isel(update=slice(-4, None))
    sound = end.sel(seed=[1, 2, 3, 4])  # seed 3 diverged after its training
    # Of five, the third, for that which diverged in training is the worst.
    assert row["loss_final"] == pytest.approx(np.sort(sound["loss"].mean("update"))[2])
    assert row["newton_iterations_final"] == pytest.approx(np.sort(sound["newton_iterations"].mean("update"))[2])
    at = full["diverged_at"].sel(model="shplrnn_quasi", seed=0).item()
    assert row["unconverged_share"] == pytest.approx(500 / (40_000 + at))


def test_table1_states_worst_run_and_monte_carlo_errors():
    full, partial = quasi()
    row = table1.build(full=full, partial=partial).set_index(["setting", "model"]).loc[("FO", "shplrnn_quasi")]
    values = full["state_space_divergence"].sel(model="shplrnn_quasi", sequence_length=1000, embedding="m1_tau1")
    finite = values.sel(seed=[1, 2, 4]).to_numpy()
    assert row["divergence_worst"] == finite.max()
    assert row["divergence_median"] == finite.max(), "the third of five, two of which diverged"
    assert row["divergence_median_error"] == pytest.approx(0.02 * finite.max())
    assert (row["divergence_floor"], row["divergence_floor_error"]) == pytest.approx((0.2, 0.01))


def test_table1_states_exponents_and_the_bound_where_there_is_one():
    frame = table1.build(*quasi()).set_index(["setting", "model"])
    columns = ["lyapunov_exponent", "lyapunov_exponent_forced", "forced_contraction_bound"]
    assert frame.loc[("FO", "shplrnn"), columns].tolist() == pytest.approx([0.0092, -0.198, -0.1])
    assert frame.loc[("PO", "shplrnn"), columns].tolist() == pytest.approx([0.0092, -0.198, np.nan], nan_ok=True)


def test_table1_keeps_a_model_all_of_whose_runs_diverged():
    lost = synthetic.experiment(("shplrnn",), (1000,), 3, diverged={("shplrnn", 1000): (0, 1, 2)})
    row = table1.build(full=lost, partial=lost).iloc[0]
    assert (row["runs"], row["diverged"]) == (3, 3)
    assert np.isnan([row["divergence_worst"], row["divergence_median_error"]]).all()
    assert row["divergence_median"] == np.inf


def test_table1_reads_well():
    text = write.to_markdown(table1.build(*quasi()))
    head = [cell.strip() for cell in text.splitlines()[0].strip("|").split("|")]
    assert head[3:6] == ["loss", "iterations", "unconverged"]
    assert head[7:11] == ["D\\_stsp (mean ± SEM, finite runs)", "median (± MC)", "worst finite", "floor (± MC)"]
    assert head[11:] == ["λ free", "λ forced", "bound", "runs", "diverged"]
    assert "0.200 ± 0.010" in text
    assert write.to_latex(table1.build(*quasi())).isascii()


def test_table3_counts_runs_and_keeps_models_without_a_finite_one(models):
    frame = table3.build(models=models).set_index("model")
    assert frame.loc["lssm", ["runs", "diverged"]].tolist() == [3, 3]
    assert np.isnan(frame.loc["lssm", "divergence_mean"])
    assert frame.loc["shplrnn_full", ["runs", "diverged"]].tolist() == [3, 1]
    finite = models["state_space_divergence"].sel(model="shplrnn_full", seed=[0, 2]).to_numpy()
    assert frame.loc["shplrnn_full", "divergence_mean"] == pytest.approx(finite.mean())
    assert frame.loc["lssm", "parameter_count"] == 4100


def test_table3_finds_models_by_name(models):
    one = table3.build(models=models).set_index("model")
    other = table3.build(models=models.isel(model=[2, 0, 1])).set_index("model")
    pd.testing.assert_frame_equal(one, other.loc[one.index])


def test_table4_ascends_in_lambda(models):
    frame = table4.build(models=models)
    assert frame["mar_strength"].tolist() == [0.01, 0.1, 1.0]
    assert frame["model"].tolist() == ["shplrnn_full", "lssm", "lssm_mar_1em3"]


def test_tableA1_has_the_symbols_of_the_equations_in_their_order():
    frame = tableA1.build(dataset=synthetic.simulated_bursting())
    assert frame["symbol"].tolist() == ["I", "C_m", "V_hNa", "tau_h", "g_NMDA"]
    assert frame["value"].tolist() == [0.0, 6.0, -20.0, 200.0, 10.2]


def test_mean_and_error_share_a_cell_and_their_decimals():
    frame = pd.DataFrame(
        {"divergence_mean": [1.23456, 12.0, np.nan, 3.0], "divergence_sem": [0.0123, 1.5, np.nan, np.nan]}
    )
    assert write.presented(frame)["D_stsp (mean ± SEM, finite runs)"].tolist() == [
        "1.235 ± 0.012",
        "12.0 ± 1.5",
        "–",
        "3",
    ]


def test_integers_are_exact_and_floats_have_three_digits():
    frame = pd.DataFrame({"parameter_count": [16885], "ratio": [123.456], "mar_strength": [1e-4], "runs": [10]})
    assert write.presented(frame).iloc[0].tolist() == ["16885", "123", "0.0001", "10"]


def test_a_median_that_is_infinite_reads_diverged(models):
    shown = write.presented(table3.build(models=models)).set_index("Model")
    assert shown.loc["LSSM", "median"] == "diverged"
    assert float(shown.loc["shPLRNN", "median"]) > 0


def test_markdown_is_escaped():
    text = write.to_markdown(pd.DataFrame({"key": ["a|b", "long_name*"], "source": ["<b>", "[x]"]}))
    assert r"a\|b" in text
    assert r"long\_name\*" in text
    assert r"\<b\>" in text
    lines = text.splitlines()
    assert len(lines) == 4
    assert set(lines[1]) <= set("|:-")


def test_latex_is_escaped_and_uses_booktabs():
    text = write.to_latex(pd.DataFrame({"key": ["50 % & more_", r"back\slash", "λ ± {x}~^"], "runs": [1, 2, 3]}))
    assert r"50 \% \& more\_ & 1 \\" in text
    assert r"back\textbackslash{}slash & 2 \\" in text
    assert r"$\lambda$ $\pm$ \{x\}\textasciitilde{}\textasciicircum{} & 3 \\" in text
    for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\begin{tabular}{lr}"):
        assert rule in text


def test_latex_is_ascii(models):
    frames = [table3.build(models), table4.build(models), tableA1.build(synthetic.simulated_bursting())]
    assert all(write.to_latex(frame).isascii() for frame in frames)


def test_symbols_are_mathematics_in_latex():
    text = write.to_latex(tableA1.build(synthetic.simulated_bursting()))
    assert r"$V_\mathrm{hNa}$ & -20 \\" in text
    assert r"$\tau_\mathrm{h}$ & 200 \\" in text
    assert r"$I$ & 0 \\" in text


def test_the_door_writes_three_files(tmp_path, models):
    store.save(tmp_path / "models.nc", models)
    files = {suffix: tmp_path / f"table3.{suffix}" for suffix in ("csv", "md", "tex")}
    outputs = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    chosen = "shplrnn_full,lssm"
    table.main(["--table", "table3", "--inputs", f"models={tmp_path}/models.nc", "--models", chosen, *outputs])
    frame = pd.read_csv(files["csv"])
    assert frame["model"].tolist() == ["shplrnn_full", "lssm"]
    assert "D\\_stsp (mean ± SEM, finite runs)" in files["md"].read_text(encoding="utf-8")
    assert r"\bottomrule" in files["tex"].read_text(encoding="utf-8")
