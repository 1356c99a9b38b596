"""Symbols whose history is cut, and symbols that the bundle never saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from levercap.core.errors import Finding, Severity
from levercap.core.names import FloatArray
from levercap.core.panel import Panel
from levercap.features.returns import ingredients
from levercap.features.volatility import b1_volatility, slow_level
from levercap.model.listing import EXAMPLES, listed
from levercap.model.memory import Memory

__all__ = ["CutHistory", "cut_history", "history_margin", "unseen_symbols"]

MARGIN: Final = (0.02, 1.5, 130.0)
LEAST_DAYS: Final = 20.0
YEAR_HOURS: Final = 365 * 24
FIRST_DAYS: Final = 120


@dataclass(frozen=True)
class CutHistory:
    """What holds for symbols whose history is cut, by symbol.

    Attributes
    ----------
    multiplier : of volatility, above 1
    gain_share : of favourable moves at that volatility, below 1
    stressed_level : stressed volatility of the cut symbols, per 24 h
    stressed_floor : smallest stressed volatility of symbols whose own comes from the cut ones, per 24 h
    findings : one, or none
    """

    multiplier: Mapping[str, float] = field(default_factory=dict)
    gain_share: Mapping[str, float] = field(default_factory=dict)
    stressed_level: Mapping[str, float] = field(default_factory=dict)
    stressed_floor: Mapping[str, float] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def history_margin(days: FloatArray) -> FloatArray:
    """Factor of volatility for what a forecast loses, beside its slow level, when only `days` of history are known.

    ``exp(0.02 + 1.5 / days + 130 / days^2)``, days at least 20. At 38 instants of 2022 to 2025, ten perpetual futures,
    the largest log ratio of the forecast from all history to that from the last days times the ratio of the slow levels
    was 0.24 at 25 days, 0.07 at 40, 0.04 at 60, 0.03 at 120, 0.02 at 500.
    """
    days = np.maximum(days, LEAST_DAYS)
    return np.asarray(np.exp(MARGIN[0] + MARGIN[1] / days + MARGIN[2] / days**2), dtype=np.float64)


def cut_history(
    panel: Panel, memory: Memory, as_of: pd.Timestamp, share: float, stressed_quantile: float
) -> CutHistory:
    """What holds for symbols with fewer hours than `share` of those that the bundle knew by `as_of`.

    Volatility is multiplied by `history_margin`, and by the remembered slow volatility over tonight's where that is
    above one; favourable moves are those at tonight's volatility over the margin, times that ratio where it is below
    one. The stressed volatility is the larger of the remembered one times the margin and of tonight's quantile without
    the first days, whose smoothed volatilities rest on a few returns and say more of the first week than of stress.

    Symbols with all their hours, but less than a year of them, keep the remembered stressed volatility, which came from
    the others; and where more than half of the symbols are cut, the volatility of the rest is multiplied by the
    smallest margin.
    """
    known = memory.at(as_of).reindex(panel.symbols)
    hours = (~np.isnan(panel.close)).sum(axis=0).astype(float)
    remembered = known["hours"].to_numpy(dtype=float)
    which = np.flatnonzero((hours < share * remembered) & (hours > 0))
    if not len(which):
        return CutHistory()
    names = [panel.symbols[j] for j in which]
    margin = history_margin(hours / 24.0)[which]
    x = ingredients(panel)
    ratio = np.exp(known["slow_level"].to_numpy(dtype=float) - slow_level(x)[-1])[which]
    ratio = np.where(np.isnan(ratio), 1.0, ratio)
    multiplier = np.maximum(ratio, 1.0) * margin
    gains = np.minimum(ratio, 1.0) / margin / multiplier
    stressed = known["stressed_volatility"]
    young = (hours < YEAR_HOURS) & stressed.notna().to_numpy() & ~np.isin(panel.symbols, names)
    own = _late_quantile(b1_volatility(x.daily[:, which])[(len(x.daily) - 1) % 24 :: 24], stressed_quantile)
    most = 2 * len(which) > int((remembered > 0).sum())
    rest = {s: float(margin.min()) for s in panel.symbols if most and s not in names}
    return CutHistory(
        multiplier=rest | dict(zip(names, multiplier.tolist(), strict=True)),
        gain_share=dict(zip(names, gains.tolist(), strict=True)),
        stressed_level=_finite(names, np.fmax(stressed.to_numpy(dtype=float)[which] * margin, own)),
        stressed_floor=_finite(list(stressed.index[young]), stressed.to_numpy(dtype=float)[young]),
        findings=(_cut_finding(names, hours[which], remembered[which], multiplier),),
    )


def _late_quantile(daily: FloatArray, quantile: float) -> FloatArray:
    """(symbols,) quantile of the days (days, symbols) after the first ones of each symbol, NaN without any."""
    known = ~np.isnan(daily)
    skipped = np.minimum(FIRST_DAYS, known.sum(axis=0) // 2)
    late = pd.DataFrame(np.where(known & (known.cumsum(axis=0) > skipped), daily, np.nan))
    return late.quantile(quantile).to_numpy(dtype=float)


def _finite(names: list[str], values: FloatArray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True) if np.isfinite(value)}


def _cut_finding(names: list[str], hours: FloatArray, remembered: FloatArray, multiplier: FloatArray) -> Finding:
    """The shortest histories first."""
    order = np.argsort(hours / remembered, kind="stable")
    lines = [
        f"{names[i]}: {hours[i]:,.0f} of {remembered[i]:,.0f} hours, volatility x{multiplier[i]:.2f}" for i in order
    ]
    missing = int((remembered - hours).sum())
    message = (
        f"fewer hours of history than the bundle was trained with, {missing:,} in total, of "
        f"{listed([names[i] for i in order])}: remembered levels hold where they are stricter"
    )
    hint = "the whole history that the bundle was trained on"
    return Finding("history_cut", Severity.WARNING, "bars", message, missing, tuple(lines[:EXAMPLES]), hint)


def unseen_symbols(panel: Panel, memory: Memory) -> tuple[dict[str, float], tuple[Finding, ...]]:
    """Multiplier of volatility and stressed volatility of symbols with bars that the scenarios do not hold, and a
    finding.
    """
    seen = set(memory.symbols["symbol"])
    traded = np.flatnonzero((~np.isnan(panel.close)).any(axis=0))
    names = tuple(panel.symbols[j] for j in traded if panel.symbols[j] not in seen)
    if not names:
        return {}, ()
    message = (
        f"the bundle was not trained with {listed(names)}: tails and scenarios are drawn from the other symbols, "
        f"volatility x{memory.unseen_factor:.2f}"
    )
    hint = "`levercap train` on a market that has them; or the names that the bundle knows"
    finding = Finding("symbol_unseen", Severity.WARNING, "bars", message, len(names), names[:EXAMPLES], hint)
    return dict.fromkeys(names, memory.unseen_factor), (finding,)
