"""Netting: the positions of each account summed per instrument, whatever the order of the rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.book.kinds import groups_apart
from levercap.core.instrument import Instrument
from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.core.portfolio import Portfolio
from levercap.storage.tables import as_text

__all__ = ["PositionCodes", "code_positions", "net_positions"]

DUST = 1e-12
"""A net notional at or below this share of the notionals it nets is rounding, not a position."""


@dataclass(frozen=True, eq=False)
class PositionCodes:
    """What each row of positions is in.

    Attributes
    ----------
    instruments : those that were given
    unlisted : number of other things held: positions of an unsupported kind, and names not listed. They are kept apart
        while netting, so that two of them never cancel
    code : (positions,) unsupported ones first, then names not listed, sorted by name, then the instruments in their
        order
    unknown : (positions,) names an instrument that is not listed or whose underlying has no market
    """

    instruments: tuple[Instrument, ...]
    unlisted: int
    code: IntArray
    unknown: BoolArray


def code_positions(
    positions: pd.DataFrame,
    notional: FloatArray,
    instruments: tuple[Instrument, ...],
    market: Collection[str] | None = None,
    unsupported: BoolArray | None = None,
) -> PositionCodes:
    """Codes of what positions are in; `market` holds the symbols with a market, None for every underlying.

    `unsupported` marks positions that are in no instrument whatever their symbol; None: there are none.
    """
    coded = as_text(positions["symbol"]).dictionary_encode()
    names = [str(name) for name in coded.dictionary.to_pylist()]
    if not names:
        return PositionCodes(instruments, 0, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool))
    listed = [instrument.name for instrument in instruments]
    unlisted = sorted(set(names) - set(listed))
    rank = {name: i for i, name in enumerate([*unlisted, *listed])}
    place = coded.indices.to_numpy()
    traded = {one.name for one in instruments if market is None or one.underlying in market}
    unknown = np.array([name not in traded and name != "" for name in names], dtype=bool)[place]
    code = np.array([rank[name] for name in names], dtype=np.int64)[place]
    if unsupported is None or not unsupported.any():
        return PositionCodes(instruments, len(unlisted), code, unknown)
    apart = groups_apart(positions[unsupported], notional[unsupported])
    code += int(apart.max()) + 1
    code[unsupported] = apart
    return PositionCodes(instruments, len(unlisted) + int(apart.max()) + 1, code, unknown & ~unsupported)


def net_positions(codes: PositionCodes, notional: FloatArray, owner: IntArray, equity: FloatArray) -> Portfolio:
    """Portfolio of netted positions.

    Parameters
    ----------
    codes : what the positions are in
    notional : (positions,) signed, quote currency; zero is no position
    owner : (positions,) account of the portfolio each belongs to, -1 for none of them
    equity : (accounts,) quote currency
    """
    keep = (owner >= 0) & (notional != 0.0)
    width = codes.unlisted + len(codes.instruments)
    key, net = _netted(owner[keep] * width + codes.code[keep], notional[keep])
    offsets = np.searchsorted(key // max(width, 1), np.arange(len(equity) + 1)).astype(np.int64)
    instrument = np.maximum(key % max(width, 1) - codes.unlisted, -1)
    return Portfolio(codes.instruments, equity, offsets, instrument, net)


def _netted(key: IntArray, notional: FloatArray) -> tuple[IntArray, FloatArray]:
    """Sum of notionals per key, keys ascending, whatever the order of the rows; what nets to rounding is dropped."""
    order = np.argsort(key, kind="stable")
    key, notional = key[order], notional[order]
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1])) if len(key) else np.zeros(0, dtype=np.int64)
    if len(first) == len(key):
        return key, notional
    order = np.lexsort((notional, key))  # sums depend on the order of their terms: fix it
    notional = notional[order]
    net, gross = np.add.reduceat(notional, first), np.add.reduceat(np.abs(notional), first)
    keep = np.abs(net) > DUST * gross
    return key[first][keep], net[keep]
