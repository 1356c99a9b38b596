"""Section: the ten largest cuts, and why."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from levercap.core.names import Status
from levercap.policy import LIMIT_REASONS, binding_constraint
from levercap.report.inputs import Scores
from levercap.report.page.formatting import money, multiple, percent, words
from levercap.report.page.html import Column, Section, note, paragraph, table

__all__ = ["cuts_section"]

SHOWN: Final = 10


def cuts_section(scores: Scores | None) -> Section:
    """Accounts whose limit fell most against the previous one; without one, those furthest above their limit."""
    title = "The ten largest cuts and why"
    if scores is None:
        return Section("cuts", title, note("No accounts were scored: no scores were given."))
    limits = scores.limits
    kept = limits[limits["status"] != Status.REJECTED.value]
    previous = kept["previous_max_leverage"] if "previous_max_leverage" in kept else pd.Series(np.nan, kept.index)
    if not previous.notna().any():
        intro = "No account has an earlier limit, so nothing was cut: this is the first scoring. "
        return Section("cuts", title, paragraph(intro + _FURTHEST) + _table(_furthest(kept), "to reduce"))
    cut = 1.0 - kept["max_leverage"] / previous
    worst = kept.assign(cut=cut)[(cut > 0) & (previous > 0)].sort_values(["cut", "account_id"], ascending=[False, True])
    if worst.empty:
        intro = "No limit was cut against the previous one. "
        return Section("cuts", title, paragraph(intro + _FURTHEST) + _table(_furthest(kept), "to reduce"))
    raised = int((kept["max_leverage"] > previous).sum())
    held = int(previous.notna().sum()) - len(worst) - raised
    intro = (
        f"Of {previous.notna().sum():,} accounts with an earlier limit {len(worst):,} were cut, {raised:,} raised and "
        f"{held:,} left as they were. A cut takes effect at once; a rise is made in small steps."
    )
    rejected = int((limits["status"] == Status.REJECTED.value).sum())
    if rejected:
        intro += f" {rejected:,} rejected accounts are not listed here."
    return Section("cuts", title, paragraph(intro) + _table(worst.head(SHOWN), "cut"))


_FURTHEST: Final = "Shown instead: the accounts with the most negative headroom, that is the most to reduce."


def _furthest(kept: pd.DataFrame) -> pd.DataFrame:
    return kept.sort_values(["headroom", "account_id"]).head(SHOWN)


def _table(rows: pd.DataFrame, what: str) -> str:
    cut = what == "cut"
    columns = [Column("account", rows["account_id"].astype("str").tolist(), numeric=False)]
    if "segment" in rows:
        columns.append(Column("segment", rows["segment"].astype("str").tolist(), numeric=False))
    if cut:
        columns.append(Column("previous", [multiple(v) for v in rows["previous_max_leverage"]]))
    columns.append(Column("limit", [multiple(v) for v in rows["max_leverage"]]))
    if cut:
        columns.append(Column("cut", [percent(v, 1) for v in rows["cut"]]))
    columns += [
        Column("leverage now", [multiple(v) for v in rows["effective_leverage"]]),
        Column("headroom", [money(v) for v in rows["headroom"]]),
        Column("P(liquidation)", [percent(v) for v in rows["liquidation_probability"]]),
        Column("why", [_why(row) for _, row in rows.iterrows()], numeric=False),
    ]
    return table(columns, "Headroom in quote currency; negative is what has to be reduced" if len(rows) else "")


def _why(row: pd.Series) -> str:
    """The binding constraint with its figure, the next tightest one, the risk behind it, and the reason codes."""
    caps = {str(name): float(row[name]) for name in row.index if str(name).startswith("cap_") and pd.notna(row[name])}
    binding = str(row["binding"])
    sentence = words(binding)
    column = f"cap_{binding_constraint(binding)}"
    if column in caps:
        own = caps.pop(column)
        sentence += f" allows {multiple(own)}"
        others = {name: value for name, value in caps.items() if np.isfinite(value)}
        if others:
            name, value = min(others.items(), key=lambda item: (item[1], item[0]))
            sentence += f" (next: {words(name.removeprefix('cap_'))}, {multiple(value)})"
    if "path_es_975" in row and pd.notna(row["path_es_975"]):
        sentence += f"; path ES (97.5 %) is {percent(float(row['path_es_975']), 1)} of notional"
    reasons = row["reasons"] if isinstance(row["reasons"], str) else ""
    meanings = [LIMIT_REASONS.get(code, words(code)) for code in reasons.split(";") if code]
    return "; ".join([sentence, *meanings])
