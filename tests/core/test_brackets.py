"""Rules of leverage tiers: each rule refuses what breaks it, and nothing else."""

import numpy as np
import pytest

from levercap.core.brackets import broken_steps, impossible_tiers

SOUND = {"floor": 0.0, "cap": 1e4, "leverage": 50.0, "rate": 0.01, "amount": 0.0}


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("floor", -1.0, "bounds"),
        ("floor", 1e4, "bounds"),
        ("floor", np.inf, "bounds"),
        ("leverage", 0.0, "leverage"),
        ("leverage", np.inf, "leverage"),
        ("rate", 0.0, "rate"),
        ("rate", 1.01, "rate"),
        ("amount", -1.0, "amount"),
        ("amount", np.inf, "amount"),
    ],
)
def test_an_impossible_value_is_of_its_kind(field, value, kind):
    tiers = {name: np.array([good, value if name == field else good]) for name, good in SOUND.items()}
    found = impossible_tiers(**tiers)
    assert {name: bad.tolist() for name, bad in found.items() if bad.any()} == {kind: [False, True]}


def test_missing_values_are_possible_and_the_last_cap_may_be_infinite():
    tiers = {name: np.array([np.nan]) for name in SOUND}
    assert not any(bad.any() for bad in impossible_tiers(**tiers).values())
    open_end = {name: np.array([value]) for name, value in {**SOUND, "cap": np.inf}.items()}
    assert not any(bad.any() for bad in impossible_tiers(**open_end).values())


def test_steps_follow_on_each_other_within_a_symbol():
    first = np.array([True, False, True, False])
    floor, cap = np.array([0.0, 10.0, 0.0, 5.0]), np.array([10.0, 20.0, 5.0, 9.0])
    leverage, rate = np.array([50.0, 20.0, 75.0, 75.0]), np.array([0.01, 0.02, 0.01, 0.01])
    assert not broken_steps(first, floor, cap, leverage, rate).any()
    for field, row, value in (("floor", 0, 1.0), ("floor", 1, 11.0), ("leverage", 3, 80.0), ("rate", 1, 0.005)):
        arrays = {"floor": floor, "cap": cap, "leverage": leverage, "rate": rate}
        arrays[field] = arrays[field].copy()
        arrays[field][row] = value
        assert broken_steps(first, **arrays)[row], field
