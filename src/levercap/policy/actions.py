"""Actions: what the venue should do about an account, from how far above its limit it stands.

A limit is about new risk and withdrawals. Applying one never makes an account liquidatable: margin calls and
liquidation stay with the venue's maintenance margin, which no limit touches. The strongest action, ``reduce``, asks
the venue to bring the account down in an orderly way; it is given only where data are complete and liquidation
is far likelier than the budget.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from levercap.config import PolicyConfig
from levercap.core.names import Action, BoolArray, FloatArray

__all__ = ["LADDER", "account_actions", "rejected_actions"]

LADDER: Final = tuple(Action)
"""Actions, mildest first."""

TextArray = np.ndarray[tuple[int], np.dtype[np.object_]]


def account_actions(
    effective_leverage: FloatArray,
    max_leverage: FloatArray,
    liquidation_probability: FloatArray,
    incomplete: BoolArray,
    policy: PolicyConfig,
) -> TextArray:
    """Action for each scored account, (accounts,); never milder at a higher leverage of the same portfolio.

    ======================================================  ==============
    effective leverage over the limit                        action
    ======================================================  ==============
    at most `warn_share`, or no position                     none
    at most 1                                                warn
    above 1, liquidation probability within the budget       no_new_risk
    above 1, above the budget                                reduce_only
    above 1, above `reduce_multiple` times the budget        reduce
    ======================================================  ==============

    Where data is incomplete the probability is a bound and not a forecast: the ladder ends at ``reduce_only``. A held
    limit rests on the last good data and has the whole ladder.
    """
    budget = policy.liquidation_probability
    over = ~(effective_leverage <= max_leverage)
    step = np.where(effective_leverage > policy.warn_share * max_leverage, 1, 0)
    step = np.where(over, 2, step)
    step = np.where(over & (liquidation_probability > budget), 3, step)
    step = np.where(over & (liquidation_probability > policy.reduce_multiple * budget) & ~incomplete, 4, step)
    names: TextArray = np.array([action.value for action in LADDER], dtype=object)
    return names[np.where(effective_leverage == 0, 0, step)]


def rejected_actions(gross_notional: FloatArray) -> TextArray:
    """Action for each rejected account, (accounts,): ``reduce_only`` if it holds anything, else ``no_new_risk``."""
    held = ~(gross_notional == 0)
    return np.where(held, Action.REDUCE_ONLY.value, Action.NO_NEW_RISK.value).astype(object)
