import importlib

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from levercap.core.errors import ConfigError
from levercap.evaluation import match
from levercap.evaluation.comparison.confidence_set import daily_losses, model_confidence_set


def losses(rng, days=300, shift=(0.0, 0.0, 0.0)) -> pd.DataFrame:
    common = rng.normal(size=(days, 1))
    values = common + 0.7 * rng.standard_t(6, size=(days, len(shift))) + np.array(shift)
    return pd.DataFrame(values, columns=[f"model {i}" for i in range(len(shift))])


def slow_range_set(values: np.ndarray, indices: list[np.ndarray]) -> list[float]:
    """Largest pairwise t statistic, elimination of the worse one, running maximum: Hansen, Lunde and Nason, 2011."""
    models = values.shape[1]
    mean = values.mean(axis=0)
    drawn = [values[i].mean(axis=0) for i in indices]
    gap = {(i, j): mean[i] - mean[j] for i in range(models) for j in range(models) if i != j}
    noise = {(i, j): [d[i] - d[j] - g for d in drawn] for (i, j), g in gap.items()}
    error = {pair: np.sqrt(np.mean(np.square(n))) for pair, n in noise.items()}
    left, p_value, floor = list(range(models)), [1.0] * models, 0.0
    while len(left) > 1:
        pairs = [(i, j) for i in left for j in left if i != j]
        worst = max(pairs, key=lambda pair: gap[pair] / error[pair])
        largest = [max(noise[pair][b] / error[pair] for pair in pairs) for b in range(len(drawn))]
        floor = max(floor, np.mean([x > gap[worst] / error[worst] for x in largest]))
        p_value[worst[0]] = floor
        left.remove(worst[0])
    return p_value


def test_agrees_with_plain_loops_over_the_same_resamples():
    bootstrap = pytest.importorskip("arch.bootstrap")
    frame = losses(np.random.default_rng(0), 120, (0.0, 0.05, 0.15, 0.2))
    resampler = bootstrap.CircularBlockBootstrap(20, np.arange(120), seed=5)
    indices = [data[0][0] for data in resampler.bootstrap(80)]
    expected = slow_range_set(frame.to_numpy(), indices)
    table = model_confidence_set(frame, draws=80, seed=5)
    assert table.loc[frame.columns, "p_value"].tolist() == pytest.approx(expected)
    assert table["loss"].is_monotonic_increasing
    assert (table["included"] == (table["p_value"] > 0.1)).all()


@pytest.mark.parametrize("statistic", ["range", "max"])
def test_equal_models_stay_and_a_worse_one_goes(statistic):
    pytest.importorskip("arch")
    rng = np.random.default_rng(1)
    all_kept = worse_gone = 0
    repetitions = 60
    for seed in range(repetitions):
        frame = losses(rng, shift=(0.0, 0.0, 0.35))
        included = model_confidence_set(frame, draws=199, seed=seed, block_days=10, statistic=statistic)["included"]
        all_kept += included[["model 0", "model 1"]].all()
        worse_gone += not included["model 2"]
    assert all_kept >= binom.ppf(0.001, repetitions, 0.87)  # 90 %, less a little for the bootstrap
    assert worse_gone > 0.9 * repetitions


def test_models_that_agree_everywhere_share_their_fate():
    pytest.importorskip("arch")
    frame = losses(np.random.default_rng(2), shift=(0.0, 0.6))
    frame["copy"] = frame["model 1"]
    table = model_confidence_set(frame, draws=99)
    assert table.loc["copy", "p_value"] == table.loc["model 1", "p_value"]
    assert table["included"].to_dict() == {"model 0": True, "model 1": False, "copy": False}
    same = model_confidence_set(frame[["model 1", "copy"]], draws=99)
    assert same["included"].all()


def test_daily_losses_feed_it(world, noise):
    pytest.importorskip("arch")
    matched = match({"truth": world.tails(), "noisy": world.tails(noise)}, world.outcomes)
    row = next(iter(matched))
    frame = daily_losses(row)
    assert frame["noisy"].iloc[3] == pytest.approx(row.fz0("noisy")[row.day == frame.index[3]].mean())
    table = model_confidence_set(frame, draws=99)
    assert table.index[0] == "truth"
    assert table.loc["truth", "included"]
    pd.testing.assert_frame_equal(table, model_confidence_set(frame, draws=99))


def test_without_arch_the_line_to_install_it_is_said(monkeypatch):
    def refuse(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(ConfigError, match=r"pip install 'levercap\[garch\]'"):
        model_confidence_set(losses(np.random.default_rng(0)))


def test_losses_that_cannot_be_compared_are_refused():
    frame = losses(np.random.default_rng(3))
    with pytest.raises(ValueError, match=r"model 1 \(2 days\).*dropna"):
        model_confidence_set(frame.assign(**{"model 1": frame["model 1"].mask(frame.index < 2)}))
    with pytest.raises(ValueError, match="at least two of each"):
        model_confidence_set(frame[["model 0"]])
    with pytest.raises(ValueError, match="every day: there is nothing to test"):
        model_confidence_set(pd.DataFrame({"a": np.arange(9.0), "b": np.arange(9.0) + 1}))
    with pytest.raises(ValueError, match="statistic is one of range, max"):
        model_confidence_set(frame, statistic="mean")
    with pytest.raises(ValueError, match="confidence lies"):
        model_confidence_set(frame, confidence=95)
