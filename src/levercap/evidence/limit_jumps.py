"""Limits of a bundle beside the champion's on a reference book: one small position in every symbol and side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.core.names import Status
from levercap.evidence.checks import Check

__all__ = ["JumpRule", "limit_jump_checks"]


@dataclass(frozen=True)
class JumpRule:
    """Bounds of the limit of a symbol and side over the champion's at the same instant.

    Attributes
    ----------
    largest_rise, largest_cut : of any symbol and side
    largest_median_rise, largest_median_cut : of the median over symbols and sides
    smallest_symbols : symbols with a limit by both
    """

    largest_rise: float = 1.5
    largest_cut: float = 0.5
    largest_median_rise: float = 1.15
    largest_median_cut: float = 0.75
    smallest_symbols: int = 1


def limit_jump_checks(
    challenger: pd.DataFrame, champion: pd.DataFrame, window: str, rule: JumpRule | None = None
) -> list[Check]:
    """Checks of the symbol limits of two bundles at the same instant.

    Parameters
    ----------
    challenger, champion : symbol, side, status, unguarded by any cap of the venue: max_leverage
    window : the instant, in words
    """
    rule = JumpRule() if rule is None else rule
    keys = ["symbol", "side"]
    scored = [table.loc[table["status"] == Status.SCORED, [*keys, "max_leverage"]] for table in (challenger, champion)]
    both = scored[0].merge(scored[1], on=keys, suffixes=("", "_champion"))
    lost = sorted(set(scored[1]["symbol"]) - set(scored[0]["symbol"]))
    checks = [
        Check("symbols with a limit by both", window, both["symbol"].nunique(), rule.smallest_symbols),
        Check("symbols that only the champion scores", window, len(lost), high=0.0, detail=", ".join(lost[:5])),
    ]
    if not len(both):
        return checks
    ratio = both["max_leverage"].to_numpy(dtype=float) / both["max_leverage_champion"].to_numpy(dtype=float)
    median = float(np.median(ratio))
    bounds = rule.largest_median_cut, rule.largest_median_rise
    checks.append(Check("limit over the champion's, median", window, median, *bounds))
    for which, at in (("largest rise", int(np.argmax(ratio))), ("largest cut", int(np.argmin(ratio)))):
        row = both.iloc[at]
        detail = f"{row['symbol']} {row['side']}"
        name = f"limit over the champion's, {which}"
        checks.append(Check(name, window, float(ratio[at]), rule.largest_cut, rule.largest_rise, detail))
    return checks
