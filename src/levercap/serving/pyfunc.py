"""The packaged model: what MLflow calls for ``models:/levercap@champion``. Imports no MLflow and unpickles nothing.

MLflow hands over one frame, so accounts and positions travel as one: a row per position, with the fields of its account
repeated; an account without positions has one row without symbol and notional.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from levercap.core.errors import DataError, Finding, Severity
from levercap.limits.predictor import Predictor
from levercap.serving.load import load

__all__ = ["PackagedModel", "from_model_input", "to_model_input"]

ACCOUNT_FIELDS: Final = ("equity", "segment", "jurisdiction", "previous_max_leverage")
POSITION_FIELDS: Final = ("symbol", "notional", "kind")
REQUIRED: Final = ("account_id", "equity", "segment", "symbol", "notional")
OPTIONAL: Final = ("jurisdiction", "previous_max_leverage", "kind")
NUMBERS: Final = ("equity", "previous_max_leverage", "notional")


class PackagedModel:
    """A Predictor behind the interface of an MLflow Python function."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Limits of every account in `model_input`, in the order in which the accounts first appear.

        Parameters
        ----------
        model_input : as `to_model_input` writes it
        params : not used; MLflow passes it
        """
        accounts, positions = from_model_input(model_input)
        return self._predictor.predict(accounts, positions)


def to_model_input(accounts: pd.DataFrame, positions: pd.DataFrame) -> pd.DataFrame:
    """One frame for the packaged model with exactly the content of `accounts` and `positions`.

    Columns account_id, equity, segment, symbol, notional, and jurisdiction, previous_max_leverage and kind where the
    tables have them; others are left out. Texts are `str`, numbers float64. The limits are those of
    ``Predictor.predict(accounts, positions)``, bit for bit, faulty accounts included: a second row of the same account
    stays a duplicate, a position without account stays one.
    """
    fields = [name for name in ACCOUNT_FIELDS if name in accounts]
    held_fields = [name for name in POSITION_FIELDS if name in positions]
    facts = accounts[["account_id", *fields]].assign(order=range(len(accounts)))
    second = facts["account_id"].duplicated() | facts[fields].isna().all(axis=1)
    first = facts[~second]
    held = positions[["account_id", *held_fields]].assign(symbol=positions["symbol"].fillna(""))
    held = held.merge(first, on="account_id", how="left")
    alone = facts[second | ~facts["account_id"].isin(positions["account_id"])]
    table = pd.concat([held, alone.reindex(columns=held.columns)], ignore_index=True)
    table = table.sort_values("order", kind="stable", na_position="last", ignore_index=True)
    names = ["account_id", *fields, *held_fields]
    return pd.DataFrame({name: _typed(table[name]) for name in names})


def from_model_input(model_input: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accounts and positions of a frame with a row per position; raises DataError when columns are missing.

    A row without symbol and notional states an account. A row with a position states its account too, once however
    often the fields are repeated, unless all of them are missing. An account stated twice, because its fields differ
    between rows or because it has a row without position beside others, is a duplicate and will be rejected as one:
    the model does not choose between two statements of equity.
    """
    missing = [name for name in REQUIRED if name not in model_input]
    if missing:
        hint = f"columns {', '.join(REQUIRED)}; optional {', '.join(OPTIONAL)}"
        message = f"missing column{'s' if len(missing) > 1 else ''}: {', '.join(missing)}"
        finding = Finding("column_missing", Severity.FATAL, "model input", message, len(missing), hint=hint)
        raise DataError("the model input cannot be used", [finding])
    fields = [name for name in ACCOUNT_FIELDS if name in model_input]
    held_fields = [name for name in POSITION_FIELDS if name in model_input]
    flat = model_input[["symbol", "notional"]].isna().all(axis=1)
    facts = model_input[["account_id", *fields]]
    repeated = facts.assign(flat=flat).duplicated()
    states = flat | ~(repeated | facts[fields].isna().all(axis=1))
    return (
        facts[states].reset_index(drop=True),
        model_input.loc[~flat, ["account_id", *held_fields]].reset_index(drop=True),
    )


def _typed(column: pd.Series) -> pd.Series:
    """Numbers as float64, what is no number as missing; everything else as text, missing kept."""
    return pd.to_numeric(column, errors="coerce").astype("float64") if column.name in NUMBERS else column.astype("str")


def _load_pyfunc(data_path: str) -> PackagedModel:
    """Entry point of MLflow: the model in the bundle folder `data_path`, at the end of its training."""
    return PackagedModel(load(Path(data_path)))
