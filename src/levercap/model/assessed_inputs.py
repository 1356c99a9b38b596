"""Inputs of snapshots at many instants, each from data assessed, masked and filled as nightly scoring does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from levercap.core.panel import BAR_FIELDS, Panel
from levercap.market import Market
from levercap.market.quality import assess_quality
from levercap.model.snapshots import (
    SnapshotInputs,
    inputs_by_quality,
    last_good_instants,
    snapshot_inputs,
    with_earlier,
)

__all__ = ["AssessedInputs", "assessed_inputs"]

MOST_TOGETHER: Final = 100
"""Instants whose features are computed at once; more would only delay the first of them."""


@dataclass(frozen=True, eq=False)
class AssessedInputs:
    """What the snapshot of one instant is made of, besides models.

    Attributes
    ----------
    panel : as known at the instant, hours that are not trustworthy masked, small gaps filled
    quality : symbol, state, last_good, hours_out, reason of every symbol, as in ``MarketQuality.symbols``
    inputs : of the instant alone
    """

    panel: Panel
    quality: pd.DataFrame
    inputs: SnapshotInputs


def assessed_inputs(
    market: Market, origins: pd.DatetimeIndex, raw: SnapshotInputs, stale_hours: int, stressed_quantile: float
) -> Iterator[AssessedInputs]:
    """AssessedInputs of every origin, in order; those of one depend only on what was known at it.

    Where nothing is masked or filled and no symbol is seen as of an earlier hour, they are rows of `raw`. Features of
    the other origins are computed together as long as the same hours are masked and filled in the same way, which
    gives the numbers of each alone: features at an instant depend only on the panel until it.

    Parameters
    ----------
    market : bars and the hours disputed when they were read
    origins : ascending instants, none after the end of the market
    raw : inputs of `origins` and `with_earlier` of them at least, from the panel of the market as it is
    stale_hours, stressed_quantile : of the configuration of market and policy
    """
    together: list[tuple[pd.Timestamp, pd.DataFrame]] = []
    panel = market.panel
    for as_of in origins:
        quality = assess_quality(market.panel, as_of, stale_hours, market.disputes)
        raw_is_right = _same_bars(market.panel, quality.panel) and not len(last_good_instants(quality.symbols))
        if raw_is_right or len(together) == MOST_TOGETHER or not _continues(panel, quality.panel, market.panel):
            yield from _computed(panel, together, stressed_quantile)
            together = []
        if raw_is_right:
            inputs = inputs_by_quality(raw, as_of, quality.symbols)
            yield AssessedInputs(market.panel.until(as_of), quality.symbols, inputs)
        else:
            together.append((as_of, quality.symbols))
            panel = quality.panel
    yield from _computed(panel, together, stressed_quantile)


def _computed(
    panel: Panel, together: list[tuple[pd.Timestamp, pd.DataFrame]], stressed_quantile: float
) -> Iterator[AssessedInputs]:
    """AssessedInputs of instants that `panel`, the one of the latest of them, is right for."""
    if not together:
        return
    origins = with_earlier(pd.DatetimeIndex([as_of for as_of, _ in together]), panel)
    for _, quality in together:
        origins = origins.union(last_good_instants(quality))
    inputs = snapshot_inputs(panel, origins.as_unit("us"), stressed_quantile)
    for as_of, quality in together:
        yield AssessedInputs(panel.until(as_of), quality, inputs_by_quality(inputs, as_of, quality))


def _continues(before: Panel, now: Panel, raw: Panel) -> bool:
    """Whether `now` is `before` and then the bars of `raw` as they are."""
    count = len(before.timestamps)
    return _same_bars(before, now) and _same_bars(raw.rows(count), now.rows(count))


def _same_bars(one: Panel, other: Panel) -> bool:
    """Whether the leading rows that both have are the same in all fields of the bar, bit for bit."""
    rows = slice(min(len(one.timestamps), len(other.timestamps)))
    return all(
        np.array_equal(getattr(one, name)[rows].view(np.int64), getattr(other, name)[rows].view(np.int64))
        for name in BAR_FIELDS
    )
