"""The packaged model: what MLflow calls for ``models:/levercap@champion``. Imports no MLflow and unpickles nothing.

MLflow hands over one frame, so accounts and positions travel as one: a row per position, with the fields of its account
repeated; an account without positions has one row without symbol and notional.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from levercap.book.reading import wrong_columns
from levercap.core.errors import DataError, Finding, Severity
from levercap.core.text import is_missing, text_of
from levercap.limits.aging import aged
from levercap.limits.predictor import Predictor
from levercap.serving.load import load
from levercap.storage.tables import as_numbers, as_text

__all__ = ["PackagedModel", "from_model_input", "to_model_input"]

ACCOUNT_FIELDS: Final = ("equity", "segment", "jurisdiction", "previous_max_leverage")
POSITION_FIELDS: Final = ("symbol", "notional", "kind")
REQUIRED: Final = ("account_id", "equity", "segment", "symbol", "notional")
OPTIONAL: Final = ("jurisdiction", "previous_max_leverage", "kind")
NUMBERS: Final = ("equity", "previous_max_leverage", "notional")

AGE_COLUMN: Final = "snapshot_age"
OWN_INSTANT, ALLOWED, EXCEEDED = "own_instant", "allowed", "exceeded"


class PackagedModel:
    """A Predictor behind the interface of an MLflow Python function."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Limits of every account in `model_input`, in the order in which the accounts first appear.

        The values are those of ``Predictor.predict`` in a form that strict JSON holds: None in the place of what is
        missing, not a number or infinite. A last column, ``snapshot_age``, says what the age of the snapshot did:
        ``own_instant``, it was not asked for and limits are those of `as_of`, however long ago; ``allowed``;
        ``exceeded``, earlier limits (previous_max_leverage) are held and others are at their bound.

        Parameters
        ----------
        model_input : as `to_model_input` writes it; numbers, texts, categories and Arrow columns of any width
        params : optional ``now``, the instant of the limits in ISO 8601 (UTC where it states no zone; the present where
            only the other is given), and ``max_age_hours``, above which the snapshot is too old
            (`market.max_age_hours` where only the other is given)

        Raises
        ------
        DataError
            when columns are missing, there is no account, a parameter cannot be read, or `now` lies before the snapshot
        """
        accounts, positions = from_model_input(model_input)
        predictor, age = self._at(*_instant_and_age(params or {}))
        return _strict(predictor.predict(accounts, positions).assign(**{AGE_COLUMN: age}))

    def _at(self, now: pd.Timestamp | None, max_age_hours: float | None) -> tuple[Predictor, str]:
        """Predictor to answer with, and what the age of its snapshot did."""
        mine = self._predictor
        if now is None and max_age_hours is None:
            return mine, OWN_INSTANT
        allowed = mine.config.market.max_age_hours if max_age_hours is None else max_age_hours
        try:
            snapshot = aged(mine.snapshot, pd.Timestamp.now(tz="UTC").as_unit("us") if now is None else now, allowed)
        except ValueError as error:
            raise _wrong("now", str(error), "an instant that is not before the snapshot") from None
        return (mine, ALLOWED) if snapshot is mine.snapshot else (Predictor(snapshot, mine.config), EXCEEDED)


def _instant_and_age(params: Mapping[str, Any]) -> tuple[pd.Timestamp | None, float | None]:
    """The parameters ``now`` (UTC) and ``max_age_hours``, None where they are not given; raises DataError."""
    now, hours = params.get("now"), params.get("max_age_hours")
    instant, age = None, None
    if now is not None:
        try:
            moment = now if isinstance(now, datetime) else datetime.fromisoformat(now)
            stamp = pd.Timestamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
            instant = stamp.tz_convert("UTC").as_unit("us")
        except (TypeError, ValueError, OverflowError):
            raise _wrong("now", f"{text_of(now)!r} is no instant", "for example 2025-06-30T00:00:00Z") from None
    if hours is not None:
        try:
            age = float(hours)
        except (TypeError, ValueError, OverflowError):
            age = np.nan
        if not age >= 0.0:
            raise _wrong("max_age_hours", f"{text_of(hours)!r} is no number of hours", "for example 3")
    return instant, age


def _wrong(name: str, message: str, hint: str) -> DataError:
    finding = Finding(f"{name}_unusable", Severity.FATAL, f"params: {name}", message, hint=hint)
    return DataError("the parameters cannot be used", [finding])


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
    wrong = wrong_columns(model_input, REQUIRED, "model input")
    if wrong:
        raise DataError(f"the model input cannot be used; optional columns: {', '.join(OPTIONAL)}", wrong)
    fields = [name for name in ACCOUNT_FIELDS if name in model_input]
    held_fields = [name for name in POSITION_FIELDS if name in model_input]
    flat = model_input[["symbol", "notional"]].isna().all(axis=1)
    facts = model_input[["account_id", *fields]]
    repeated = pd.DataFrame({name: _comparable(facts[name]) for name in facts}).assign(flat=flat.array).duplicated()
    repeated.index = facts.index
    states = flat | ~(repeated | facts[fields].isna().all(axis=1))
    return (
        facts[states].reset_index(drop=True),
        model_input.loc[~flat, ["account_id", *held_fields]].reset_index(drop=True),
    )


def _comparable(column: pd.Series) -> Any:
    """A column as texts, by which rows are told apart whatever it holds."""
    return as_text(column).to_pandas().array


def _strict(limits: pd.DataFrame) -> pd.DataFrame:
    """The frame with None for every value that is missing or no finite number; columns without one stay as they are."""
    out = {}
    for name, column in limits.items():
        plain = isinstance(column.dtype, pd.DatetimeTZDtype) or (
            pd.api.types.is_numeric_dtype(column.dtype) and np.isfinite(as_numbers(column)[0]).all()
        )
        out[name] = column if plain else pd.Series([*map(_plain, column.tolist())], column.index, dtype=object)
    return pd.DataFrame(out)


def _plain(value: object) -> object:
    """Value as JSON holds it."""
    if is_missing(value) or (isinstance(value, float) and not np.isfinite(value)):
        return None
    return value if isinstance(value, str | bool | int | float) else text_of(value)


def _typed(column: pd.Series) -> pd.Series:
    """Numbers as float64, what is no number as missing; everything else as text, missing kept."""
    return pd.to_numeric(column, errors="coerce").astype("float64") if column.name in NUMBERS else column.astype("str")


def _load_pyfunc(data_path: str) -> PackagedModel:
    """Entry point of MLflow: the model in the bundle folder `data_path`, at the end of its training."""
    return PackagedModel(load(Path(data_path)))
