"""Tables from synthetic aggregated arrays: their numbers, and what readers see of them."""

import numpy as np
import pandas as pd
import pytest

from tests.figures import synthetic
from workflow_src import store
from workflow_src.errors import UserError
from workflow_src.steps import table
from workflow_src.tables import table1, table2, table3, table4, table5, tableA1, write

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


def lengths(name="shplrnn_full"):
    return synthetic.experiment((name,), (128, 512), 3, diverged={(name, 128): (0,)})


def test_table2_pools_all_lengths_and_runs():
    dataset = lengths()
    runtime = synthetic.runtime((8,), (128, 512)).assign_coords(model=["shplrnn_full"])
    frame = table2.build(dataset, dataset, lorenz96_runtime=runtime, bursting_runtime=runtime)
    assert frame["system"].tolist() == ["forced Lorenz-96", "bursting neuron"]
    row = frame.iloc[0]
    values = dataset["forecast_rmse"].to_numpy().ravel()
    values = values[np.isfinite(values)]
    assert values.size == 5
    assert (row["rmse_mean"], row["rmse_sem"]) == pytest.approx((values.mean(), values.std(ddof=1) / np.sqrt(5)))
    assert (row["runs"], row["diverged"]) == (6, 1)


def test_table2_times_are_medians_at_the_longest_timed_length():
    runtime = synthetic.runtime((8,), (128, 512, 2048))
    runtime["update_time"].loc[{"sequence_length": 2048}] = np.nan
    frame = table2.build(lengths(), lengths(), lorenz96_runtime=runtime, bursting_runtime=runtime)
    row = frame.iloc[0]
    times = runtime["update_time"].sel(model="shplrnn_m8", sequence_length=512).median("sample")
    assert row["timed_length"] == 512
    assert row["deer_seconds"] == pytest.approx(times.sel(solver="deer").item())
    assert row["ratio"] == pytest.approx(times.sel(solver="sequential").item() / times.sel(solver="deer").item())


def test_table2_takes_no_other_models_time():
    runtime = synthetic.runtime((8, 16), (128,))
    frame = table2.build(lengths(), lengths(), lorenz96_runtime=runtime, bursting_runtime=runtime)
    assert frame[["deer_seconds", "sequential_seconds", "ratio"]].isna().all(axis=None)


def test_tableA1_has_the_symbols_of_the_equations_in_their_order():
    frame = tableA1.build(dataset=synthetic.simulated_bursting())
    assert frame["symbol"].tolist() == ["I", "C_m", "V_hNa", "tau_h", "g_NMDA"]
    assert frame["value"].tolist() == [0.0, 6.0, -20.0, 200.0, 10.2]


ROWS = pd.DataFrame(
    [
        ("lorenz63_full", "updates", "10000", "assumed"),
        ("lorenz63_full", "forcing_strength", "0.1", "assumed"),
        ("lorenz96_models", "updates", "20000", "assumed"),
        ("lorenz96_models", "schedule", "cosine", "App. H.4.2"),
    ],
    columns=["experiment", "key", "value", "source"],
)


def test_table5_has_a_row_per_key_and_a_column_per_experiment():
    frame = table5.build(ROWS)
    assert frame.columns.tolist() == ["key", "lorenz63_full", "lorenz96_models"]
    assert frame["key"].tolist() == ["updates", "forcing_strength", "schedule"]
    assert frame["lorenz63_full"].tolist() == ["10000 (assumed)", "0.1 (assumed)", ""]


def test_table5_refuses_a_key_that_stands_twice():
    with pytest.raises(UserError, match="states updates twice"):
        table5.build(pd.concat([ROWS, ROWS.iloc[:1]]))


# --- what readers see -------------------------------------------------------------------------------------------------


def test_mean_and_error_share_a_cell_and_their_decimals():
    frame = pd.DataFrame(
        {"divergence_mean": [1.23456, 12.0, np.nan, 3.0], "divergence_sem": [0.0123, 1.5, np.nan, np.nan]}
    )
    assert write.presented(frame)["D_stsp (mean ± SEM)"].tolist() == ["1.235 ± 0.012", "12.0 ± 1.5", "–", "3"]


def test_integers_are_exact_and_floats_have_three_digits():
    frame = pd.DataFrame({"parameter_count": [16885], "ratio": [123.456], "mar_strength": [1e-4], "runs": [10]})
    assert write.presented(frame).iloc[0].tolist() == ["16885", "123", "0.0001", "10"]


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
    assert "D\\_stsp (mean ± SEM)" in files["md"].read_text(encoding="utf-8")
    assert r"\bottomrule" in files["tex"].read_text(encoding="utf-8")


def test_the_door_reads_rows_as_text(tmp_path):
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    files = {suffix: tmp_path / f"table5.{suffix}" for suffix in ("csv", "md", "tex")}
    outputs = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    table.main(["--table", "table5", "--inputs", f"rows={tmp_path}/rows.csv", "--models", "all", *outputs])
    assert "10000 (assumed)" in files["md"].read_text(encoding="utf-8")
