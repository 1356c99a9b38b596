"""Bounds of a snapshot's content: what scoring relies on is looked at, however well the hashes agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from levercap.core.brackets import broken_steps, impossible_tiers
from levercap.core.names import LEVELS, FloatArray, Side
from levercap.core.quality import SCORED, SymbolState
from levercap.storage.bounded import Kind

__all__ = [
    "LARGEST_FACTOR",
    "SYMBOL_COLUMNS",
    "TAIL_COLUMNS",
    "TIER_COLUMNS",
    "check_bounds",
    "check_instant",
    "check_paths",
    "check_stressed",
    "check_symbols",
    "check_tails",
    "check_tiers",
]

SYMBOL_COLUMNS: Final[Mapping[str, Kind]] = {
    "symbol": "text",
    "state": "text",
    "volatility": "number",
    "stressed_volatility": "number",
    "shock_probability_long": "number",
    "shock_probability_short": "number",
    "turnover": "number",
}
TAIL_COLUMNS: Final[Mapping[str, Kind]] = {
    "as_of": "time",
    "symbol": "text",
    "horizon_hours": "whole",
    "side": "text",
    "level": "number",
    "var": "number",
    "es": "number",
    "path_var": "number",
    "path_es": "number",
}
TIER_COLUMNS: Final[Mapping[str, Kind]] = {
    "symbol": "text",
    "tier": "whole",
    "notional_floor": "number",
    "notional_cap": "number",
    "max_leverage": "number",
    "maintenance_margin_rate": "number",
    "maintenance_amount": "number",
}

LARGEST_VOLATILITY: Final = 100.0
"""Per 24 h; a coin that falls to a thousandth in a day has about seven."""

LARGEST_FACTOR: Final = 10_000.0
"""Stressed volatility over today's."""

LARGEST_RETURN: Final = 1e6
"""Absolute return of a scenario, and loss of a tail; scenarios are linear in volatility."""

LARGEST_TURNOVER: Final = 1e18
"""Quote currency per day."""

FIRST, LAST = pd.Timestamp("2000-01-01", tz="UTC"), pd.Timestamp("2200-01-01", tz="UTC")


def check_instant(as_of: pd.Timestamp, hours: int) -> None:
    """Raise ValueError unless `as_of` lies in UTC in this or the next century and the horizon is at most a month."""
    if pd.isna(as_of) or as_of.utcoffset() != pd.Timedelta(0) or not FIRST <= as_of <= LAST:
        raise ValueError(f"as_of {as_of} is no instant in UTC between {FIRST.year} and {LAST.year}")
    if not 1 <= hours <= 31 * 24:
        raise ValueError(f"a horizon of {hours} hours; 1 to 744 are possible")


def check_bounds(bounds: Mapping[str, float]) -> None:
    """Raise ValueError unless the moves assumed of positions without a forecast are NaN, for none, or possible."""
    wrong = [name for name, value in bounds.items() if not (np.isnan(value) or 0 < value <= LARGEST_RETURN)]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} not above 0 and at most {LARGEST_RETURN:g}")


def check_symbols(symbols: pd.DataFrame) -> None:
    """Raise ValueError listing what is wrong with the table ``symbols`` of a snapshot."""
    names, state = symbols["symbol"], symbols["state"]
    scored = names.isin(_forecast(symbols)).to_numpy()
    problems = dict[str, pd.Series | NDArray[np.bool_]]()
    problems["symbols that are not sorted, or twice"] = np.append(names.to_numpy()[1:] <= names.to_numpy()[:-1], False)
    problems["states that are unknown"] = ~state.isin([str(one) for one in SymbolState])
    for column in ("volatility", "stressed_volatility"):
        values = symbols[column].to_numpy(dtype=float)
        bad = ~((values > 0) & (values <= LARGEST_VOLATILITY))
        problems[f"{column} not above 0 and at most {LARGEST_VOLATILITY:g}"] = bad & (scored | ~np.isnan(values))
    for column in [str(name) for name in symbols if str(name).startswith("shock_probability")]:
        values = symbols[column].to_numpy(dtype=float)
        problems[f"{column} not between 0 and 1"] = ~((values >= 0) & (values <= 1)) & (scored | ~np.isnan(values))
    turnover = symbols["turnover"].to_numpy(dtype=float)
    problems["turnover below 0 or too large"] = (turnover < 0) | (turnover > LARGEST_TURNOVER)
    if "hours_out" in symbols:
        problems["hours_out below 0"] = symbols["hours_out"].to_numpy(dtype=float) < 0
    _raise(problems, names)


def _forecast(symbols: pd.DataFrame) -> pd.Series[str]:
    """Symbols that are scored from their data; one may be too young for any forecast."""
    scored = symbols["state"].isin([str(one) for one in SCORED])
    return symbols.loc[scored & symbols["volatility"].notna(), "symbol"]


def check_tails(tails: pd.DataFrame, symbols: pd.DataFrame, as_of: pd.Timestamp) -> None:
    """Raise ValueError listing what is wrong with the table ``tails`` of a snapshot."""
    keys = ["symbol", "side", "level"]
    var, es, path_var, path_es = (tails[name].to_numpy(dtype=float) for name in ("var", "es", "path_var", "path_es"))
    known = _forecast(symbols)
    losses = np.column_stack([var, es, path_var, path_es])
    expected = len(known) * len(Side) * len(LEVELS)
    problems: dict[str, pd.Series | NDArray[np.bool_]] = {
        "rows twice": tails.duplicated(keys),
        "symbols without a forecast": ~tails["symbol"].isin(known),
        "sides that are unknown": ~tails["side"].isin([str(side) for side in Side]),
        "levels that are unknown": ~tails["level"].isin(LEVELS),
        "another instant": tails["as_of"] != as_of,
        "losses that are not above 0 and bounded": ~np.all((losses > 0) & (losses <= LARGEST_RETURN), axis=1),
        "es below var": ~((es >= var) & (path_es >= path_var)),
        "a path milder than its end": ~((path_var >= var) & (path_es >= es)),
    }
    _raise(problems, tails["symbol"])
    if len(tails) != expected:
        raise ValueError(
            f"it has {len(tails)} rows, {expected} are needed: side and level of every symbol with a forecast"
        )


def check_paths(weights: FloatArray, starts: NDArray[np.datetime64], *paths: NDArray[np.float32]) -> None:
    """Raise ValueError unless weights and joint paths (low, high, end) are possible."""
    low, high, end = paths
    if not len(weights) or not ((weights > 0) & (weights <= 1)).all() or abs(float(weights.sum()) - 1.0) > 1e-6:
        raise ValueError("weights are not above zero with the sum one")
    if np.isnat(starts).any():
        raise ValueError("starts of scenarios are missing")
    if not all((np.abs(part) <= LARGEST_RETURN).all() for part in paths):
        raise ValueError(f"returns are missing or beyond {LARGEST_RETURN:g}")
    if (low > high).any() or (end < low[:, :, -1]).any() or (end > high[:, :, -1]).any():
        raise ValueError("paths are not ordered: low <= end <= high")


def check_stressed(stressed: pd.DataFrame, names: tuple[str, ...], symbols: pd.DataFrame) -> None:
    """Raise ValueError unless the stressed factors belong to the scenarios, and the scenarios to the symbols."""
    factor = stressed["factor"].to_numpy(dtype=float)
    if tuple(stressed["symbol"]) != names:
        raise ValueError("its symbols are not those of the scenarios")
    with_volatility = symbols.loc[symbols["volatility"].notna(), "symbol"]
    if list(names) != sorted(set(names)) or not set(names) <= set(with_volatility):
        raise ValueError("the scenarios' symbols are not sorted, twice, or without a volatility")
    lacking = sorted(set(_forecast(symbols)) - set(names))
    if lacking:
        raise ValueError(f"no scenarios of {', '.join(lacking[:5])}")
    rows = symbols.set_index("symbol").loc[list(names)]
    ratio = (rows["stressed_volatility"] / rows["volatility"]).to_numpy(dtype=float)
    problems = {
        f"factor not between 0 and {LARGEST_FACTOR:g}": ~((factor >= 0) & (factor <= LARGEST_FACTOR)),
        "factor that is not stressed over today's volatility": ~(np.abs(factor - ratio) <= 1e-9 * ratio),
    }
    _raise(problems, stressed["symbol"])


def check_tiers(tiers: pd.DataFrame) -> None:
    """Raise ValueError listing tiers that cannot be, by the rules of the market's own validation."""
    names = ("notional_floor", "notional_cap", "max_leverage", "maintenance_margin_rate", "maintenance_amount")
    floor, cap, leverage, rate, amount = (tiers[name].to_numpy(dtype=float) for name in names)
    missing = tiers[list(names)].isna().any(axis=1)
    problems: dict[str, pd.Series | NDArray[np.bool_]] = {"missing values": missing}
    for kind, bad in impossible_tiers(floor, cap, leverage, rate, amount).items():
        problems[f"impossible {kind}"] = bad
    problems["tiers twice"] = tiers.duplicated(["symbol", "tier"])
    _raise(problems, tiers["symbol"])
    if not len(tiers):
        return
    order = tiers.sort_values(["symbol", "tier"], kind="stable").index
    if not (order == tiers.index).all():
        raise ValueError("the tiers are not sorted by symbol and tier")
    first = ~tiers["symbol"].eq(tiers["symbol"].shift()).to_numpy(dtype=bool)
    _raise(
        {"tiers that do not follow on the one before": broken_steps(first, floor, cap, leverage, rate)}, tiers["symbol"]
    )


def _raise(problems: Mapping[str, pd.Series | NDArray[np.bool_]], names: pd.Series) -> None:
    text = "; ".join(_described(problems, names))
    if text:
        raise ValueError(text)


def _described(problems: Mapping[str, pd.Series | NDArray[np.bool_]], names: pd.Series) -> Iterator[str]:
    for what, rows in problems.items():
        bad = np.asarray(rows, dtype=bool)
        if bad.any():
            yield f"{int(bad.sum())} x {what} ({', '.join(names[bad].iloc[:3])})"
