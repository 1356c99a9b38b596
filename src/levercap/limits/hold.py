"""Holding limits while data are out: whose, for how long, on what, and what they return to."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from levercap.config import GuardrailConfig
from levercap.core.names import BoolArray, FloatArray, IntArray
from levercap.core.portfolio import Portfolio
from levercap.limits.assessor import Assessment, Assessor
from levercap.limits.previous import PreviousLimits
from levercap.limits.symbol_states import share_held
from levercap.policy import Terms, held_limits, hold_weight

__all__ = ["Hold", "hold_limits", "hours_held"]


@dataclass(frozen=True, eq=False)
class Hold:
    """Accounts whose data are out, (accounts,) each.

    Attributes
    ----------
    out : a position, or without any a reference position, is in a symbol that is not scored from data
    held : an earlier limit is held, in full or in part
    limit : the limit that holds, NaN where none does
    resume : what the limit returns to at once when data return, where that is above it; inf where no limit was in force
        before they were out, NaN where the limit itself is what to return to
    """

    out: BoolArray
    held: BoolArray
    limit: FloatArray
    resume: FloatArray


def hold_limits(
    assessor: Assessor,
    portfolio: Portfolio,
    terms: Terms,
    assessment: Assessment,
    previous: PreviousLimits,
    config: GuardrailConfig,
) -> tuple[Assessment, Hold]:
    """Hold earlier limits where data are out.

    Parameters
    ----------
    assessor : of the present snapshot
    portfolio, terms : accounts
    assessment : their assessment with what is out at the bound
    previous : their earlier limits
    config : how long a limit is held

    Returns
    -------
    assessment : with held accounts at the last good data; the caps of the others whose data are out are nowhere looser
        than those at the last good data
    hold : which accounts are held at what
    """
    out = assessor.touches(portfolio, assessor.states.out)
    rows = np.flatnonzero(assessor.touches(portfolio, assessor.states.last_good))
    computed = assessment.caps.tightest()[0]
    incomplete = assessment.incomplete
    held, limit = np.zeros(len(portfolio), dtype=np.bool_), np.full(len(portfolio), np.nan)
    if len(rows):
        last = assessor.assess_last_good(portfolio.take(rows), terms.take(rows))
        conservative = computed[rows]
        computed, incomplete = computed.copy(), incomplete.copy()
        computed[rows], incomplete[rows] = last.caps.tightest()[0], last.incomplete
        before = previous.take(rows)
        weight = hold_weight(hours_held(assessor, portfolio.take(rows)), config.hold_hours)
        usable = before.usable & np.isfinite(before.resume) & np.isfinite(computed[rows])
        held[rows] = usable & ~last.incomplete & (weight > 0)
        limit[rows] = held_limits(conservative, computed[rows], before.limit, before.resume, weight)
        limit[~held] = np.nan
        assessment = _lowered(assessment, last, rows).replace(held, last, np.flatnonzero(held[rows]))
    return assessment, Hold(out, held, limit, _resume(out, previous, computed, incomplete))


def hours_held(assessor: Assessor, portfolio: Portfolio) -> FloatArray:
    """(accounts,) hours for which the data of an account have been out, of those symbols that have last good ones.

    The longest time for which more than `policy.fallback_share` of gross notional has been out: a small position does
    not end the hold of the others. Where only such small ones are out, the longest of them; without a position, the
    longest of the reference positions.
    """
    hours, out = assessor.states.hours_out, assessor.states.last_good
    lengths = np.unique(hours[out])
    oldest = np.zeros(len(portfolio))
    material = np.zeros(len(portfolio))
    for length in lengths:
        share = share_held(portfolio, out & (hours >= length))
        oldest = np.where(share > 0, length, oldest)
        material = np.where(share > assessor.policy.fallback_share, length, material)
    held = np.where(material > 0, material, oldest)
    references = assessor.references.instrument
    longest = np.where(out[references], hours[references], 0.0).max(initial=0.0)
    return np.where(portfolio.gross_notional == 0, longest, held)


def _lowered(assessment: Assessment, last: Assessment, rows: IntArray) -> Assessment:
    """Caps of the given accounts no looser than those at their last good data."""
    accounts = np.zeros(len(assessment.incomplete), dtype=np.bool_)
    accounts[rows] = True
    lower = assessment.caps.take(rows).lower(last.caps)
    return dataclasses.replace(assessment, caps=assessment.caps.replace(accounts, lower, np.arange(len(rows))))


def _resume(out: BoolArray, previous: PreviousLimits, computed: FloatArray, incomplete: BoolArray) -> FloatArray:
    """(accounts,) limit to resume: the earlier one, or what the last good data allow where they still tell."""
    earlier = np.where(previous.usable, previous.resume, np.where(out & np.isnan(previous.limit), np.inf, np.nan))
    tells = np.isfinite(computed) & ~incomplete
    return np.where(tells, np.minimum(earlier, computed), earlier)
