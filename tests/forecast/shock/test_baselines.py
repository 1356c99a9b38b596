"""Baselines of shocks: frequency, and logistic regression on the scale."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from levercap.core.names import BARRIERS, Side
from levercap.forecast.shock.baselines import Climatology, LogitOfScale
from levercap.forecast.shock.model import column


def sample(rows=20_000, seed=0):
    """Losses at the barriers with odds that are linear in log volatility."""
    rng = np.random.default_rng(seed)
    volatility = np.exp(rng.normal(np.log(0.05), 0.4, rows))
    u, loss = rng.random(rows), np.zeros(rows)
    for barrier, base in zip(BARRIERS, (-1.0, -2.0, -3.0), strict=True):
        loss = np.where(u < expit(base + 2.0 * np.log(volatility / 0.05)), barrier, loss)
    return pd.DataFrame({"path_long": loss, "path_short": 0.5 * loss}), volatility


def test_climatology_is_the_frequency():
    outcomes, volatility = sample(999)
    outcomes.loc[::9, "path_long"] = np.nan
    table = Climatology().fit(outcomes).predict(volatility[:7])
    events = (outcomes["path_long"] >= 0.1).sum()
    np.testing.assert_allclose(table[column("long", 0.1)], (events + 0.5) / (888 + 1.0))
    np.testing.assert_allclose(table[column("short", 0.2)], 0.5 / 1000)
    assert table.shape == (7, 6)


def test_the_logit_of_the_scale_finds_the_true_line():
    model = LogitOfScale().fit(*sample(rows=100_000))
    for barrier, base in zip(BARRIERS, (-1.0, -2.0, -3.0), strict=True):
        intercept, slope = model.line_[column("long", barrier)]
        assert slope == pytest.approx(2.0, abs=0.1)
        assert intercept + slope * np.log(0.05) == pytest.approx(base, abs=0.05)


def test_it_ranks_as_the_scale_does():
    outcomes, volatility = sample()
    table = LogitOfScale().fit(outcomes, volatility).predict(volatility)
    for side in Side:
        event = outcomes[f"path_{side}"] >= 0.05
        assert roc_auc_score(event, table[column(side, 0.05)]) == pytest.approx(roc_auc_score(event, volatility))


def test_few_events_give_the_frequency():
    outcomes, volatility = sample(500)
    outcomes["path_long"] = np.where(np.arange(500) < 49, 0.3, 0.0)
    model = LogitOfScale().fit(outcomes, volatility)
    np.testing.assert_allclose(model.predict(volatility)[column("long", 0.1)], 49.5 / 501)


def test_larger_barriers_are_never_likelier_and_holes_are_left_out():
    outcomes, volatility = sample(4000)
    holes, blind = outcomes.copy(), volatility.copy()
    holes.loc[::4] = np.nan
    blind[1::4] = np.nan
    kept = np.arange(4000) % 4 >= 2
    model = LogitOfScale().fit(holes, blind)
    assert model.line_ == LogitOfScale().fit(outcomes[kept], volatility[kept]).line_
    table = model.predict(np.geomspace(1e-6, 1e3, 200))
    for side in Side:
        values = table[[column(side, b) for b in BARRIERS]].to_numpy()
        assert (np.diff(values, axis=1) <= 0).all()
        assert ((values > 0) & (values < 1)).all()
