import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.config import GuardrailConfig
from levercap.policy import apply_guardrails
from support.properties import examples

CONFIG = GuardrailConfig()
FALLBACK = 1.0
ODD = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, -3.0, 5e-324, 1e-300, 1e300, 1.7e308, 1.0, 1.05, 1.2, 10.0])


def guard(unguarded, previous, days=1.0, incomplete=False, config=CONFIG):
    shape = np.broadcast(unguarded, previous, days, incomplete).shape
    arrays = [np.broadcast_to(np.asarray(x, dtype=float), shape) for x in (unguarded, previous, days)]
    return apply_guardrails(*arrays, np.broadcast_to(incomplete, shape), FALLBACK, config)


def one(*args, **kwargs):
    return float(guard(*([x] for x in args), **kwargs).max_leverage[0])


def test_a_cut_takes_effect_at_once():
    assert one(2.0, 10.0) == 2.0
    assert one(2.0, 10.0, 0.0) == 2.0


def test_no_previous_takes_the_unguarded_limit():
    assert one(7.0, np.nan) == 7.0


def test_a_rise_is_limited_per_day_and_compounds():
    assert one(100.0, 10.0) == pytest.approx(12.0)
    assert one(100.0, 10.0, 3.0) == pytest.approx(10 * 1.2**3)
    assert one(100.0, 10.0, 0.5) == pytest.approx(10 * 1.2**0.5)
    assert one(100.0, 10.0, 0.0) == 10.0
    assert one(11.0, 10.0) == 11.0


def test_rises_are_compounded_over_the_configured_number_of_days_at_most():
    assert one(1e300, 10.0, 500.0) == one(1e300, 10.0, 365.0)
    assert one(100.0, 10.0, 30.0, config=GuardrailConfig(longest_rise_days=2.0)) == pytest.approx(10 * 1.2**2)


def test_a_small_rise_is_not_made():
    assert one(10.5, 10.0) == 10.0
    assert one(10.51, 10.0) == 10.51
    assert guard([10.2], [10.0]).rise_held[0]


def test_incomplete_data_never_raises_a_limit():
    assert one(0.9, 0.5, incomplete=True) == 0.5
    assert one(0.9, np.nan, incomplete=True) == 0.9


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf, -1.0])
def test_a_limit_that_cannot_be_computed_fails_closed(broken):
    assert one(broken, 20.0) == FALLBACK
    assert one(broken, 0.3) == 0.3
    assert one(broken, np.nan) == FALLBACK
    assert guard([broken], [20.0]).failed_closed[0]


def test_a_computed_limit_of_zero_stays_zero():
    for previous in (np.nan, 0.3, 20.0, 0.0):
        out = guard([0.0, -0.0], [previous] * 2)
        assert out.max_leverage.tolist() == [0.0, 0.0]
        assert not np.signbit(out.max_leverage).any()
        assert not out.failed_closed.any()


def resumed(unguarded, previous, resume, days=1.0, incomplete=False):
    arrays = [np.array([x], dtype=float) for x in (unguarded, previous, days)]
    return apply_guardrails(*arrays, np.array([incomplete]), FALLBACK, CONFIG, np.array([resume])).max_leverage[0]


def test_a_limit_returns_at_once_to_what_it_was_and_rises_slowly_beyond():
    assert resumed(8.0, 0.9, 10.0) == 8.0
    assert resumed(10.2, 0.9, 10.0) == 10.0  # within the hysteresis band
    assert resumed(50.0, 0.9, 10.0) == pytest.approx(12.0)
    assert resumed(50.0, 0.9, np.inf) == 50.0  # no limit was in force before data were out
    assert resumed(50.0, 0.9, np.nan) == pytest.approx(0.9 * 1.2)
    assert resumed(50.0, 9.0, 0.5) == pytest.approx(9.0 * 1.2)  # never less than the previous one allows
    assert resumed(50.0, 0.9, 10.0, incomplete=True) == 0.9
    assert resumed(np.nan, 0.9, 10.0) == 0.9
    assert resumed(50.0, -1.0, 10.0) == pytest.approx(1.2 * FALLBACK)
    assert resumed(50.0, np.nan, 10.0) == 50.0


@pytest.mark.parametrize("wrong", [0.0, -5.0, np.inf, -np.inf])
def test_a_previous_limit_that_is_none_starts_from_the_fallback(wrong):
    assert one(50.0, wrong) == pytest.approx(1.2 * FALLBACK)
    assert one(0.4, wrong) == 0.4


@examples(25)
@given(
    seed=st.integers(0, 2**32 - 1),
    rise=st.floats(0.01, 2.0),
    hysteresis=st.floats(0.0, 0.5),
)
def test_invariants_on_adversarial_inputs(seed, rise, hysteresis):
    rng = np.random.default_rng(seed)
    size = 10_000

    def draw():
        return np.where(rng.random(size) < 0.4, rng.choice(ODD, size), 10 ** rng.uniform(-3, 3, size))

    unguarded, previous, days = draw(), draw(), draw() - 1
    incomplete = rng.random(size) < 0.2
    config = GuardrailConfig(max_rise_per_day=rise, hysteresis=hysteresis)
    out = guard(unguarded, previous, days, incomplete, config)
    limit = out.max_leverage
    sound = np.isfinite(unguarded) & (unguarded >= 0)
    usable = np.isfinite(previous) & (previous > 0)

    assert np.isfinite(limit).all()
    assert ((limit > 0) | (unguarded == 0)).all()
    assert (limit[sound] <= unguarded[sound]).all()
    ceiling = np.where(usable, np.minimum(previous, FALLBACK), FALLBACK)
    assert (limit[~sound] == ceiling[~sound]).all()
    cut = sound & usable & (unguarded <= previous)
    assert (limit[cut] == unguarded[cut]).all()
    up = sound & usable & (unguarded > previous)
    elapsed = np.clip(np.where(np.isfinite(days), days, 0), 0, 365)
    with np.errstate(over="ignore"):
        allowed = previous * (1 + rise) ** elapsed
        band = previous * (1 + hysteresis)
    assert (limit[up] <= allowed[up]).all()
    assert (limit[up] >= previous[up]).all()
    small = up & (unguarded <= band)
    assert (limit[small] == previous[small]).all()
    assert (limit[up & incomplete] == previous[up & incomplete]).all()
    free = sound & np.isnan(previous)
    assert (limit[free] == unguarded[free]).all()
    assert not (out.rise_limited & out.rise_held).any()


@examples(25)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_tighter_limit_never_comes_out_higher(seed):
    rng = np.random.default_rng(seed)
    unguarded, previous, days = 10 ** rng.uniform(-2, 2, (3, 10_000))
    tighter = unguarded * rng.uniform(0.2, 1, 10_000)
    assert (guard(tighter, previous, days).max_leverage <= guard(unguarded, previous, days).max_leverage).all()
