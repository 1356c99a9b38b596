"""Portfolio: accounts x instruments, held sparsely; positions of one account lie next to each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from levercap.core.instrument import Instrument
from levercap.core.names import FloatArray, IntArray

__all__ = ["Portfolio"]


@dataclass(frozen=True, eq=False)
class Portfolio:
    """Positions of many accounts, netted per instrument.

    Position ``p`` of account ``i`` has ``offsets[i] <= p < offsets[i + 1]``; within an account codes ascend. The
    canonical order makes every risk number independent of the order of the input rows and of the other accounts.

    Attributes
    ----------
    instruments : what the codes refer to, length ``instruments``
    equity : (accounts,) quote currency, positive
    offsets : (accounts + 1,) first position of each account
    instrument : (positions,) code into `instruments`; -1 is an instrument that is not among them
    notional : (positions,) signed, quote currency
    """

    instruments: tuple[Instrument, ...]
    equity: FloatArray
    offsets: IntArray
    instrument: IntArray
    notional: FloatArray

    def __post_init__(self) -> None:
        if len(self.offsets) != len(self.equity) + 1 or self.offsets[-1] != len(self.instrument):
            raise ValueError(
                "Portfolio.offsets must have one more entry than accounts and end at the number of positions"
            )
        if len(self.instrument) != len(self.notional):
            raise ValueError("Portfolio.instrument and Portfolio.notional must have the same length")
        if not (np.isfinite(self.notional).all() and np.isfinite(self.equity).all() and (self.equity > 0).all()):
            raise ValueError("Portfolio needs finite notionals and positive finite equity: clean the book first")

    def __len__(self) -> int:
        return len(self.equity)

    def take(self, accounts: IntArray) -> Portfolio:
        """Portfolio of the given accounts, in that order."""
        held = np.diff(self.offsets)[accounts]
        offsets = np.append(0, np.cumsum(held)).astype(np.int64)
        rows = np.repeat(self.offsets[accounts] - offsets[:-1], held) + np.arange(offsets[-1])
        return Portfolio(self.instruments, self.equity[accounts], offsets, self.instrument[rows], self.notional[rows])

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
