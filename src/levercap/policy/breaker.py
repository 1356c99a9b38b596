"""Breaker: whether the figures of a scoring run are within the bounds for publishing it without a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from levercap.config import BreakerConfig
from levercap.core.names import FloatArray

__all__ = ["BatchChange", "BatchFigures", "Trip", "trips"]


@dataclass(frozen=True)
class BatchFigures:
    """Figures of a scoring run; counts of accounts are of those in the accounts table.

    Attributes
    ----------
    accounts, rejected, flat, fallback : accounts: all, rejected, without a position, on the fallback
    positions, orphaned : positions of some size: all, and those whose account is not in the accounts table
    equity, gross_notional : of the accounts that are not rejected, quote currency
    """

    accounts: int
    rejected: int
    flat: int
    fallback: int
    positions: int
    orphaned: int
    equity: float
    gross_notional: float


@dataclass(frozen=True, eq=False)
class BatchChange:
    """What changed from the previous scoring run to this one.

    Attributes
    ----------
    accounts : accounts of the previous run that were not rejected
    gone : those of them that are missing now
    fallback : share of them that were on the fallback
    cuts : (accounts in both runs, rejected in neither,) fall of the limit as a share of the previous one; negative: a
        rise
    factors : by name, value of this run over that of the previous one; those that are not known are left out
    scored_share : share of the turnover in symbols that are scored from their data at this run
    """

    accounts: int
    gone: int
    fallback: float
    cuts: FloatArray
    factors: dict[str, float]
    scored_share: float


@dataclass(frozen=True)
class Trip:
    """A bound that the run is beyond.

    Attributes
    ----------
    setting : key of the bound in the section ``breaker``; empty where no bound can be set
    value, bound : what was found, and the most that is published
    message : the same in a sentence
    """

    setting: str
    value: float
    bound: float
    message: str


def trips(figures: BatchFigures, change: BatchChange | None, config: BreakerConfig) -> tuple[Trip, ...]:
    """Every bound of `config` that the run is beyond; empty when it may be published.

    The figures of the book alone are judged always, the rest beside a previous run only. Cuts and fallbacks that the
    data of most of the market explain are not judged.
    """
    found = [*_of_the_book(figures, config)]
    if change is not None:
        found += _of_the_change(change, config)
        if not change.scored_share >= config.explained_share:
            found += _of_the_limits(figures, change, config)
    return tuple(found)


def _of_the_book(figures: BatchFigures, config: BreakerConfig) -> Iterator[Trip]:
    accounts, positions = figures.accounts, figures.positions
    if positions == 0:
        yield Trip("", 0.0, 1.0, f"the book has no position at all, for {accounts:,} accounts")
    for setting, count, whole, what, alone in (
        ("rejected_share", figures.rejected, accounts, "accounts are rejected", True),
        ("orphaned_share", figures.orphaned, positions, "positions belong to accounts that are not in the table", True),
        ("flat_share", figures.flat if positions else 0, accounts, "accounts hold nothing", False),
    ):
        judged = whole >= config.least_count or (alone and count == whole)
        yield from _share(setting, count / max(whole, 1), config, f"of {whole:,} {what}", judged)


def _of_the_change(change: BatchChange, config: BreakerConfig) -> Iterator[Trip]:
    judged = change.accounts >= config.least_count
    text = f"of {change.accounts:,} accounts of the previous run are missing"
    yield from _share("gone_share", change.gone / max(change.accounts, 1), config, text, judged)
    bound = config.book_change
    for name, factor in change.factors.items():
        if judged and not 1.0 / bound <= factor <= bound:
            message = (
                f"the {name} of the book is {factor:.3g} times that of the previous run, beyond a factor of {bound:g}"
            )
            yield Trip("book_change", factor, bound, message)


def _of_the_limits(figures: BatchFigures, change: BatchChange, config: BreakerConfig) -> Iterator[Trip]:
    why = f"data of symbols with {change.scored_share:.0%} of the turnover do not explain it"
    accounts = max(figures.accounts - figures.rejected, 1)
    grown = figures.fallback / accounts - change.fallback
    judged = change.accounts >= config.least_count and figures.accounts >= config.least_count
    yield from _share(
        "fallback_share", grown, config, f"of {accounts:,} accounts more are on the fallback; {why}", judged
    )
    cuts = change.cuts
    if len(cuts) < config.least_count:
        return
    deep = float((cuts > config.cut_size).mean())
    text = f"of {len(cuts):,} limits fall by more than {config.cut_size:.0%}; {why}"
    yield from _share("cut_share", deep, config, text)
    for setting, value, name in (
        ("median_cut", float(np.median(cuts)), "median"),
        ("worst_cut", float(np.max(cuts)), "largest"),
    ):
        bound = getattr(config, setting)
        if value > bound:
            message = f"the {name} cut of {len(cuts):,} limits is {value:.1%}, more than {bound:.0%}; {why}"
            yield Trip(setting, value, bound, message)


def _share(setting: str, value: float, config: BreakerConfig, text: str, judged: bool = True) -> Iterator[Trip]:
    bound = getattr(config, setting)
    if judged and value > bound:
        yield Trip(setting, value, bound, f"{value:.1%} {text}, more than {bound:.0%}")
