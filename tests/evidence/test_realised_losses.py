"""Realised path losses of portfolios against a slow twin."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from levercap.book import clean_book
from levercap.core.horizon import Horizon
from levercap.core.instrument import Instrument, perpetuals
from levercap.core.panel import HOUR
from levercap.core.portfolio import Portfolio
from levercap.evidence.realised_losses import realised_path_losses

DAY = 24 * HOUR


def slow_loss(panel, book, account, as_of):
    """Worst hourly loss of one account per unit of gross notional, hour by hour; None when not known."""
    held = range(book.offsets[account], book.offsets[account + 1])
    gross = sum(abs(book.notional[p]) for p in held)
    first = int((as_of - panel.start) / HOUR)
    if first + 24 > len(panel.timestamps) or gross == 0:
        return None

    def last_price(row, j, hours):
        for back in range(hours + 1):
            if row - back >= 0 and not math.isnan(panel.close[row - back, j]):
                return panel.close[row - back, j]
        return None

    worst = 0.0
    for hour in range(first, first + 24):
        gain = 0.0
        for p in held:
            j = book.instrument[p]
            start = None if j < 0 else last_price(first - 1, j, 3)
            if start is None:
                return None
            marked = (panel.low if book.notional[p] > 0 else panel.high)[hour, j]
            marked = last_price(hour, j, 10_000) if math.isnan(marked) else marked
            gain += book.notional[p] / gross * (marked / start - 1.0)
        worst = max(worst, -gain)
    return worst


def test_realised_losses_equal_the_slow_twin(fitted):
    panel = fitted.market.panel
    close = panel.close.copy()
    close[24 * 300 - 4 : 24 * 300, 1] = np.nan  # no price at the origin
    close[24 * 301 - 3 : 24 * 301, 1] = np.nan  # one that is three hours old
    panel = dataclasses.replace(panel, close=close)
    unknown = pd.DataFrame(
        {"account_id": ["A0000000", "A0000001"], "symbol": ["NOPE", panel.symbols[0]], "notional": 5.0}
    )
    positions = pd.concat([fitted.positions, unknown], ignore_index=True)
    book = clean_book(fitted.accounts.head(25), positions, perpetuals(panel.symbols)).portfolio
    days = [30, 223, 225, 300, 301, 350, 352, 499]
    origins = pd.DatetimeIndex([panel.start + d * DAY for d in days] + [panel.end - 23 * HOUR, panel.end])
    found = realised_path_losses(panel, book, origins)
    assert found.shape == (10, len(book))
    seen = 0
    for i, as_of in enumerate(origins):
        for account in range(len(book)):
            expected = slow_loss(panel, book, account, as_of)
            if expected is None:
                assert np.isnan(found[i, account]), (as_of, account)
            else:
                seen += 1
                assert found[i, account] == pytest.approx(expected, abs=1e-12), (as_of, account)
    assert seen > 50
    assert np.isnan(found[-2:]).all()


def test_an_account_without_positions_has_no_loss_to_judge(fitted):
    panel = fitted.market.panel
    empty = Portfolio(perpetuals(panel.symbols), np.array([10.0]), np.array([0, 0]), np.empty(0, int), np.empty(0))
    assert np.isnan(realised_path_losses(panel, empty, pd.DatetimeIndex([panel.start + 50 * DAY]))).all()


def test_the_axis_of_the_portfolio_changes_nothing(fitted):
    panel = fitted.market.panel
    listed = perpetuals(panel.symbols)
    more = tuple(sorted({*listed, Instrument("AAA", "AAA"), Instrument("ZZZ", "ZZZ")}))
    unknown = pd.DataFrame({"account_id": ["A0000000"], "symbol": ["ZZZ"], "notional": 5.0})
    positions = pd.concat([fitted.positions, unknown], ignore_index=True)
    origins = pd.DatetimeIndex([panel.start + d * DAY for d in (100, 300, 450)])
    one, two = (
        realised_path_losses(panel, clean_book(fitted.accounts.head(40), positions, axis).portfolio, origins)
        for axis in (listed, more)
    )
    np.testing.assert_array_equal(one, two)
    assert np.isnan(one[:, 0]).all()
    assert np.isfinite(one).any()


def test_instruments_on_one_underlying_are_marked_each_at_its_worst_price(fitted):
    panel = fitted.market.panel
    name = panel.symbols[0]
    both = (Instrument(name, name), Instrument("QUARTERLY", name))
    hedged = Portfolio(both, np.ones(1), np.array([0, 2]), np.array([0, 1]), np.array([1.0, -1.0]))
    legs = Portfolio(both, np.ones(2), np.array([0, 1, 2]), np.array([0, 1]), np.array([1.0, -1.0]))
    origins = pd.DatetimeIndex([panel.start + 300 * DAY])
    together, apart = (realised_path_losses(panel, book, origins, Horizon(1))[0] for book in (hedged, legs))
    assert (apart > 0).all()
    assert together == pytest.approx(apart.mean())
