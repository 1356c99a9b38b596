import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from levercap.evaluation import leaderboard, match
from levercap.evaluation.comparison.multiple import daily_differences, holm, romano_wolf


def family(rng, days=200, hypotheses=6, shift=(), skewed=False) -> pd.DataFrame:
    def draw(size):
        return rng.exponential(size=size) ** 2 - 2 if skewed else rng.standard_t(5, size=size)

    values = draw((days, hypotheses)) + draw((days, 1))
    values[:, : len(shift)] += shift
    return pd.DataFrame(values, columns=[f"model {i}" for i in range(hypotheses)])


def slow_romano_wolf(frame: pd.DataFrame, block_days: int, draws: int, seed: int) -> list[float]:
    """Days drawn one by one, t values by definition, and the sets of the step-down written out."""
    values = frame.to_numpy()
    days, hypotheses = values.shape
    block = max(1, min(block_days, days // 5))
    blocks = -(-days // block)
    starts = np.random.default_rng(seed).integers(0, days, (draws, blocks))

    def present(x):
        return x[~np.isnan(x)]

    def error(block_list, mean, count):
        return np.sqrt(sum((present(b) - mean).sum() ** 2 for b in block_list)) / count

    t, resampled = [], np.zeros((draws, hypotheses))
    for j in range(hypotheses):
        x = values[:, j]
        mean = present(x).mean()
        every = [np.take(x, range(i, i + block), mode="wrap") for i in range(days)]
        t.append(mean / (error(every, mean, len(present(x))) / np.sqrt(block)))  # days / block independent blocks
        for draw in range(draws):
            drawn = [every[start] for start in starts[draw]]
            count = sum(len(present(b)) for b in drawn)
            drawn_mean = sum(present(b).sum() for b in drawn) / count
            resampled[draw, j] = (drawn_mean - mean) / error(drawn, drawn_mean, count)
    left, adjusted, floor = list(range(hypotheses)), [np.nan] * hypotheses, 0.0
    while left:
        best = min(left, key=lambda j: t[j])
        extreme = sum(min(resampled[draw, j] for j in left) <= t[best] for draw in range(draws))
        floor = max(floor, (1 + extreme) / (1 + draws))
        adjusted[best] = floor
        left.remove(best)
    return adjusted


@pytest.mark.parametrize(("days", "block"), [(203, 20), (90, 60)])
def test_romano_wolf_agrees_with_plain_loops(days, block):
    frame = family(np.random.default_rng(0), days, shift=[-0.5, -0.2, 0.1])
    frame.iloc[:30, 4] = np.nan
    frame.iloc[50:60, 2] = np.nan
    table = romano_wolf(frame, block, draws=60, seed=4)
    assert table["p_romano_wolf"].tolist() == pytest.approx(slow_romano_wolf(frame, block, 60, 4))
    assert table["difference"].tolist() == pytest.approx(frame.mean().tolist())
    assert (table["difference"] / table["standard_error"]).tolist() == pytest.approx(table["t"].tolist())


def slow_holm(p: list[float]) -> list[float]:
    """Smallest family-wise error at which each hypothesis is rejected, by running the step-down at that error."""

    def rejected(error):
        out = set()
        for rank, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
            if p[i] > error / (len(p) - rank):
                break
            out.add(i)
        return out

    errors = sorted({min(1.0, x * k) for x in p for k in range(1, len(p) + 1)} | {1.0})
    return [min((e for e in errors if i in rejected(e * (1 + 1e-12))), default=1.0) for i in range(len(p))]


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_agrees_with_running_the_step_down(p):
    assert holm(p).tolist() == pytest.approx(slow_holm(p))


def test_holm_published_example_and_missing_values():
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.01, np.nan, 0.03]).tolist() == pytest.approx([0.02, np.nan, 0.03], nan_ok=True)
    with pytest.raises(ValueError, match="lie in"):
        holm([0.5, 1.5])


def rejection_rate(column: str, true: slice, repetitions=300, **shape) -> float:
    """Share of repetitions in which at least one true null hypothesis is rejected at 5 %."""
    rng = np.random.default_rng(11)
    wrong = 0
    for seed in range(repetitions):
        table = romano_wolf(family(rng, **shape), 20, draws=199, seed=seed)
        wrong += (table[column].iloc[true] <= 0.05).any()
    return wrong / repetitions


@pytest.mark.parametrize("skewed", [False, True])
def test_family_wise_error_when_no_model_is_better(skewed):
    most = binom.ppf(0.9999, 300, 0.05) / 300
    assert rejection_rate("p_romano_wolf", slice(None), skewed=skewed) <= most
    assert rejection_rate("p", slice(None), skewed=skewed) > most  # without adjustment it is not controlled


def test_family_wise_error_when_some_models_are_better():
    assert rejection_rate("p_romano_wolf", slice(2, None), shift=[-2.0, -1.0]) <= binom.ppf(0.9999, 300, 0.05) / 300


def test_power_and_gain_over_holm_where_hypotheses_hang_together():
    rng = np.random.default_rng(2)
    found = {"p_romano_wolf": 0, "p_holm": 0}
    for seed in range(60):
        common = rng.normal(size=(300, 1)) - 0.19
        frame = pd.DataFrame(common + 0.1 * rng.normal(size=(300, 12)))
        table = romano_wolf(frame, 10, draws=299, seed=seed)
        for column in found:
            found[column] += (table[column] <= 0.05).mean() / 60
    assert found["p_romano_wolf"] > 0.75
    assert found["p_romano_wolf"] > found["p_holm"] + 0.1


def test_adjusted_values_are_ordered_and_one_hypothesis_needs_no_adjustment():
    frame = family(np.random.default_rng(3), shift=[-0.6, -0.3])
    table = romano_wolf(frame, draws=199)
    assert (table["p"] <= table["p_romano_wolf"]).all()
    assert table.sort_values("t")["p_romano_wolf"].is_monotonic_increasing
    alone = romano_wolf(frame[["model 0"]], draws=199).iloc[0]
    assert alone["p"] == alone["p_romano_wolf"] == alone["p_holm"] == table["p"].iloc[0]


def test_a_worse_model_is_never_better_and_a_seed_repeats():
    frame = family(np.random.default_rng(5), shift=[0.8])
    first, second = romano_wolf(frame, draws=99, seed=3), romano_wolf(frame, draws=99, seed=3)
    pd.testing.assert_frame_equal(first, second)
    assert first["p"].iloc[0] > 0.95


def test_columns_of_zeros_and_without_days():
    frame = family(np.random.default_rng(6), hypotheses=3, shift=[-1.0]).assign(same=0.0, none=np.nan)
    table = romano_wolf(frame, draws=99)
    assert table.loc["same", ["p", "p_holm", "p_romano_wolf"]].tolist() == [1, 1, 1]
    assert table.loc["none"].isna().all()
    assert table.loc["model 0", "p_romano_wolf"] == 0.01


def test_families_that_cannot_be_tested_are_refused():
    with pytest.raises(ValueError, match="days x hypotheses"):
        romano_wolf(pd.DataFrame())
    with pytest.raises(ValueError, match="no variation to test against in b"):
        romano_wolf(pd.DataFrame({"a": [1.0, 2.0], "b": [0.1, 0.1]}))


def test_daily_differences_are_those_of_the_leaderboard(world, noise):
    tails = {"good": world.tails(), "B1": world.tails(noise), "short": world.tails().iloc[500:]}
    matched = match(tails, world.outcomes)
    table = daily_differences(matched)
    assert table.columns.names == ["model", "side", "kind", "level"]
    assert table.index.is_monotonic_increasing
    board = leaderboard(tails, world.outcomes, draws=5).set_index(["model", "side", "kind", "level"])
    assert table.mean().to_dict() == pytest.approx(board.loc[table.columns, "d_fz0"].to_dict())
    adjusted = romano_wolf(table, draws=99)
    assert (adjusted.loc["good", "p_romano_wolf"] < 0.05).all()
    with pytest.raises(ValueError, match="'B2' is not among good, B1, short"):
        daily_differences(matched, "B2")
