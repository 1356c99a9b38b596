import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.config import PolicyConfig
from levercap.core.errors import ModelError
from levercap.core.horizon import DAY, Horizon
from levercap.core.instrument import Instrument, perpetuals
from levercap.core.portfolio import Portfolio
from levercap.core.scenario import ScenarioSet
from levercap.risk import RiskNumbers, adverse_paths, risk_numbers
from levercap.risk.kernel import RiskColumn, account_numbers
from support.portfolios import random_portfolio, random_scenarios, slow_numbers
from support.properties import examples

NAMES = [field.name for field in dataclasses.fields(RiskNumbers)]


def assert_same_bits(a: RiskNumbers, b: RiskNumbers, rows=slice(None)):
    for name in NAMES:
        assert getattr(a, name).tobytes() == getattr(b, name)[rows].tobytes(), name


def pick(portfolio: Portfolio, accounts) -> Portfolio:
    rows = [np.arange(portfolio.offsets[i], portfolio.offsets[i + 1]) for i in accounts]
    kept = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64)
    return Portfolio(
        portfolio.instruments, portfolio.equity[accounts], offsets, portfolio.instrument[kept], portfolio.notional[kept]
    )


def check_against_twin(rng, scenarios, portfolio, policy):
    paths = adverse_paths(scenarios, rng.uniform(0, 3, len(scenarios.instruments)))
    margin = rng.uniform(-0.05, 0.4, len(portfolio))
    fast = risk_numbers(portfolio, paths, policy, margin)
    slow = slow_numbers(portfolio, scenarios, paths, policy, margin)
    for name in NAMES:
        if not name.endswith("probability"):
            np.testing.assert_allclose(getattr(fast, name), slow[name], rtol=2e-5, atol=2e-7, err_msg=name)
    # a probability steps where float32 puts a loss on the other side of its threshold: bracket it
    nudge = 1e-5 * (np.abs(slow["path_es_975"]) + 1e-3)
    for name in ("liquidation_probability", "shock_probability"):
        assert (getattr(fast, name) <= slow[f"{name}_at_most"](nudge) + 1e-12).all(), name
        assert (getattr(fast, name) >= slow[f"{name}_at_most"](-nudge) - 1e-12).all(), name


@examples(30)
@given(
    seed=st.integers(0, 2**32 - 1),
    symbols=st.integers(1, 12),
    count=st.sampled_from([1, 2, 63, 64, 65, 128, 200]),
    hours=st.sampled_from([1, 5, 24]),
    scale=st.sampled_from([1e-4, 0.01, 0.2]),
    unknown=st.booleans(),
    liquidation=st.sampled_from([0.001, 0.01, 0.2]),
    budget=st.sampled_from([0.0, 1e-6, 0.0005, 0.05, 2.0]),
)
def test_kernel_equals_the_slow_twin(seed, symbols, count, hours, scale, unknown, liquidation, budget):
    rng = np.random.default_rng(seed)
    scenarios = random_scenarios(rng, symbols, count, hours, scale)
    portfolio = random_portfolio(rng, scenarios.instruments, 15, unknown)
    policy = PolicyConfig(liquidation_probability=liquidation, insolvency_budget=budget, shock_barrier=2 * scale)
    check_against_twin(rng, scenarios, portfolio, policy)


def test_one_scenario_that_dwarfs_all_others():
    rng = np.random.default_rng(3)
    scenarios = random_scenarios(rng, 3, 1000)
    scenarios.low[:, 17] = -40.0
    check_against_twin(rng, scenarios, random_portfolio(rng, scenarios.instruments, 20), PolicyConfig())


def test_probabilities_are_exact_off_the_thresholds():
    low = -np.array([[0.01, 0.05, 0.1, 0.3]], dtype=np.float32)[:, :, None]
    weights = np.array([0.4, 0.3, 0.2, 0.1])
    held, starts = perpetuals(("A",)), np.zeros(4, "datetime64[us]")
    scenarios = ScenarioSet(held, weights, low, -low / 2, low[:, :, 0], starts, Horizon(1))
    paths = adverse_paths(scenarios, np.ones(1))
    portfolio = Portfolio(held, np.ones(3), np.array([0, 1, 2, 3]), np.zeros(3, np.int64), np.array([2.0, -2.0, 5.0]))
    policy = PolicyConfig(shock_barrier=0.04)
    numbers = risk_numbers(portfolio, paths, policy, np.array([0.09, 0.09, np.inf]))
    np.testing.assert_allclose(numbers.liquidation_probability, [0.3, 0.1, 0.0], rtol=1e-12)
    np.testing.assert_allclose(numbers.shock_probability, [0.6, 0.3, 0.6], rtol=1e-12)
    np.testing.assert_allclose(numbers.path_var_99, [0.3, 0.15, 0.3], rtol=1e-6)
    np.testing.assert_allclose(risk_numbers(portfolio, paths, policy).liquidation_probability, 0.0)


def test_one_account_alone_has_the_bits_it_has_in_a_batch():
    rng = np.random.default_rng(5)
    scenarios = random_scenarios(rng, 12, 150)
    portfolio = random_portfolio(rng, scenarios.instruments, 5000, unknown=True)
    paths = adverse_paths(scenarios, rng.uniform(0.5, 3, 12))
    margin = rng.uniform(0, 0.3, 5000)
    batch = risk_numbers(portfolio, paths, PolicyConfig(), margin, threads=2)
    assert_same_bits(risk_numbers(portfolio, paths, PolicyConfig(), margin, threads=1), batch)
    for account in (0, 1, 63, 64, 777, 2047, 2048, 4999):
        alone = risk_numbers(pick(portfolio, [account]), paths, PolicyConfig(), margin[[account]])
        assert_same_bits(alone, batch, [account])
    order = rng.permutation(5000)
    shuffled = risk_numbers(pick(portfolio, order), paths, PolicyConfig(), margin[order])
    assert_same_bits(shuffled, batch, order)


def test_scaling_notional_changes_nothing():
    rng = np.random.default_rng(6)
    scenarios = random_scenarios(rng, 5, 100)
    portfolio = random_portfolio(rng, scenarios.instruments, 200)
    paths = adverse_paths(scenarios, np.ones(5))
    more = dataclasses.replace(portfolio, notional=portfolio.notional * 1024)
    assert_same_bits(risk_numbers(portfolio, paths, PolicyConfig()), risk_numbers(more, paths, PolicyConfig()))


def test_huge_and_tiny_notionals_keep_their_shares():
    rng = np.random.default_rng(7)
    scenarios = random_scenarios(rng, 2, 100)
    paths = adverse_paths(scenarios, np.ones(2))
    notional = np.array([1e308, 1e308, 1e-308, 1e-308, 1.0, 1.0])
    codes = np.array([0, 1, 0, 1, 0, 1])
    portfolio = Portfolio(scenarios.instruments, np.ones(3), np.array([0, 2, 4, 6]), codes, notional)
    numbers = risk_numbers(portfolio, paths, PolicyConfig())
    for name in NAMES:
        assert np.ptp(getattr(numbers, name)) == 0


def test_unknown_symbol_takes_the_bound_and_nothing_offsets_it():
    rng = np.random.default_rng(8)
    scenarios = random_scenarios(rng, 2, 100)
    paths = adverse_paths(scenarios, np.full(2, 2.0))
    portfolio = Portfolio(
        (*scenarios.instruments, Instrument("X", "X")),
        np.ones(2),
        np.array([0, 1, 2]),
        np.array([-1, 2]),
        np.array([5.0, -5.0]),
    )
    numbers = risk_numbers(portfolio, paths, PolicyConfig(insolvency_budget=0.0005))
    assert paths.bound >= 1
    np.testing.assert_allclose(numbers.path_var_99, paths.bound)
    np.testing.assert_allclose(numbers.es_975, paths.bound)
    np.testing.assert_allclose(numbers.stressed_liquidation_loss, paths.stressed_bound)
    np.testing.assert_allclose(numbers.insolvency_margin, paths.bound + 0.001 - 0.0005)


def test_bound_is_the_worst_move_of_any_symbol_and_side():
    rng = np.random.default_rng(9)
    scenarios = random_scenarios(rng, 3, 80)
    assert adverse_paths(scenarios, np.ones(3)).bound == 1.0
    scenarios.high[1, 5, 3] = 4.0
    paths = adverse_paths(scenarios, np.array([1.0, 2.5, 9.0]))
    assert paths.bound == pytest.approx(4.0)
    assert paths.stressed_bound == pytest.approx(10.0)
    assert adverse_paths(scenarios, np.full(3, 0.1)).stressed_bound == pytest.approx(4.0)


def test_no_symbol_has_a_forecast():
    empty = np.zeros((0, 10, 24), np.float32)
    scenarios = ScenarioSet((), np.full(10, 0.1), empty, empty, empty[:, :, 0], np.zeros(10, "datetime64[us]"), DAY)
    paths = adverse_paths(scenarios, np.zeros(0))
    portfolio = Portfolio(perpetuals(("A",)), np.ones(1), np.array([0, 1]), np.array([0]), np.array([3.0]))
    assert risk_numbers(portfolio, paths, PolicyConfig()).path_es_975 == pytest.approx(1.0)


def test_no_account():
    scenarios = random_scenarios(np.random.default_rng(1))
    empty = random_portfolio(np.random.default_rng(1), scenarios.instruments, 0)
    assert len(risk_numbers(empty, adverse_paths(scenarios, np.ones(4)), PolicyConfig()).var_99) == 0


@pytest.mark.parametrize("field", ["low", "high", "end"])
def test_returns_that_are_not_finite_are_refused_by_name(field):
    scenarios = random_scenarios(np.random.default_rng(1))
    getattr(scenarios, field)[2, 7] = np.nan
    with pytest.raises(ModelError, match="S02"):
        adverse_paths(scenarios, np.ones(4))


@pytest.mark.parametrize("factor", [[1.0, 1.0, 1.0, np.nan], [1.0, 1.0, 1.0, -0.1], [1.0]])
def test_stressed_factors_that_make_no_sense_are_refused(factor):
    with pytest.raises(ModelError, match="stressed_factor"):
        adverse_paths(random_scenarios(np.random.default_rng(1)), np.array(factor))


@pytest.mark.parametrize("factor", [1e7, 1e39, np.inf])
def test_stressed_factors_beyond_all_measure_are_refused(factor):
    with pytest.raises(ModelError, match="stressed_factor"):
        adverse_paths(random_scenarios(np.random.default_rng(1)), np.array([1.0, 1.0, factor, 1.0]))


@pytest.mark.parametrize("field", ["low", "high", "end"])
@pytest.mark.parametrize("value", [1e7, -1e7, 3e38])
def test_returns_beyond_all_measure_are_refused_by_name(field, value):
    scenarios = random_scenarios(np.random.default_rng(1))
    getattr(scenarios, field)[1, 3] = value
    with pytest.raises(ModelError, match=r"beyond 1e\+06: S01"):
        adverse_paths(scenarios, np.ones(4))


@pytest.mark.parametrize("bound", [(-1.0, np.nan), (np.nan, np.inf), (1e13, 1.0)])
def test_bounds_that_make_no_sense_are_refused(bound):
    with pytest.raises(ModelError, match="bound"):
        adverse_paths(random_scenarios(np.random.default_rng(1)), np.ones(4), at_least=bound)


def test_the_largest_returns_and_factors_that_are_read_give_finite_numbers():
    rng = np.random.default_rng(2)
    scenarios = random_scenarios(rng, 4, 100)
    for x, sign in ((scenarios.low, -1), (scenarios.high, 1), (scenarios.end, -1)):
        x[:, ::7] = sign * 1e6
    portfolio = random_portfolio(rng, scenarios.instruments, 50, unknown=True)
    numbers = risk_numbers(portfolio, adverse_paths(scenarios, np.full(4, 1e6)), PolicyConfig())
    assert all(np.isfinite(getattr(numbers, name)).all() for name in NAMES)


def test_an_instrument_that_is_left_out_takes_the_bound_and_adds_to_it():
    rng = np.random.default_rng(9)
    scenarios = random_scenarios(rng, 3, 80)
    scenarios.high[1, 5, 3] = 4.0
    factor, used = np.array([1.0, 2.5, 9.0]), np.array([True, False, True])
    paths = adverse_paths(scenarios, factor, used)
    assert paths.codes(scenarios.instruments).tolist() == [0, -1, 2, -1]
    assert paths.bound == pytest.approx(10.0)  # its volatility of today is not known: the stressed one counts
    assert adverse_paths(scenarios, np.array([1.0, 0.5, 9.0]), used).bound == pytest.approx(4.0)
    assert adverse_paths(scenarios, factor, used, (12.0, 20.0)).bound == 12.0
    assert adverse_paths(scenarios, factor, used, (3.0, 20.0)).stressed_bound == 20.0
    portfolio = Portfolio(scenarios.instruments, np.ones(3), np.arange(4), np.arange(3), np.ones(3))
    some, every = (risk_numbers(portfolio, x, PolicyConfig()) for x in (paths, adverse_paths(scenarios, factor)))
    assert some.path_var_99[1] == pytest.approx(paths.bound)
    assert some.path_var_99[[0, 2]].tolist() == every.path_var_99[[0, 2]].tolist()


def test_codes_beyond_the_scenarios_count_at_the_bound():
    scenarios = random_scenarios(np.random.default_rng(1), 2, 64)
    paths = adverse_paths(scenarios, np.ones(2))
    out = np.zeros((1, len(RiskColumn)))
    rule = np.array([0.01, 0.0005, 0.001, 0.1])
    account_numbers(
        0, 1, np.array([0, 1]), np.array([7]), np.ones(1), np.full(1, np.inf), paths.adverse, paths.worst, paths.end,
        paths.weights, paths.stressed_factor, np.array([paths.bound, paths.stressed_bound]), rule, out,
    )  # fmt: skip
    assert out[0, RiskColumn.PATH_VAR_99] == paths.bound


def test_every_kernel_column_is_a_field_of_the_risk_numbers():
    fields = [field.name for field in dataclasses.fields(RiskNumbers)]
    assert [column.name.lower() for column in RiskColumn] == fields
    assert [int(column) for column in RiskColumn] == list(range(len(fields)))
