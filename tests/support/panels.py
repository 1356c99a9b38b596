"""Panels to spoil features with, and parts of panels."""

from __future__ import annotations

import dataclasses

from levercap.core.panel import BAR_FIELDS, OPTIONAL_FIELDS, Panel


def window(panel: Panel, first_day: int, days: int) -> Panel:
    """Some days of a panel."""
    return _of_rows(panel, slice(24 * first_day, 24 * (first_day + days)))


def tail(panel: Panel, days: int) -> Panel:
    """The last days of a panel."""
    return _of_rows(panel, slice(-24 * days, None))


def _of_rows(panel: Panel, rows: slice) -> Panel:
    cut = {n: None if (v := getattr(panel, n)) is None else v[rows].copy() for n in (*BAR_FIELDS, *OPTIONAL_FIELDS)}
    return dataclasses.replace(panel, timestamps=panel.timestamps[rows], **cut)
