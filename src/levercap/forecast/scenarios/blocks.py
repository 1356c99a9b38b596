"""Joint scenarios: multivariate filtered historical simulation of hourly paths (Barone-Adesi, Giannopoulos and Vosper
1999).

A scenario is one historical block as long as the horizon, the same block for every symbol, so that dependence,
contagion and the path survive. Each symbol's simple returns within the block are divided by the volatility forecast
made at its start; today's forecast multiplies them.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from levercap.core.errors import DataError
from levercap.core.horizon import DAY, Horizon
from levercap.core.instrument import perpetuals
from levercap.core.names import FloatArray, IntArray, Side
from levercap.core.outcomes import MISSING_HOURS_ALLOWED, future_windows
from levercap.core.panel import Panel
from levercap.core.scenario import ScenarioSet
from levercap.core.weighted_tail import expected_shortfall
from levercap.forecast.recipe import RECIPE, BlockRecipe

__all__ = ["Blocks", "fill_missing", "match_tail_es", "standardised_blocks", "thin"]

Float32Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Blocks:
    """Standardised historical blocks, in units of the volatility forecast made at their start.

    Attributes
    ----------
    symbols : length ``symbols``
    starts : (blocks,) datetime64[us], UTC
    weights : (blocks,) sum to one
    low, high : (symbols, blocks, hours) float32, NaN where the symbol has no history at the block
    end : (symbols, blocks) float32
    """

    symbols: tuple[str, ...]
    starts: NDArray[np.datetime64]
    weights: FloatArray
    low: Float32Array
    high: Float32Array
    end: Float32Array

    @property
    def horizon(self) -> Horizon:
        """How far the paths reach."""
        return Horizon(self.low.shape[2])

    def take(self, index: IntArray, weights: FloatArray) -> Blocks:
        """The given blocks with new weights."""
        return Blocks(
            self.symbols,
            self.starts[index],
            weights / weights.sum(),
            np.ascontiguousarray(self.low[:, index]),
            np.ascontiguousarray(self.high[:, index]),
            np.ascontiguousarray(self.end[:, index]),
        )

    def scenarios(
        self,
        volatility: dict[str, float],
        tail: dict[str, tuple[float, float]],
        seed: int,
        recipe: BlockRecipe = RECIPE.blocks,
    ) -> ScenarioSet:
        """Scenarios of the symbols in `volatility` (per 24 h), in its order sorted by name.

        The path ES of each symbol is matched to its pair of `tail` (path ES ratio of longs and of shorts at the match
        level of `recipe`). A symbol that the blocks do not hold gets the market part and pooled residuals.
        """
        symbols = tuple(sorted(volatility))
        unseen = tuple(s for s in symbols if s not in self.symbols)
        blocks = self if not unseen else self.with_unseen(unseen, seed)
        blocks = match_tail_es(blocks, {s: tail[s] for s in symbols if s in tail}, recipe)
        rows = [blocks.symbols.index(s) for s in symbols]
        scale = np.array([volatility[s] for s in symbols], dtype=np.float32)
        return ScenarioSet(
            instruments=perpetuals(symbols),
            weights=blocks.weights,
            low=blocks.low[rows] * scale[:, None, None],
            high=blocks.high[rows] * scale[:, None, None],
            end=blocks.end[rows] * scale[:, None],
            starts=blocks.starts,
            horizon=self.horizon,
        )

    def with_unseen(self, symbols: tuple[str, ...], seed: int) -> Blocks:
        """These blocks and those of symbols without any history, made of the market part and pooled residuals."""
        low, high = (np.full((len(symbols), *self.low.shape[1:]), np.nan, dtype=np.float32) for _ in range(2))
        end = np.full((len(symbols), self.end.shape[1]), np.nan, dtype=np.float32)
        both = Blocks(
            self.symbols + symbols,
            self.starts,
            self.weights,
            np.concatenate([self.low, low]),
            np.concatenate([self.high, high]),
            np.concatenate([self.end, end]),
        )
        return fill_missing(both, seed)


def standardised_blocks(panel: Panel, volatility: pd.DataFrame, horizon: Horizon = DAY) -> Blocks:
    """Blocks from every origin with a volatility forecast (columns as_of, symbol, volatility) and a known outcome."""
    known = volatility[volatility["as_of"] <= panel.end - horizon.duration]
    table = known.pivot(index="as_of", columns="symbol", values="volatility")
    if table.empty:
        raise DataError(f"no block of {horizon} with a volatility forecast lies within the market's history")
    panel = panel.select(tuple(table.columns))
    origins = pd.DatetimeIndex(table.index)
    rows = np.array([panel.rows_known(t) for t in origins], dtype=np.int64)
    windows = future_windows(rows, horizon, len(panel.timestamps))
    price = panel.price()
    unit = price[rows - 1] * table.to_numpy()
    origin = price[rows - 1] / unit
    present = (~np.isnan(panel.close[windows])).sum(axis=1) >= horizon.hours - MISSING_HOURS_ALLOWED
    carried = price[windows]

    def paths(field: FloatArray) -> Float32Array:
        inside = np.where(np.isnan(field[windows]), carried, field[windows])
        z = inside / unit[:, None, :] - origin[:, None, :]
        z = np.where(present[:, None, :], z, np.nan)
        return np.ascontiguousarray(z.transpose(2, 0, 1), dtype=np.float32)

    low, high, close = paths(panel.low), paths(panel.high), paths(panel.close)
    broken = np.isnan(low).any(axis=2) | np.isnan(high).any(axis=2) | np.isnan(close[:, :, -1])
    low[broken], high[broken], close[broken] = np.nan, np.nan, np.nan
    some = ~broken.all(axis=0)
    starts = origins.tz_convert(None).as_unit("us").to_numpy()
    blocks = Blocks(panel.symbols, starts, np.ones(len(starts)), low, high, close[:, :, -1])
    return blocks.take(np.flatnonzero(some), np.ones(int(some.sum())))


def thin(blocks: Blocks, count: int, seed: int, recipe: BlockRecipe = RECIPE.blocks) -> Blocks:
    """About `count` blocks: tail blocks kept, others sampled, with inverse inclusion probabilities as weights.

    The inclusion probability rises with the share of symbols and sides for which a block lies in the worst twentieth
    (systematic sampling with unequal probabilities; Horvitz and Thompson 1952).
    """
    total = len(blocks.starts)
    if total <= count:
        return blocks
    adverse = np.concatenate([-blocks.low.min(axis=2), blocks.high.max(axis=2)])
    rank = pd.DataFrame(adverse).rank(axis=1, pct=True).to_numpy()
    in_tail = np.where(np.isnan(rank), 0.0, rank > 1.0 - recipe.tail_share)
    severity = in_tail.sum(axis=0) / (~np.isnan(rank)).sum(axis=0)
    inclusion = _inclusion(recipe.base_inclusion + recipe.severity_inclusion * severity, count)
    rng = np.random.default_rng(seed)
    marks = np.floor(np.cumsum(inclusion) + rng.uniform())
    chosen = np.flatnonzero(np.diff(marks, prepend=0.0) > 0)
    return blocks.take(chosen, 1.0 / inclusion[chosen])


def _inclusion(size: FloatArray, count: int) -> FloatArray:
    """Inclusion probabilities proportional to `size`, at most one, summing to `count`."""
    certain = np.zeros(len(size), dtype=bool)
    while True:
        rest = (count - certain.sum()) * size / size[~certain].sum()
        more = ~certain & (rest >= 1.0)
        if not more.any():
            return np.where(certain, 1.0, rest)
        certain |= more


def fill_missing(blocks: Blocks, seed: int) -> Blocks:
    """Give every symbol a path in every block.

    A symbol without history at a block's date takes the market part of that block (the mean over the symbols that have
    it) plus the residual from the market part of another symbol at another block, drawn by seed and name: so it moves
    with the market, and is an exact hedge of no other symbol.
    """
    missing = np.isnan(blocks.end)
    if not missing.any():
        return blocks
    have = ~missing
    donors = np.argwhere(have)
    count = have.sum(axis=0)
    if (count == 0).any():
        raise DataError(f"{int((count == 0).sum())} blocks have no symbol at all")
    market = [np.nanmean(part, axis=0) for part in (blocks.low, blocks.high, blocks.end)]
    low, high, end = blocks.low.copy(), blocks.high.copy(), blocks.end.copy()
    for j in np.flatnonzero(missing.any(axis=1)):
        holes = np.flatnonzero(missing[j])
        rng = np.random.default_rng([seed, *hashlib.sha256(blocks.symbols[j].encode()).digest()[:8]])
        pick = donors[rng.integers(0, len(donors), len(holes))]
        for target, source, common in zip((low, high, end), (blocks.low, blocks.high, blocks.end), market, strict=True):
            target[j, holes] = common[holes] + source[pick[:, 0], pick[:, 1]] - common[pick[:, 1]]
        low[j, holes], high[j, holes] = _ordered(low[j, holes], high[j, holes])
        low[j, holes, -1] = np.minimum(low[j, holes, -1], end[j, holes])  # the path's last hour holds its end
        high[j, holes, -1] = np.maximum(high[j, holes, -1], end[j, holes])
    return dataclasses.replace(blocks, low=low, high=high, end=end)


def _ordered(low: Float32Array, high: Float32Array) -> tuple[Float32Array, Float32Array]:
    return np.minimum(low, high), np.maximum(low, high)


def match_tail_es(
    blocks: Blocks, path_es_ratios: dict[str, tuple[float, float]], recipe: BlockRecipe = RECIPE.blocks
) -> Blocks:
    """Stretch each symbol's falls and rises so that its path ES at the match level equals the ratio of the tail model
    (longs, shorts).

    One factor for negative and one for positive returns: order within the hour and dependence between symbols are
    untouched.
    """
    low, high, end = blocks.low.copy(), blocks.high.copy(), blocks.end.copy()
    for symbol, targets in path_es_ratios.items():
        j = blocks.symbols.index(symbol)
        losses = {Side.LONG: -low[j].min(axis=1), Side.SHORT: high[j].max(axis=1)}
        fall, rise = (
            np.float32(target / expected_shortfall(np.maximum(losses[side], 0.0), blocks.weights, recipe.match_level))
            for side, target in zip((Side.LONG, Side.SHORT), targets, strict=True)
        )
        for part in (low, high, end):
            part[j] = np.where(part[j] < 0, part[j] * fall, part[j] * rise)
    return dataclasses.replace(blocks, low=low, high=high, end=end)
