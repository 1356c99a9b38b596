"""Guardrails: bounds on the change of a limit. Cuts at once, rises slowly, the fallback where a number is missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from levercap.config import GuardrailConfig
from levercap.core.names import BoolArray, FloatArray

__all__ = ["Guarded", "apply_guardrails"]


@dataclass(frozen=True, eq=False)
class Guarded:
    """Limits after the guardrails, each (accounts,), and which of them acted.

    Attributes
    ----------
    max_leverage : never above the unguarded limit, except that a limit which cannot be computed becomes the smaller of
        the previous one and the fallback
    rise_limited : the rise was cut to what the elapsed days allow
    rise_held : the rise was too small to be made, or the data too incomplete to rise on
    failed_closed : the unguarded limit was NaN, infinite or negative; one of zero stays zero
    """

    max_leverage: FloatArray
    rise_limited: BoolArray
    rise_held: BoolArray
    failed_closed: BoolArray


def apply_guardrails(
    unguarded: FloatArray,
    previous: FloatArray,
    elapsed_days: FloatArray,
    incomplete: BoolArray,
    fallback: float,
    config: GuardrailConfig,
    resume: FloatArray | None = None,
) -> Guarded:
    """Limit each account's change against its previous limit.

    Parameters
    ----------
    unguarded : (accounts,) smallest cap
    previous : (accounts,) last limit in force; NaN where there is none: then the unguarded limit is taken. Zero (the
        account was rejected), negative or infinite counts as `fallback`.
    elapsed_days : (accounts,) days since then; a rise of at most `max_rise_per_day` is compounded over them, up to
        `longest_rise_days`. Not finite or negative counts as zero.
    incomplete : (accounts,) limits made from incomplete data, which never rise above the previous one
    fallback : ceiling of a limit that could not be computed
    resume : (accounts,) limit in force before data were out, which a complete limit returns to at once: rises are
        measured against it where it is above the previous one. inf where there was none before: then the unguarded
        limit is taken. None or NaN: the previous one

    Notes
    -----
    ``L = U`` where ``U <= P``; ``P`` where ``U <= P (1 + hysteresis)``; else ``min(U, P (1 + rise)^days)``, with P the
    previous limit, or the one to resume.
    """
    failed = ~(np.isfinite(unguarded) & (unguarded >= 0))
    target = np.where(failed, fallback, np.abs(unguarded))
    given = ~np.isnan(previous)
    usable = given & np.isfinite(previous) & (previous > 0)
    base = np.where(usable, previous, np.where(given, fallback, np.inf))
    if resume is not None:
        base = np.where(usable & ~incomplete & ~failed, np.fmax(base, resume), base)
    days = np.clip(np.where(np.isfinite(elapsed_days), elapsed_days, 0.0), 0.0, config.longest_rise_days)
    with np.errstate(over="ignore"):
        ceiling = base * (1.0 + config.max_rise_per_day) ** days
        worth = base * (1.0 + config.hysteresis)
    rising = target > base
    held = rising & (failed | incomplete | (target <= worth))
    limited = rising & ~held & (ceiling < target)
    limit = np.where(held, base, np.where(limited, ceiling, target))
    return Guarded(limit, limited, held, failed)
