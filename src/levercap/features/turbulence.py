"""Turbulence (Mahalanobis distance of joint returns) and absorption ratio."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.core.panel import Panel
from levercap.features.cross_section import broadcast
from levercap.features.description import Description
from levercap.features.returns import Ingredients
from levercap.features.smoothing import lagged, rolling_mean

__all__ = ["DESCRIPTIONS", "Correlations", "absorption_ratio", "turbulence_features"]

DAY = 24
HALF_LIFE_DAYS = 90.0
MINIMUM_DAYS = 60
FEWEST_SYMBOLS = 3
LARGEST_MOVE = 6.0
"""Standardised daily returns are clipped here before they enter the moments, so that one crash does not rule them."""

SMALLEST_EIGENVALUE = 0.02
SMALLEST_DISTANCE = 1e-3
ABSORBING_SHARE = 0.2
SHORT_DAYS, LONG_DAYS = 15, 365
LARGEST_SHIFT = 5.0


DESCRIPTIONS = (
    Description(
        "turbulence_24h",
        "Mahalanobis distance of the 24-hour returns of all symbols, squared, per symbol",
        "log",
        "Kritzman and Li 2010",
    ),
    Description("turbulence_7d", "its mean over 7 days", "log", "Kritzman and Li 2010"),
    Description(
        "correlation_surprise_24h",
        "the same distance over that without correlations",
        "log ratio",
        "Kinlaw and Turkington 2013",
    ),
    Description(
        "absorption_ratio",
        "share of the first fifth of the principal components in the variance, last midnight",
        "share",
        "Kritzman, Li, Page and Rigobon 2011",
    ),
    Description(
        "absorption_shift_15d",
        "its mean of 15 days less that of a year, over the deviation of the year",
        "deviations, within +-5",
        "Kritzman, Li, Page and Rigobon 2011",
    ),
)


@dataclass
class Correlations:
    """Exponentially weighted second moments of daily returns, pair by pair over the days on which both were there.

    The mean is taken as zero: a daily mean is small against its error.
    """

    symbols: int
    decay: float = 0.5 ** (1.0 / HALF_LIFE_DAYS)
    product: FloatArray = field(init=False)
    square: FloatArray = field(init=False)
    weight: FloatArray = field(init=False)
    weight_of_squares: FloatArray = field(init=False)
    days: IntArray = field(init=False)

    def __post_init__(self) -> None:
        shape = (self.symbols, self.symbols)
        for name in ("product", "square", "weight", "weight_of_squares"):
            setattr(self, name, np.zeros(shape))
        self.days = np.zeros(shape, dtype=np.int64)

    def update(self, z: FloatArray) -> None:
        """Add one day's returns (symbols,), NaN where not known."""
        there = ~np.isnan(z)
        both = there[:, None] & there[None, :]
        y = np.clip(np.where(there, z, 0.0), -LARGEST_MOVE, LARGEST_MOVE)
        fade = np.where(both, self.decay, 1.0)
        self.product = fade * self.product + np.where(both, y[:, None] * y[None, :], 0.0)
        self.square = fade * self.square + np.where(both, (y**2)[:, None], 0.0)
        self.weight = fade * self.weight + both
        self.weight_of_squares = fade**2 * self.weight_of_squares + both
        self.days += both

    def deviation(self) -> FloatArray:
        """(symbols,) standard deviation of each symbol, NaN with fewer than sixty days."""
        enough = (np.diag(self.days) >= MINIMUM_DAYS) & (np.diag(self.square) > 0)
        variance = np.divide(
            np.diag(self.square), np.diag(self.weight), out=np.full(self.symbols, np.nan), where=enough
        )
        return np.asarray(np.sqrt(variance), dtype=np.float64)

    def matrix(self, among: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Shrunk correlation matrix, zero outside the symbols `among`; and its eigenvalues, ascending.

        The target is the constant correlation of Ledoit and Wolf (2004); its weight is the sum of the sampling
        variances (1 - r^2)^2 / n of the correlations over the sum of their squared distances from the target, as in
        Schaefer and Strimmer (2005), n being the effective number of days. Pairs with fewer than sixty common days
        take the target. Where the smallest eigenvalue is still below 0.02 the matrix is shrunk on to the identity
        until it is not.
        """
        some = np.flatnonzero(among)
        pick = np.ix_(some, some)
        scale = np.sqrt(self.square[pick] * self.square.T[pick])
        known = ~np.eye(len(some), dtype=bool) & (self.days[pick] >= MINIMUM_DAYS) & (scale > 0)
        raw = np.divide(self.product[pick], scale, out=np.zeros_like(scale), where=known)
        target = max(float(raw[known].mean()), 0.0) if known.any() else 0.0
        size = self.weight[pick][known] ** 2 / self.weight_of_squares[pick][known]
        noise = float(((1.0 - raw[known] ** 2) ** 2 / size).sum())
        distance = float(((raw[known] - target) ** 2).sum())
        share = min(noise / distance, 1.0) if distance > 0 else 1.0
        shrunk = np.where(known, (1.0 - share) * raw + share * target, target)
        np.fill_diagonal(shrunk, 1.0)
        values = np.linalg.eigvalsh(shrunk)
        more = max(0.0, (SMALLEST_EIGENVALUE - values[0]) / (1.0 - values[0])) if values[0] < 1.0 else 0.0
        matrix = np.zeros_like(self.product)
        matrix[pick] = (1.0 - more) * shrunk + more * np.eye(len(some))
        return matrix, np.asarray((1.0 - more) * values + more, dtype=np.float64)


def turbulence_features(panel: Panel, x: Ingredients, slow: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """Name and (hours, symbols) values of each feature; the matrices are those of the midnights (UTC)."""
    midnight = np.flatnonzero((panel.timestamps + pd.Timedelta(hours=1)).hour == 0)
    z = x.daily / np.exp(lagged(slow, DAY))
    distance, surprise, absorbed = _walk(z, midnight)
    yield "turbulence_24h", broadcast(np.log(distance + SMALLEST_DISTANCE), slow)
    yield "turbulence_7d", broadcast(np.log(rolling_mean(distance[:, None], 168)[:, 0] + SMALLEST_DISTANCE), slow)
    yield "correlation_surprise_24h", broadcast(surprise, slow)
    day = np.searchsorted(midnight, np.arange(len(z)), side="right") - 1
    for name, daily in (("absorption_ratio", absorbed), ("absorption_shift_15d", _shift(absorbed))):
        yield name, broadcast(np.append(daily, np.nan)[day], slow)


def absorption_ratio(eigenvalues: FloatArray) -> float:
    """Share of the variance in the first fifth of the principal components (Kritzman, Li, Page and Rigobon 2011).

    A fifth that is not whole takes a part of the next component, so that a new symbol makes no jump.
    """
    absorbed = np.append(0.0, eigenvalues[::-1].cumsum())
    fifth = ABSORBING_SHARE * len(eigenvalues)
    return float(np.interp(fifth, np.arange(len(absorbed)), absorbed) / absorbed[-1])


def _walk(z: FloatArray, midnight: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(hours,) squared distance per symbol, (hours,) correlation surprise, (midnights,) absorption ratio.

    The matrix of a midnight measures the 24-hour returns that begin at it or less than a day after it, none of which
    it has seen.
    """
    hours, symbols = z.shape
    distance, surprise = np.full(hours, np.nan), np.full(hours, np.nan)
    absorbed = np.full(len(midnight), np.nan)
    moments = Correlations(symbols)
    for i, row in enumerate(midnight):
        moments.update(z[row])
        deviation = moments.deviation()
        among = ~np.isnan(z[row]) & ~np.isnan(deviation)
        if among.sum() < FEWEST_SYMBOLS:
            continue
        matrix, eigenvalues = moments.matrix(among)
        absorbed[i] = absorption_ratio(eigenvalues)
        later = slice(row + DAY, min(row + 2 * DAY, hours))
        y = z[later] / np.where(among, deviation, np.nan)
        distance[later], surprise[later] = _distance(y, matrix)
    return distance, surprise, absorbed


def _distance(y: FloatArray, matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(rows,) y' C^-1 y / n over the n symbols that are there, and its log ratio to y'y / n."""
    there = ~np.isnan(y)
    known = np.where(there, y, 0.0)
    outside = ~there[:, :, None] | ~there[:, None, :]
    parts = np.where(outside, np.eye(y.shape[1]), matrix)
    solved = np.linalg.solve(parts, known[:, :, None])[:, :, 0]
    count = there.sum(axis=1)
    enough = count >= FEWEST_SYMBOLS
    mean = np.where(enough, np.ascontiguousarray(known * solved).sum(axis=1) / np.maximum(count, 1), np.nan)
    size = np.where(enough, (known**2).sum(axis=1) / np.maximum(count, 1), np.nan)
    return mean, np.log(mean + SMALLEST_DISTANCE) - np.log(size + SMALLEST_DISTANCE)


def _shift(absorbed: FloatArray) -> FloatArray:
    """(midnights,) mean of 15 days minus mean of a year, over the year's standard deviation, within +-5."""
    series = pd.Series(absorbed)
    year = series.rolling(LONG_DAYS, min_periods=LONG_DAYS // 2)
    shift = (series.rolling(SHORT_DAYS, min_periods=SHORT_DAYS // 2).mean() - year.mean()) / (year.std() + 1e-3)
    clipped = np.clip(shift.to_numpy(dtype=float), -LARGEST_SHIFT, LARGEST_SHIFT)
    return np.asarray(clipped, dtype=np.float64)
