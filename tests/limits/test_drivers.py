"""The split of path ES over positions: a twin that loops, sums that must come out, hedges that must be negative."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.core.horizon import DAY
from levercap.core.instrument import perpetuals
from levercap.core.scenario import ScenarioSet
from levercap.limits.drivers import drivers
from levercap.risk import expected_shortfall
from support.properties import examples


def scenarios(seed: int, symbols: int = 4, count: int = 60) -> ScenarioSet:
    rng = np.random.default_rng(seed)
    path = rng.standard_t(3, (symbols, count, 24)).cumsum(axis=2) * 0.01
    low, high = (path + sign * rng.random(path.shape) * 0.01 for sign in (-1.0, 1.0))
    weights = rng.random(count) + 0.1
    starts = pd.date_range("2024-01-01", periods=count, unit="us").to_numpy()
    arrays = (x.astype(np.float32) for x in (low, high, path[:, :, -1]))
    return ScenarioSet(perpetuals(tuple("ABCD"[:symbols])), weights / weights.sum(), *arrays, starts, DAY)


def slow_split(share: np.ndarray, row: np.ndarray, joint: ScenarioSet) -> tuple[np.ndarray, np.ndarray]:
    """Path losses, and parts of the path ES, by plain loops."""
    losses, parts = [], []
    for s in range(len(joint.weights)):
        hourly = [
            [-u * float(joint.low[r, s, h] if u > 0 else joint.high[r, s, h]) for u, r in zip(share, row, strict=True)]
            for h in range(joint.low.shape[2])
        ]
        worst = max(hourly, key=sum)
        losses.append(max(sum(worst), 0.0))
        parts.append(worst if sum(worst) > 0 else [0.0] * len(share))
    left, total = 0.025, np.zeros(len(share))
    for s in sorted(range(len(losses)), key=lambda i: -losses[i]):
        used = min(left, float(joint.weights[s]))
        total += used * np.array(parts[s])
        left -= used
    return np.array(losses), total / 0.025


@examples(40)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_split_is_the_slow_one_and_sums_to_the_path_es(seed: int, held: int) -> None:
    joint = scenarios(seed)
    rng = np.random.default_rng(seed + 1)
    share = rng.normal(size=held)
    share /= np.abs(share).sum()
    row = rng.permutation(4)[:held]
    losses, parts = slow_split(share, row, joint)
    split = drivers(share, row, joint)
    np.testing.assert_allclose(split.contribution, parts, rtol=1e-9, atol=1e-12)
    assert split.contribution.sum() == pytest.approx(expected_shortfall(losses, joint.weights, 0.975), rel=1e-9)
    np.testing.assert_allclose(split.loss, np.sort(losses)[::-1][:5], rtol=1e-9, atol=1e-12)
    assert ((split.hour >= 1) & (split.hour <= 24)).all()


def test_a_hedge_has_a_negative_part() -> None:
    joint = scenarios(5, symbols=1)
    paths = (np.repeat(x, 2, axis=0) for x in (joint.low, joint.high, joint.end))
    twice = ScenarioSet(perpetuals(("A", "B")), joint.weights, *paths, joint.starts, joint.horizon)
    split = drivers(np.array([0.7, -0.3]), np.array([0, 1]), twice)
    assert split.contribution[0] > 0 > split.contribution[1]
    assert (split.worst_position[split.loss > 0] == 0).any()
