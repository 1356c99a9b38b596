"""Venue margin: leverage tiers per instrument, and the largest leverage they leave along an account's portfolio.

A tier holds for notionals in ``(floor, cap]``. Initial margin is ``notional / max_leverage`` of the tier the notional
falls in (a step at every cap); maintenance margin is ``notional * rate - amount`` and continuous, so the amount
follows from the rates, see `maintenance_amounts`. Stated amounts are not needed and not read: some sheets lack them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from levercap.core.compiled import compiled
from levercap.core.instrument import Instrument
from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.core.portfolio import Portfolio
from levercap.venue.tiers import maintenance_amounts

__all__ = [
    "MarginSheet",
    "envelope",
    "initial_margin",
    "liquidation_cap",
    "maintenance_margin",
    "margin_sheet",
    "tier_cap",
]

LARGEST: Final = {"notional": 1e18, "leverage": 1e6, "rate": 1e3}
"""Largest start of a tier, leverage (or its inverse) and maintenance rate that are read; beyond is damage."""


@dataclass(frozen=True, eq=False)
class MarginSheet:
    """Tiers of every instrument as padded arrays; the last row, which code -1 also names, is for unknown instruments.

    Attributes
    ----------
    count : (instruments + 1,) tiers of the row, at least one
    cap : (instruments + 1, tiers) largest notional of the tier, quote currency; inf where the venue sets none
    initial_rate : (instruments + 1, tiers) one over the tier's maximum leverage; 0 where the venue sets none
    maintenance_rate, maintenance_amount : (instruments + 1, tiers)
    missing : (instruments + 1,) the venue has tiers but none for this instrument
    """

    count: IntArray
    cap: FloatArray
    initial_rate: FloatArray
    maintenance_rate: FloatArray
    maintenance_amount: FloatArray
    missing: BoolArray


def margin_sheet(
    tiers: pd.DataFrame | None,
    instruments: tuple[Instrument, ...],
    *,
    maintenance_margin_rate: float,
    missing_tier_max_leverage: float,
    missing_tier_maintenance_share: float,
) -> MarginSheet:
    """Sheet for `instruments` from the tiers in force.

    Where a venue states several tiers for the same notional (it publishes one sheet per contract under one name), the
    most conservative one counts.

    Parameters
    ----------
    tiers : as `tiers_as_of` gives them, their ``symbol`` the name of an instrument; None means the venue sets none
    instruments : rows of the sheet
    maintenance_margin_rate : of every instrument where the venue sets no tiers, and at least that of one it leaves out
    missing_tier_max_leverage : flat maximum of an instrument without a usable tier at a venue that has tiers
    missing_tier_maintenance_share : maintenance margin of such an instrument as a share of its initial margin
    """
    if tiers is None:
        flat, missing = (np.inf, 0.0, maintenance_margin_rate), False
        rows = {}
    else:
        initial_rate = 1.0 / missing_tier_max_leverage
        share = missing_tier_maintenance_share / missing_tier_max_leverage
        flat, missing = (np.inf, initial_rate, max(maintenance_margin_rate, share)), True
        rows = {str(name): envelope(group) for name, group in tiers.groupby("symbol", sort=True, observed=True)}
    names = [instrument.name for instrument in instruments]
    tables = [rows[name] if len(rows.get(name, ())) else np.array([flat]) for name in names] + [np.array([flat])]
    count = np.array([len(table) for table in tables], dtype=np.int64)
    padded = np.stack([np.pad(table, ((0, count.max() - len(table)), (0, 0)), mode="edge") for table in tables])
    cap, initial, rate = (np.ascontiguousarray(padded[:, :, k]) for k in range(3))
    floor = np.concatenate([np.zeros((len(tables), 1)), cap[:, :-1]], axis=1)
    known = np.array([len(rows.get(name, ())) > 0 for name in names] + [False])
    return MarginSheet(count, cap, initial, rate, maintenance_amounts(floor, rate), ~known & missing)


def envelope(group: pd.DataFrame) -> FloatArray:
    """Tiers of one symbol as (tiers, 3) cap, initial rate and maintenance rate, ascending; empty when an entry is
    unusable. Of several rows that hold for the same notional the most conservative counts.

    Unusable is what is missing, negative, out of order or beyond `LARGEST`: an instrument with such a tier has none.
    """
    columns = ["notional_floor", "notional_cap", "max_leverage", "maintenance_margin_rate"]
    floor, cap, leverage, rate = group[columns].to_numpy(dtype=np.float64).T
    usable = (floor >= 0) & (floor <= LARGEST["notional"]) & (cap > floor)
    usable &= (leverage >= 1.0 / LARGEST["leverage"]) & (leverage <= LARGEST["leverage"])
    usable &= (rate >= 0) & (rate <= LARGEST["rate"])
    if not usable.all():  # a missing number compares false
        return np.empty((0, 3))
    upper = np.unique(np.concatenate([floor[floor > 0], cap]))
    lower = np.concatenate([[0.0], upper[:-1]])
    covers = (floor[None, :] <= lower[:, None]) & (cap[None, :] >= upper[:, None])
    initial = np.where(covers, 1.0 / leverage, 0.0).max(axis=1)
    maintenance = np.where(covers, rate, 0.0).max(axis=1)
    rates = np.column_stack([np.maximum.accumulate(initial), np.maximum.accumulate(maintenance)])
    ends = np.append((np.diff(rates, axis=0) != 0).any(axis=1), True)  # neighbours of equal rates are one tier
    return np.asarray(np.column_stack([upper, rates])[ends], dtype=np.float64)


def initial_margin(sheet: MarginSheet, instrument: IntArray, notional: FloatArray) -> FloatArray:
    """(positions,) margin to open, quote currency; inf beyond the last tier."""
    size = np.abs(notional)
    tier = _tier(sheet, instrument, size)
    return np.where(size > sheet.cap[instrument, tier], np.inf, size * sheet.initial_rate[instrument, tier])


def maintenance_margin(sheet: MarginSheet, instrument: IntArray, notional: FloatArray) -> FloatArray:
    """(positions,) margin below which a position is liquidated, quote currency; the last rate goes on past its cap."""
    size = np.abs(notional)
    tier = _tier(sheet, instrument, size)
    return size * sheet.maintenance_rate[instrument, tier] - sheet.maintenance_amount[instrument, tier]


def _tier(sheet: MarginSheet, instrument: IntArray, size: FloatArray) -> IntArray:
    """Index of the tier each notional falls in, the last one beyond its cap."""
    beyond = (size[:, None] > sheet.cap[instrument]).sum(axis=1)
    tier: IntArray = np.minimum(beyond, sheet.count[instrument] - 1)
    return tier


def tier_cap(portfolio: Portfolio, sheet: MarginSheet) -> FloatArray:
    """(accounts,) largest leverage along the portfolio whose initial margin the equity covers; inf without tiers.

    Beyond an instrument's last tier no more notional is allowed. The answer depends on the account's shares and equity
    only.
    """
    out = np.empty(len(portfolio))
    _tier_cap(*_arrays(portfolio), sheet.count, sheet.cap, sheet.initial_rate, out)
    return out


def liquidation_cap(portfolio: Portfolio, sheet: MarginSheet, loss: FloatArray) -> FloatArray:
    """(accounts,) largest leverage at which equity covers the loss and what maintenance margin it leaves to hold.

    Parameters
    ----------
    loss : (accounts,) path loss per unit of gross notional, at least zero

    Notes
    -----
    Largest t with ``t * loss + sum_k MM_k(|u_k| t) <= equity``, over equity. Without tiers ``1 / (loss + maintenance
    rate)``.
    """
    out = np.empty(len(portfolio))
    loss = np.ascontiguousarray(loss, dtype=np.float64)
    _liquidation_cap(
        *_arrays(portfolio), loss, sheet.count, sheet.cap, sheet.maintenance_rate, sheet.maintenance_amount, out
    )
    return out


def _arrays(portfolio: Portfolio) -> tuple[FloatArray, IntArray, IntArray, FloatArray]:
    return (
        np.ascontiguousarray(portfolio.equity, dtype=np.float64),
        np.ascontiguousarray(portfolio.offsets, dtype=np.int64),
        np.ascontiguousarray(portfolio.instrument, dtype=np.int64),
        np.ascontiguousarray(portfolio.notional, dtype=np.float64),
    )


@compiled
def _absolute_shares(notional: Any, first: int, last: int) -> Any:
    size = np.abs(notional[first:last])
    largest = size.max() if last > first else 0.0
    if largest == 0.0:
        return np.zeros(last - first)
    size = size / largest
    return size / size.sum()


@compiled
def _next_break(share: Any, code: Any, first: int, tier: Any, cap: Any) -> Any:
    """Smallest gross notional at which a position reaches the cap of its tier, and which position that is."""
    nearest, which = np.inf, -1
    for k in range(len(share)):
        if share[k] > 0.0:
            at = cap[code[first + k], tier[k]] / share[k]
            if at < nearest:
                nearest, which = at, k
    return nearest, which


@compiled
def _tier_cap(equity: Any, offsets: Any, code: Any, notional: Any, count: Any, cap: Any, rate: Any, out: Any) -> None:
    for i in range(len(out)):
        first = offsets[i]
        share = _absolute_shares(notional, first, offsets[i + 1])
        tier = np.zeros(len(share), np.int64)
        gross = 0.0
        while True:
            slope = 0.0
            for k in range(len(share)):
                slope += share[k] * rate[code[first + k], tier[k]]
            afforded = equity[i] / slope if slope > 0.0 else np.inf
            nearest, which = _next_break(share, code, first, tier, cap)
            if afforded <= nearest:  # at most `gross` when the step up at the last break is not affordable
                gross = max(gross, afforded)
                break
            gross = nearest
            if which < 0 or tier[which] == count[code[first + which]] - 1:
                break
            tier[which] += 1
        out[i] = gross / equity[i]


@compiled
def _liquidation_cap(
    equity: Any,
    offsets: Any,
    code: Any,
    notional: Any,
    loss: Any,
    count: Any,
    cap: Any,
    rate: Any,
    amount: Any,
    out: Any,
) -> None:
    for i in range(len(out)):
        first = offsets[i]
        share = _absolute_shares(notional, first, offsets[i + 1])
        tier = np.zeros(len(share), np.int64)
        last = np.zeros(len(share), np.bool_)
        active = share.copy()  # a position in its last tier meets no further break
        while True:
            slope, constant = loss[i], equity[i]
            for k in range(len(share)):
                row = code[first + k]
                slope += share[k] * rate[row, tier[k]]
                constant += amount[row, tier[k]] if share[k] > 0.0 else 0.0
                last[k] = tier[k] == count[row] - 1
                active[k] = 0.0 if last[k] else share[k]
            gross = constant / slope if slope > 0.0 else np.inf
            nearest, which = _next_break(active, code, first, tier, cap)
            if gross <= nearest or which < 0:
                break
            tier[which] += 1
        out[i] = gross / equity[i]
