"""Coverage by symbol of one model and row: four tables hold parts of it."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd

from levercap.evaluation import Row, coin_coverage

__all__ = ["symbol_coverage"]


@lru_cache(maxsize=1)
def symbol_coverage(row: Row, model: str) -> pd.DataFrame:
    """`coin_coverage` of a model's hits in a row; the last one is kept, since the tables of a row follow each other."""
    return coin_coverage(row.hits(model), row.symbol, row.day, row.level)
