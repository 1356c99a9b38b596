"""Joint scenarios: blocks against a slow twin, thinning, borrowing, agreement with the tails."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.core.errors import DataError
from levercap.core.instrument import perpetuals
from levercap.core.panel import Panel
from levercap.forecast import Blocks, fill_missing, match_tail_es, standardised_blocks, thin
from support.properties import examples
from support.standardised import make_blocks

HOUR = pd.Timedelta(hours=1)


def make_panel(days=30, symbols=("AAA", "BBB", "CCC"), seed=0) -> Panel:
    rng = np.random.default_rng(seed)
    shape = (24 * days, len(symbols))
    close = 10.0 * np.exp(np.cumsum(rng.normal(0, 0.01, shape), axis=0))
    high, low = close * np.exp(rng.exponential(0.003, shape)), close * np.exp(-rng.exponential(0.003, shape))
    fields = {"open": close, "high": high, "low": low, "close": close, "volume": np.ones(shape)}
    return Panel(pd.date_range("2024-01-01", periods=shape[0], freq="h", tz="UTC", unit="us"), symbols, **fields)


def lost(panel: Panel, rows, symbol=0) -> Panel:
    fields = {name: getattr(panel, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for values in fields.values():
        values[rows, symbol] = np.nan
    return dataclasses.replace(panel, **fields)


def volatility_table(panel, days, seed=1, skip=()):
    rng = np.random.default_rng(seed)
    rows = [
        (panel.start + 24 * d * HOUR, s, float(v))
        for d in days
        for s, v in zip(panel.symbols, rng.uniform(0.02, 0.08, len(panel.symbols)), strict=True)
        if (d, s) not in skip
    ]
    return pd.DataFrame(rows, columns=["as_of", "symbol", "volatility"])


def slow_block(panel, symbol, as_of, volatility):
    """(low, high, end) of one symbol's block, hour by hour; None when it is not known."""
    j = panel.symbols.index(symbol)
    first = int((as_of - panel.start) / HOUR)
    start = panel.close[first - 1, j]
    hours = range(first, first + 24)
    if sum(math.isnan(panel.close[i, j]) for i in hours) > 2:
        return None
    low, high, last = [], [], start
    for i in hours:
        if math.isnan(panel.close[i, j]):
            low.append((last / start - 1) / volatility)
            high.append((last / start - 1) / volatility)
        else:
            last = panel.close[i, j]
            low.append((panel.low[i, j] / start - 1) / volatility)
            high.append((panel.high[i, j] / start - 1) / volatility)
    return low, high, (last / start - 1) / volatility


def test_blocks_equal_the_slow_twin():
    panel = lost(make_panel(), [24 * 5 + 3, 24 * 5 + 4, 24 * 8 + 1, 24 * 8 + 9, 24 * 8 + 17])
    table = volatility_table(panel, range(1, 31), skip={(11, "BBB"), (12, "BBB")})
    blocks = standardised_blocks(panel, table)
    assert len(blocks.starts) == 29  # the last one reaches past the end
    assert blocks.weights.sum() == pytest.approx(1.0)
    seen = 0
    for row in table.itertuples():
        place = np.flatnonzero(blocks.starts == row.as_of.tz_convert(None).to_datetime64())
        if not len(place):
            assert row.as_of + 24 * HOUR > panel.end
            continue
        j, b = blocks.symbols.index(row.symbol), place[0]
        expected = slow_block(panel, row.symbol, row.as_of, row.volatility)
        if expected is None:
            assert np.isnan(blocks.low[j, b]).all()
            assert np.isnan(blocks.end[j, b])
            continue
        seen += 1
        for found, numbers in zip((blocks.low, blocks.high, blocks.end), expected, strict=True):
            np.testing.assert_allclose(found[j, b], numbers, rtol=1e-5, atol=1e-5)
    assert seen == 29 * 3 - 2 - 1
    for day in (11, 12):
        b = np.flatnonzero(blocks.starts == (panel.start + 24 * day * HOUR).tz_convert(None).to_datetime64())[0]
        assert np.isnan(blocks.low[blocks.symbols.index("BBB"), b]).all()


def test_blocks_are_of_the_same_days_for_all_symbols(fitted):
    blocks, panel = fitted.bundle.blocks, fitted.market.panel
    assert blocks.low.shape == (len(blocks.symbols), len(blocks.starts), 24)
    stamps = pd.DatetimeIndex(blocks.starts).tz_localize("UTC")
    assert stamps.is_unique
    assert (stamps.hour == 0).all()
    assert stamps.max() + 24 * HOUR <= fitted.until
    returns = {}
    for j, symbol in enumerate(blocks.symbols):
        k = panel.symbols.index(symbol)
        rows = np.array([panel.rows_known(t) for t in stamps])
        returns[j] = panel.close[rows + 23, k] / panel.close[rows - 1, k] - 1.0
    for j in (0, 1):
        there = ~np.isnan(returns[j])
        assert np.corrcoef(returns[j][there], blocks.end[j][there])[0, 1] > 0.8


def test_the_low_is_never_above_the_high(fitted):
    b = fitted.bundle.blocks
    assert (b.low <= b.high).all()
    panel = make_panel()
    some = standardised_blocks(panel, volatility_table(panel, range(1, 30)))
    assert (some.low <= some.high).all()
    assert (some.end <= some.high[:, :, -1] + 1e-6).all()
    assert (some.end >= some.low[:, :, -1] - 1e-6).all()


def test_without_a_block_it_says_so():
    panel = make_panel(3)
    with pytest.raises(DataError, match="no block of 24 hours"):
        standardised_blocks(panel, volatility_table(panel, [3]))


def weighted(blocks: Blocks, values):
    return float(blocks.weights @ values)


def test_thinning_keeps_the_tails_and_weighs_what_it_drops():
    blocks = make_blocks(count=2000)
    some = thin(blocks, 600, 7)
    assert len(some.starts) == pytest.approx(600, abs=3)
    assert some.weights.sum() == pytest.approx(1.0)
    assert (some.weights > 0).all()
    common = np.concatenate([-blocks.low.min(axis=2), blocks.high.max(axis=2)])
    worst = np.unique(common.argsort(axis=1)[:, -3:])
    assert np.isin(blocks.starts[worst], some.starts).all()
    place = np.searchsorted(blocks.starts, some.starts)
    np.testing.assert_array_equal(some.low, blocks.low[:, place])
    np.testing.assert_array_equal(some.end, blocks.end[:, place])
    severity = (common > np.quantile(common, 0.95, axis=1, keepdims=True)).sum(axis=0)[place]
    assert some.weights[severity == 0].min() > some.weights[severity >= 3].max()


def test_thinning_is_unbiased():
    blocks = make_blocks(count=800, seed=2)
    quantities = {
        "mean": blocks.end[0],
        "beyond two": (blocks.low.min(axis=2)[1] < -2).astype(float),
        "worst": np.maximum(0.0, -blocks.low.min(axis=(0, 2)) - 1.5),
    }
    place = {start: i for i, start in enumerate(blocks.starts)}
    for name, values in quantities.items():
        draws = []
        for seed in range(200):
            some = thin(blocks, 160, seed)
            draws.append(weighted(some, values[[place[s] for s in some.starts]]))
        error = (np.mean(draws) - values.mean()) / (np.std(draws) / np.sqrt(len(draws)) + 1e-3 * abs(values.mean()))
        assert abs(error) < 4, (name, error)


def test_thinning_measures_the_tail_better_than_plain_sampling():
    blocks = make_blocks(count=1500, seed=3)
    loss = -blocks.low.min(axis=2)[0]
    far = (loss > np.quantile(loss, 0.98)) * loss
    place = {start: i for i, start in enumerate(blocks.starts)}
    rng = np.random.default_rng(0)
    thinned, plain = [], []
    for seed in range(100):
        some = thin(blocks, 300, seed)
        thinned.append(weighted(some, far[[place[s] for s in some.starts]]))
        plain.append(far[rng.choice(1500, 300, replace=False)].mean())
    assert np.std(thinned) < 0.6 * np.std(plain)


def test_few_blocks_are_not_thinned():
    blocks = make_blocks(count=50)
    assert thin(blocks, 50, 7) is blocks
    assert len(thin(blocks, 1, 7).starts) == 1


def with_holes(seed=0, count=600):
    """The third symbol has no history in the first two thirds, the first none in a few blocks."""
    blocks = make_blocks(count=count, seed=seed)
    low, high, end = blocks.low.copy(), blocks.high.copy(), blocks.end.copy()
    holes = np.zeros(end.shape, bool)
    holes[2, : 2 * count // 3] = True
    holes[0, ::50] = True
    for part in (low, high, end):
        part[holes] = np.nan
    return dataclasses.replace(blocks, low=low, high=high, end=end), holes


def test_borrowing_leaves_history_alone_and_fills_every_hole():
    blocks, holes = with_holes()
    filled = fill_missing(blocks, 7)
    for name in ("low", "high", "end"):
        mine, before = getattr(filled, name), getattr(blocks, name)
        assert np.isfinite(mine).all()
        np.testing.assert_array_equal(mine[~holes], before[~holes])
    assert (filled.low <= filled.high).all()
    np.testing.assert_array_equal(filled.weights, blocks.weights)
    whole = make_blocks()
    assert fill_missing(whole, 7) is whole


def test_a_borrowed_path_ends_within_its_last_hour():
    filled = fill_missing(with_holes()[0], 7)
    assert (filled.end <= filled.high[:, :, -1] + 1e-6).all()
    assert (filled.end >= filled.low[:, :, -1] - 1e-6).all()


def test_borrowing_is_the_same_every_time_and_for_every_set_of_symbols():
    blocks, holes = with_holes()
    first, again, other = (fill_missing(blocks, seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.low, again.low)
    assert (first.low[holes] != other.low[holes]).mean() > 0.9
    renamed = fill_missing(dataclasses.replace(blocks, symbols=("AAA", "BBB", "DDD")), 7)
    assert (first.end[2][holes[2]] != renamed.end[2][holes[2]]).mean() > 0.9


def test_borrowed_paths_move_with_the_market_and_hedge_nobody():
    blocks, holes = with_holes(count=1500)
    filled = fill_missing(blocks, 7)
    borrowed = holes[2]
    for j in (0, 1):
        rho = np.corrcoef(filled.end[2][borrowed & ~holes[0]], filled.end[j][borrowed & ~holes[0]])[0, 1]
        assert 0.3 < rho < 0.95, rho
    both = np.full((2, *blocks.low.shape[1:]), np.nan, np.float32)
    twins = Blocks(
        (*blocks.symbols, "NEW1", "NEW2"),
        blocks.starts,
        blocks.weights,
        np.concatenate([blocks.low, both]),
        np.concatenate([blocks.high, both]),
        np.concatenate([blocks.end, both[:, :, 0]]),
    )
    pair = fill_missing(twins, 7).end[3:]
    assert 0.3 < np.corrcoef(pair)[0, 1] < 0.95
    assert np.std(pair[0] - pair[1]) > 0.3 * np.std(pair[0])


def test_borrowed_paths_are_as_wild_as_those_that_exist():
    blocks, holes = with_holes(count=1500)
    filled = fill_missing(blocks, 7)
    own, borrowed = blocks.end[2][~holes[2]], filled.end[2][holes[2]]
    assert np.std(borrowed) == pytest.approx(np.std(own), rel=0.35)


def test_a_block_without_any_symbol_is_refused():
    blocks, _ = with_holes()
    end = blocks.end.copy()
    end[:, 4] = np.nan
    with pytest.raises(DataError, match="no symbol"):
        fill_missing(dataclasses.replace(blocks, end=end), 7)


def slow_shortfall(losses, weights, level):
    """Mean over the worst ``1 - level`` of the weight, by walking down the ordered losses."""
    left, total = 1.0 - level, 0.0
    for loss, weight in sorted(zip(losses, weights, strict=True), reverse=True):
        taken = min(weight, left)
        total += taken * loss
        left -= taken
        if left <= 0:
            break
    return total / (1.0 - level)


@examples(15)
@given(seed=st.integers(0, 9999), long=st.floats(0.5, 6.0), short=st.floats(0.5, 6.0))
def test_agreement_gives_the_path_shortfall_of_the_tail_model(seed, long, short):
    blocks = make_blocks(count=200, seed=seed)
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.2, 2.0, 200)
    blocks = dataclasses.replace(blocks, weights=weights / weights.sum())
    targets = {"AAA": (long, short), "CCC": (short, long)}
    found = match_tail_es(blocks, targets)
    for symbol, (fall, rise) in targets.items():
        j = found.symbols.index(symbol)
        down, up = np.maximum(0, -found.low[j].min(axis=1)), np.maximum(0, found.high[j].max(axis=1))
        assert slow_shortfall(down.tolist(), blocks.weights.tolist(), 0.975) == pytest.approx(fall, rel=1e-5)
        assert slow_shortfall(up.tolist(), blocks.weights.tolist(), 0.975) == pytest.approx(rise, rel=1e-5)
    assert (found.low <= found.high).all()
    np.testing.assert_array_equal(found.low[1], blocks.low[1])
    for part in ("low", "high", "end"):
        np.testing.assert_array_equal(np.sign(getattr(found, part)), np.sign(getattr(blocks, part)))
        order = np.argsort(getattr(blocks, part)[0].ravel())
        assert (np.diff(getattr(found, part)[0].ravel()[order]) >= 0).all()


def test_a_bundle_agrees_with_its_tails(fitted):
    """The shortfall of the weighted paths is the tail model's, and the value at risk at 99 % is near."""
    b, forecaster = fitted.bundle.blocks, fitted.bundle.forecaster
    names = pd.Series(b.symbols, dtype="str")
    for side in ("long", "short"):
        shortfall = forecaster.tail.ratios(names, side, "path", 0.975)[1]
        at_risk = forecaster.tail.ratios(names, side, "path", 0.99)[0]
        for j in range(len(b.symbols)):
            loss = np.maximum(0, -b.low[j].min(axis=1) if side == "long" else b.high[j].max(axis=1))
            assert slow_shortfall(loss.tolist(), b.weights.tolist(), 0.975) == pytest.approx(shortfall[j], rel=1e-5)
            order = np.argsort(loss)
            quantile = loss[order][np.searchsorted(np.cumsum(b.weights[order]), 0.99)]
            assert quantile == pytest.approx(at_risk[j], rel=0.35)


def test_scenarios_are_linear_in_the_volatility():
    blocks = make_blocks()
    once = blocks.scenarios({"BBB": 0.03, "AAA": 0.05}, {}, 7)
    twice = blocks.scenarios({"AAA": 0.10, "BBB": 0.03}, {}, 7)
    assert once.instruments == perpetuals(("AAA", "BBB"))
    np.testing.assert_allclose(once.low[0], blocks.low[0] * 0.05, rtol=1e-6)
    for part in ("low", "high", "end"):
        np.testing.assert_allclose(getattr(twice, part)[0], 2 * getattr(once, part)[0], rtol=1e-6)
        np.testing.assert_array_equal(getattr(twice, part)[1], getattr(once, part)[1])
    np.testing.assert_array_equal(once.weights, blocks.weights)
    assert once.low.flags.c_contiguous
    assert once.low.dtype == np.float32


def test_symbols_never_seen_get_paths_that_agree_with_their_tails():
    blocks = make_blocks(count=500)
    tail = {"NEW": (2.5, 3.0), "YYY": (2.0, 2.0)}
    some = blocks.scenarios({"NEW": 0.1, "AAA": 0.02, "YYY": 0.05}, tail, 7)
    assert some.instruments == perpetuals(("AAA", "NEW", "YYY"))
    np.testing.assert_allclose(some.low[0], blocks.low[0] * 0.02, rtol=1e-6)
    for j, (name, scale) in {1: ("NEW", 0.1), 2: ("YYY", 0.05)}.items():
        down, up = np.maximum(0, -some.low[j].min(axis=1)), np.maximum(0, some.high[j].max(axis=1))
        weights = some.weights.tolist()
        assert slow_shortfall(down.tolist(), weights, 0.975) == pytest.approx(tail[name][0] * scale, rel=1e-5)
        assert slow_shortfall(up.tolist(), weights, 0.975) == pytest.approx(tail[name][1] * scale, rel=1e-5)
    alone = blocks.scenarios({"NEW": 0.1}, tail, 7)
    assert alone.instruments == perpetuals(("NEW",))


def test_the_paths_of_an_unseen_symbol_do_not_depend_on_other_unseen_ones():
    blocks = make_blocks(count=500)
    tail = {"NEW": (2.5, 3.0), "YYY": (2.0, 2.0)}
    alone = blocks.scenarios({"NEW": 0.1}, tail, 7)
    together = blocks.scenarios({"NEW": 0.1, "YYY": 0.3}, tail, 7)
    np.testing.assert_array_equal(alone.low[0], together.low[0])


def test_no_symbol_at_all_gives_no_path():
    none = make_blocks().scenarios({}, {}, 7)
    assert none.instruments == ()
    assert none.low.shape == (0, 400, 24)
