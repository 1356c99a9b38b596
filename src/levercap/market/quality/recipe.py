"""Thresholds of data quality, each with what it is measured against."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["QUALITY", "QualityRecipe"]


@dataclass(frozen=True)
class QualityRecipe:
    """Thresholds of the state machine. Scales are hourly standard deviations of the symbol itself."""

    history_days: int = 400
    """Days before the instant that are looked at, for the symbol's own habits and for changes of unit."""
    window_hours: tuple[int, ...] = (24, 168, 720)
    """Windows that forecasts look at, hours."""
    window_shares: tuple[float, ...] = (0.7, 0.9, 0.9)
    """Least share of good hours in each of them; an outage of six hours passes."""
    violent_holes: int = 2
    """Least number of holes, bridged by violent moves, that say that the violent hours are the missing ones."""
    violent_share: float = 0.1
    """Least share of them among the holes of the longest window."""
    violent_scales: float = 3.0
    """Scales times the root of the hours missing beyond which a bridged move is violent."""
    young_days: int = 90
    """Days with bars below which a symbol is young."""

    lifeless_share: float = 0.002
    """Own share of lifeless hours (unchanged, without range or without volume) below which each one is masked."""
    lifeless_run_hours: int = 3
    """Shortest run of lifeless hours that is frozen for a symbol whose lifeless hours are not rare."""
    lifeless_run_factor: float = 2.0
    """The run must also be this many times the usual longest run of a day (95 % quantile of own days)."""
    lifeless_day_excess: float = 0.25
    """A day is frozen where its share of lifeless hours exceeds the own 95 % quantile of days by this share."""
    lifeless_ceiling: float = 0.5
    """Share of lifeless hours of a day above which it is frozen, whatever the symbol's history."""

    coarse_hours: tuple[int, ...] = (12, 24)
    """Lengths of the blocks in which the price step is estimated."""
    coarse_step: float = 0.5
    """Price step over the hourly scale above which prices are coarse."""
    coarse_ratio: float = 5.0
    """The step must also be this many times the symbol's own usual one."""

    scale_hours: int = 48
    """Hours of the recent scale; the scale is the larger of it and the one of the whole history."""
    scale_clip: float = 8.0
    """Moves are clipped at this many long scales in the recent scale, so that one print does not excuse the next."""
    opening_gap: float = 0.02
    """Least log distance of an open to the close before that is doubted: a market that never closes has none."""
    opening_gap_scales: float = 2.5
    """The same in scales; across missing hours further `bridging_scales` times the root of their number."""
    bridging_scales: float = 5.0
    """Scales times the root of the hours missing that a price may move meanwhile."""
    print_days: int = 90
    """Days in which moves and wicks within an hour are judged."""
    move: float = 0.05
    """Least log move within an hour, or wick beyond open and close, that is doubted without a surge of volume."""
    move_scales: float = 6.0
    """The same in scales."""
    extreme_move: float = 0.7
    """Log move or wick doubted even with a surge of volume."""
    extreme_move_scales: float = 40.0
    """The same in scales."""
    surge: float = 2.5
    """Volume over its mean of a week, relative to the other symbols, that goes with a real move."""
    market_ranges: float = 1.0
    """Median ranges of the other symbols, of the hour and the one before, that limits of moves and wicks, and of gaps
    across missing hours, are widened by."""
    market_ranges_of_gaps: float = 0.1
    """The same for an open and the close of the hour just before it: trading is continuous even in a crash."""
    persistence_hours: int = 3
    """Hours of continuous trading near the new price that confirm a move within an hour."""
    level_hours: int = 24
    """Hours of good bars at a new level after which it, and not the one before, is the level of now."""
    unit_jump: float = 0.25
    """Log level shift that trading does not explain above which the hours before it count as another unit or coin."""
    unit_jump_move: float = 1.0
    """The same for a shift within one hour that persists."""
    unit_jump_days: int = 60
    """Days for which a symbol stays disputed after such a shift."""
    disputed_hours: int = 48
    """Hours for which a symbol stays disputed after a doubtful print or a contradictory row."""

    feed_share: float = 0.4
    """Share of the symbols that traded within a week above which their outage is one of the whole feed."""
    feed_symbols: int = 3
    """Least number of symbols out for that."""
    listed: int = 10
    """Symbols that a finding names one by one."""


QUALITY = QualityRecipe()
"""The thresholds in use."""
