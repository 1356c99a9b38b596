"""Markets with another future, and what must not notice it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from levercap.core.panel import BAR_FIELDS, OPTIONAL_FIELDS, Panel
from levercap.core.snapshot import Snapshot
from levercap.limits.predictor import Predictor
from levercap.venue.tiers import tiers_as_of


def other_future(panel: Panel, as_of: pd.Timestamp, seed: int = 1) -> Panel:
    """The same panel up to `as_of`, then wild: every later value multiplied by its own lognormal factor, some lost."""
    rng = np.random.default_rng(seed)
    n = panel.rows_known(as_of)
    changed = {}
    for name in (*BAR_FIELDS, *OPTIONAL_FIELDS):
        values = getattr(panel, name)
        if values is not None:
            values = values.copy()
            later = values[n:]
            later *= np.exp(rng.normal(0.0, 1.0, later.shape))
            later[rng.random(later.shape) < 0.1] = np.nan
            changed[name] = values
    return dataclasses.replace(panel, **changed)


def futures(panel: Panel, as_of: pd.Timestamp) -> list[Panel]:
    """Four panels that agree up to `as_of`: the given one, cut there, cut days later, and with another future."""
    days_later = min(as_of + pd.Timedelta(days=4, hours=5), panel.end)
    return [panel, panel.until(as_of), panel.until(days_later), other_future(panel, as_of)]


def assert_no_look_ahead(compute, panel: Panel, as_of: pd.Timestamp) -> None:
    """`compute(panel, as_of)`, a dictionary of frames and arrays, is bit for bit the same under every future."""
    expected, *others = (compute(p, as_of) for p in futures(panel, as_of))
    for other in others:
        assert_identical(expected, other)


def assert_identical(expected: dict, other: dict) -> None:
    assert list(expected) == list(other)
    for name, value in expected.items():
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, other[name], check_exact=True, obj=name)
        else:
            np.testing.assert_array_equal(value, other[name], err_msg=name, strict=True)


def parts(snapshot: Snapshot) -> dict:
    """A snapshot as frames and arrays."""
    s = snapshot.scenarios
    out = {
        "symbols": snapshot.symbols,
        "tails": snapshot.tails,
        "names": np.array([instrument.name for instrument in s.instruments]),
        "weights": s.weights,
        "low": s.low,
        "high": s.high,
        "end": s.end,
        "starts": s.starts,
        "stressed_factor": snapshot.stressed_factor,
        "provenance": np.array([snapshot.bundle_id, snapshot.config_hash, snapshot.data_hash, str(snapshot.as_of)]),
    }
    return out if snapshot.tiers is None else {**out, "tiers": snapshot.tiers}


def scored(bundle, tiers, accounts, positions):
    """Function of (panel, as_of) to snapshot, limits and symbol limits."""

    def compute(panel: Panel, as_of: pd.Timestamp) -> dict:
        snapshot = bundle.snapshot_at(panel, tiers_as_of(tiers, as_of), as_of)
        predictor = Predictor(snapshot, bundle.config)
        return {
            **parts(snapshot),
            "limits": predictor.predict(accounts, positions),
            "symbol_limits": predictor.symbol_limits(),
        }

    return compute
