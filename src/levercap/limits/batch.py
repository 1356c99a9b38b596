"""Figures of a scoring run that decide whether it is published, from its limits, its book and the run before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from levercap.book import Book
from levercap.core.names import Status
from levercap.core.quality import SCORED
from levercap.policy import BatchChange, BatchFigures
from levercap.storage.tables import as_numbers, as_text

__all__ = ["batch_change", "batch_figures", "scored_share"]

COMPARED: Final = {"positions": "number of positions", "equity": "equity", "gross_notional": "gross notional"}
"""Figures of the book that are compared with those of the previous run, with their names."""


def batch_figures(book: Book, limits: pd.DataFrame) -> BatchFigures:
    """Figures of a book and its limits; `limits` has a row per row of ``book.accounts``."""
    status = limits["status"].to_numpy()[: book.listed]
    gross = book.portfolio.gross_notional
    return BatchFigures(
        accounts=book.listed,
        rejected=int(book.rejected[: book.listed].sum()),
        flat=int((gross == 0).sum()),
        fallback=int((status == Status.FALLBACK.value).sum()),
        positions=book.positions,
        orphaned=book.orphaned,
        equity=_total(book.portfolio.equity),
        gross_notional=_total(gross),
    )


def batch_change(
    limits: pd.DataFrame,
    figures: BatchFigures,
    previous: pd.DataFrame,
    previous_figures: Mapping[str, Any],
    symbols: pd.DataFrame,
) -> BatchChange:
    """What changed from the previous limits to these.

    Parameters
    ----------
    limits : the limits frame of this run, and `figures` its figures
    previous : account_id, max_leverage; optional status
    previous_figures : fields of the previous run's `BatchFigures`, as its summary states them; what is missing is not
        compared
    symbols : of the snapshot: state, turnover
    """
    before, now = _by_account(previous), _by_account(limits)
    before = before[before["max_leverage"] > 0]
    cuts = 1.0 - now["max_leverage"].reindex(before.index) / before["max_leverage"]
    factors = {}
    for name, title in COMPARED.items():
        earlier = previous_figures.get(name)
        if isinstance(earlier, int | float) and earlier > 0:
            factors[title] = float(getattr(figures, name)) / float(earlier)
    return BatchChange(
        accounts=len(before),
        gone=int((~before.index.isin(_ids(limits)[: figures.accounts])).sum()),
        fallback=float((before["status"] == Status.FALLBACK.value).mean()) if len(before) else 0.0,
        cuts=cuts[np.isfinite(cuts)].to_numpy(dtype=np.float64),
        factors=factors,
        scored_share=scored_share(symbols),
    )


def scored_share(symbols: pd.DataFrame) -> float:
    """Share of the turnover in symbols that are scored from their data; of the symbols where no turnover is known."""
    weight = symbols["turnover"].to_numpy(dtype=np.float64, na_value=0.0)
    weight = np.where(np.isfinite(weight), weight, 0.0)
    if not weight.sum() > 0:
        weight = np.ones(len(symbols))
    scored = symbols["state"].astype("str").isin([state.value for state in SCORED]).to_numpy()
    return float(weight[scored].sum() / weight.sum()) if len(symbols) else 0.0


def _by_account(limits: pd.DataFrame) -> pd.DataFrame:
    """Status and limit of the accounts that are not rejected, by id; one row each, the smallest limit."""
    status = limits["status"].astype("str") if "status" in limits else pd.Series("", index=limits.index)
    table = pd.DataFrame(
        {"status": status.to_numpy(), "max_leverage": as_numbers(limits["max_leverage"])[0]}, index=_ids(limits)
    )
    table = table[table["status"] != Status.REJECTED.value].sort_values("max_leverage", kind="stable")
    return table[~table.index.duplicated()]


def _ids(limits: pd.DataFrame) -> pd.Index:
    ids: pd.Index = pd.Index(as_text(limits["account_id"]).to_pandas().astype("str"))
    return ids


def _total(values: Any) -> float:
    with np.errstate(over="ignore"):  # a hostile book may overflow
        return float(np.sum(values))
