"""Bounds within which a scoring run is published without a person."""

from __future__ import annotations

from dataclasses import dataclass

from levercap.config.rules import AboveOne, Count, Share

__all__ = ["BreakerConfig"]


@dataclass(frozen=True)
class BreakerConfig:
    """When a scoring run is held back instead of published: its book or its limits are beyond one of these bounds."""

    least_count: Count = 20
    """Shares of fewer accounts or positions than this are not judged: a small book reaches any share by chance. A book
    without a single position, or of which nothing can be read, is held whatever its size."""
    rejected_share: Share = 0.20
    """Largest share of the accounts that may be rejected."""
    orphaned_share: Share = 0.20
    """Largest share of the positions whose account may be missing from the accounts."""
    flat_share: Share = 0.90
    """Largest share of the accounts that may hold nothing."""
    gone_share: Share = 0.20
    """Largest share of the accounts of the previous run that may be missing."""
    book_change: AboveOne = 3.0
    """Largest factor, up or down, between this and the previous run in the number of positions, the equity and the
    gross notional."""
    fallback_share: Share = 0.30
    """Largest share of the accounts by which those on the fallback may grow from the previous run, unless explained."""
    median_cut: Share = 0.20
    """Largest median cut of the limits from the previous run, unless explained."""
    cut_size: Share = 0.20
    """A limit that falls by more than this share counts as cut."""
    cut_share: Share = 0.50
    """Largest share of the accounts that may be cut, unless explained."""
    worst_cut: Share = 0.95
    """Largest cut of any one limit, unless explained."""
    explained_share: Share = 0.50
    """Cuts and fallbacks are explained, and never hold a run back, when symbols with at least this share of the
    turnover are scored from their data: a crash must get through."""
