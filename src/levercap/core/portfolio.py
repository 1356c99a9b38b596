"""Portfolio: accounts x symbols, held sparsely; positions of one account lie next to each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from levercap.core.names import FloatArray, IntArray

__all__ = ["Portfolio"]


@dataclass(frozen=True, eq=False)
class Portfolio:
    """Positions of many accounts, netted per symbol.

    Position ``p`` of account ``i`` has ``offsets[i] <= p < offsets[i + 1]``; within an account symbols ascend. The
    canonical order makes every risk number independent of the order of the input rows and of the other accounts.

    Attributes
    ----------
    symbols : names the codes refer to, length ``symbols``
    equity : (accounts,) quote currency, positive
    offsets : (accounts + 1,) first position of each account
    symbol : (positions,) code into `symbols`; -1 is a symbol without a forecast
    notional : (positions,) signed, quote currency
    """

    symbols: tuple[str, ...]
    equity: FloatArray
    offsets: IntArray
    symbol: IntArray
    notional: FloatArray

    def __post_init__(self) -> None:
        if len(self.offsets) != len(self.equity) + 1 or self.offsets[-1] != len(self.symbol):
            raise ValueError(
                "Portfolio.offsets must have one more entry than accounts and end at the number of positions"
            )
        if len(self.symbol) != len(self.notional):
            raise ValueError("Portfolio.symbol and Portfolio.notional must have the same length")
        if not (np.isfinite(self.notional).all() and np.isfinite(self.equity).all() and (self.equity > 0).all()):
            raise ValueError("Portfolio needs finite notionals and positive finite equity: clean the book first")

    def __len__(self) -> int:
        return len(self.equity)

    @property
    def account(self) -> IntArray:
        """(positions,) index of the account each position belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    @property
    def gross_notional(self) -> FloatArray:
        """(accounts,) sum of absolute notionals, quote currency."""
        return np.bincount(self.account, np.abs(self.notional), minlength=len(self)).astype(np.float64)

    @property
    def share(self) -> FloatArray:
        """(positions,) signed share of the account's gross notional: the weights u with sum of |u| = 1."""
        gross = self.gross_notional[self.account]
        return np.divide(self.notional, gross, out=np.zeros_like(self.notional), where=gross > 0)
