"""Panel: the market as aligned arrays, time x symbol, with holes kept as missing."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from levercap.core.errors import DataError
from levercap.core.names import FloatArray

__all__ = ["CARRY_HOURS", "Panel"]

HOUR = pd.Timedelta(hours=1)

CARRY_HOURS = 3
"""A missing close is replaced by the last one for at most this many hours; after them a symbol is stale."""

BAR_FIELDS = ("open", "high", "low", "close", "volume")
OPTIONAL_FIELDS = ("funding_rate", "open_interest", "implied_vol")


@dataclass(frozen=True, eq=False)
class Panel:
    """Hourly market of one venue on a complete hourly grid.

    Row ``i`` holds what became known at ``timestamps[i] + 1h``: the bar that opened at ``timestamps[i]``, and of every
    optional series the last value stamped within that bar's hour, its end included; of funding the sum of the charges
    within it. A missing value is NaN, never a filled one.

    Attributes
    ----------
    timestamps : hourly bar opens, UTC, without gaps, length ``hours``
    symbols : sorted names, length ``symbols``
    open, high, low, close : (hours, symbols), quote currency
    volume : (hours, symbols), base units
    funding_rate, open_interest, implied_vol : (hours, symbols) or None when the venue has no such table
    """

    timestamps: pd.DatetimeIndex
    symbols: tuple[str, ...]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    funding_rate: FloatArray | None = None
    open_interest: FloatArray | None = None
    implied_vol: FloatArray | None = None

    def __post_init__(self) -> None:
        shape = (len(self.timestamps), len(self.symbols))
        for name in (*BAR_FIELDS, *OPTIONAL_FIELDS):
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise ValueError(f"Panel.{name} has shape {array.shape}, expected {shape} (hours, symbols)")
        if str(self.timestamps.tz) != "UTC":
            raise ValueError(f"Panel.timestamps must be timezone-aware UTC, got {self.timestamps.tz}")

    @property
    def start(self) -> pd.Timestamp:
        """Open of the first bar."""
        return self.timestamps[0]

    @property
    def end(self) -> pd.Timestamp:
        """The instant up to which this panel knows the market: the close of its last bar."""
        return self.timestamps[-1] + HOUR

    def rows_known(self, as_of: pd.Timestamp) -> int:
        """Number of leading rows known at `as_of`: bars whose close is not after it."""
        return int(self.timestamps.searchsorted(as_of - HOUR, side="right"))

    def price(self) -> FloatArray:
        """(hours, symbols) last close known at the end of each row, carried over holes of at most three hours."""
        return pd.DataFrame(self.close).ffill(limit=CARRY_HOURS).to_numpy()

    def until(self, as_of: pd.Timestamp) -> Panel:
        """The panel as it was known at `as_of`, symbols that had not traded yet included (all NaN)."""
        n = self.rows_known(as_of)
        if n == 0:
            raise DataError(f"no bar is known at {as_of}: the market starts at {self.start}")
        return self._cut(slice(n), slice(None))

    def rows(self, first: int) -> Panel:
        """The panel without the leading `first` rows."""
        return self._cut(slice(first, None), slice(None))

    def select(self, symbols: list[str] | tuple[str, ...]) -> Panel:
        """The panel of the given symbols only."""
        unknown = sorted(set(symbols) - set(self.symbols))
        if unknown:
            raise DataError(f"symbols not in the market: {', '.join(unknown)}; it has {', '.join(self.symbols)}")
        return self._cut(slice(None), [self.symbols.index(s) for s in sorted(symbols)])

    def _cut(self, rows: slice, columns: slice | list[int]) -> Panel:
        """The given rows of the given symbols."""
        names = self.symbols[columns] if isinstance(columns, slice) else tuple(self.symbols[j] for j in columns)
        changes: dict[str, Any] = {"timestamps": self.timestamps[rows], "symbols": names}
        for name in (*BAR_FIELDS, *OPTIONAL_FIELDS):
            array = getattr(self, name)
            changes[name] = None if array is None else np.ascontiguousarray(array[rows][:, columns])
        return dataclasses.replace(self, **changes)

    def origins(self, start: pd.Timestamp, stop: pd.Timestamp, every_hours: int = 24) -> pd.DatetimeIndex:
        """Instants ``start, start + every, ... < stop`` at which this panel knows at least one bar."""
        grid = pd.date_range(start, stop, freq=f"{every_hours}h", inclusive="left", unit="us")
        return grid[(grid >= self.start + HOUR) & (grid <= self.end)]

    def data_hash(self) -> str:
        """Sha256 over every value known, 16 hex digits: the same data gives the same hash on any machine."""
        digest = hashlib.sha256()
        digest.update(",".join(self.symbols).encode())
        digest.update(self.timestamps.as_unit("us").asi8.tobytes())
        for name in (*BAR_FIELDS, *OPTIONAL_FIELDS):
            array = getattr(self, name)
            if array is not None:
                digest.update(name.encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]
