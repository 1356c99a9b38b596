"""Hold: the earlier limit stays in force while data are out for a stated time, then decays to the conservative one."""

from __future__ import annotations

import numpy as np

from levercap.core.names import FloatArray

__all__ = ["held_limits", "hold_weight"]


def hold_weight(hours_out: FloatArray, hold_hours: float) -> FloatArray:
    """(accounts,) weight of the held limit against the conservative one.

    One while data are out for at most `hold_hours`, zero from twice that on, linear between; zero where `hours_out` is
    NaN.
    """
    if hold_hours == 0:
        return np.where(hours_out == 0, 1.0, 0.0)
    with np.errstate(invalid="ignore"):
        weight = np.clip(2.0 - hours_out / hold_hours, 0.0, 1.0)
    return np.where(np.isnan(weight), 0.0, weight)


def held_limits(
    conservative: FloatArray, last_computed: FloatArray, previous: FloatArray, resume: FloatArray, weight: FloatArray
) -> FloatArray:
    """(accounts,) limits in force while data are out.

    Parameters
    ----------
    conservative : limit with what is out at its bound
    last_computed : limit with what is out at its last good data
    previous : last limit in force, never exceeded
    resume : limit in force before data were out
    weight : of the held limit, see `hold_weight`

    Notes
    -----
    ``min(P, C + w (min(R, A) - C))`` with A the last computed limit. R and not P is decayed, so that the limit at an
    hour is the same however often accounts were scored before.
    """
    held = np.minimum(resume, last_computed)
    lowest = np.minimum(conservative, held)
    return np.minimum(previous, np.where(weight == 1.0, held, lowest + weight * (held - lowest)))
