"""Baseline: reference models with the interface of our own, fitted on what was known and filtered every day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from levercap.core.errors import ConfigError, DataError
from levercap.core.horizon import DAY
from levercap.core.names import LEVELS, BoolArray, FloatArray, IntArray, Side
from levercap.forecast.baselines.caviar import Caviar
from levercap.forecast.baselines.days import DailyHistory, SymbolDays, daily_history, midnight
from levercap.forecast.baselines.garch import GarchT, import_arch
from levercap.forecast.baselines.model import CannotFit, SymbolModel
from levercap.forecast.baselines.pareto import GjrEvt
from levercap.forecast.baselines.scaled import RISKMETRICS_DECAY, RiskMetrics, VolTarget
from levercap.forecast.baselines.windowed import FilteredSimulation, HistoricalSimulation
from levercap.forecast.forecaster import REPORTED_BARRIER, Forecast
from levercap.forecast.history import known_by, volatility
from levercap.forecast.recipe import RECIPE
from levercap.forecast.scale import B1Scale
from levercap.forecast.shock.model import ShockModel, column
from levercap.forecast.tail.historical import ShrunkTail, standardise

__all__ = ["BASELINES", "Baseline", "fit_baseline"]

SMALLEST_NUMBER = 1e-4
"""A volatility or value at risk below one basis point is stated as one."""

SMALLEST_OWN_DAYS = 100
SMALLEST_OUTCOMES = RECIPE.history.smallest_outcomes
NEED_ARCH = ("garch_t", "gjr_evt")
NUMBERS = ("var", "es", "path_var", "path_es")


def _own(model: SymbolModel) -> Callable[[SymbolDays], SymbolModel]:
    """Fit of a model without parameters that needs 100 days."""

    def fit(days: SymbolDays) -> SymbolModel:
        if (~np.isnan(days.returns)).sum() < SMALLEST_OWN_DAYS:
            raise CannotFit("young")
        return model

    return fit


BASELINES: Mapping[str, Callable[[SymbolDays], SymbolModel]] = {
    "hs_250": _own(HistoricalSimulation(250)),
    "hs_500": _own(HistoricalSimulation(500)),
    "riskmetrics": _own(RiskMetrics()),
    "ewma_fhs": _own(FilteredSimulation(500, RISKMETRICS_DECAY)),
    "vol_target": _own(VolTarget()),
    "garch_t": lambda days: GarchT.fit(days, asymmetric=False),
    "gjr_evt": GjrEvt.fit,
    "caviar": Caviar.fit,
}
"""Fit of one symbol by the name of the baseline."""


@dataclass(frozen=True, eq=False)
class Baseline:
    """A fitted baseline.

    Attributes
    ----------
    name : one of `BASELINES`
    until : the instant whose knowledge it was fitted on
    past : daily history known at `until`, from which the filters run on
    models : symbol -> its own fitted model
    fallbacks : symbol -> why it has none: ``young``, ``not converged``, ``no movement`` or ``no tail``. It, and any
        symbol not seen in fitting, is forecast by B1
    tail : ratios of losses to the models' volatilities, for whatever a model itself does not give
    b1_tail : ratios of losses to B1's volatility
    shock : barrier probabilities implied by the losses in units of the volatility used
    """

    name: str
    until: pd.Timestamp
    past: DailyHistory
    models: Mapping[str, SymbolModel]
    fallbacks: Mapping[str, str]
    tail: ShrunkTail
    b1_tail: ShrunkTail
    shock: ShockModel

    def predict(self, features: pd.DataFrame, outcomes: pd.DataFrame | None = None) -> Forecast:
        """Forecasts for every midnight of a feature table; other hours, and rows without a volatility, are left out.

        The filters run over the history known at `until` and then over the rows handed in, each row seeing the returns
        of rows up to itself: hand in every row since `until`, a day left out counts as missing. `outcomes`, aligned
        with `features`, lets the path windows of historical simulation roll on too; without it they end at `until`. Of
        it each row uses what was known at its `as_of`.
        """
        wanted = features[midnight(features)]
        days = self.past if wanted.empty else self.past.joined(daily_history(features, outcomes))
        own, b1 = _volatility(self.models, days, wanted), volatility(B1Scale(), wanted)
        sigma = np.where(np.isfinite(own), own, b1)
        usable = np.isfinite(sigma)
        forecasts = wanted.loc[usable, ["as_of", "symbol"]].reset_index(drop=True).assign(horizon_hours=DAY.hours)
        forecasts["volatility"] = sigma[usable]
        shocks = self.shock.predict(forecasts["volatility"].to_numpy())
        for side in Side:
            forecasts[f"shock_probability_{side}"] = shocks[column(side, REPORTED_BARRIER)]
        tails = self._tails(forecasts[["as_of", "symbol", "volatility"]], np.isfinite(own)[usable], days)
        return Forecast(pd.concat([forecasts, shocks], axis=1), tails)

    def _tails(self, forecasts: pd.DataFrame, mine: BoolArray, days: DailyHistory) -> pd.DataFrame:
        """Tails table; `mine` marks where the volatility is that of the symbol's own model."""
        rows, places = days.rows(forecasts), days.columns(forecasts)
        groups = {s: np.flatnonzero(places == days.symbols.index(s)) for s in self.models}
        parts = []
        for side in Side:
            floor = np.full((len(forecasts), len(NUMBERS)), SMALLEST_NUMBER)
            for level in LEVELS:
                ratios = [_ratios(tail, forecasts["symbol"], side, level) for tail in (self.tail, self.b1_tail)]
                numbers = np.where(mine[:, None], *ratios) * forecasts["volatility"].to_numpy()[:, None]
                for symbol, group in groups.items():
                    if len(group):
                        _replace(numbers, group, self.models[symbol], days.of(symbol), rows[group], side, level)
                numbers = floor = _ordered(numbers, floor, side)
                keys = forecasts[["as_of", "symbol"]].assign(horizon_hours=DAY.hours, side=str(side), level=level)
                parts.append(keys.assign(**dict(zip(NUMBERS, numbers.T, strict=True))))
        tails = pd.concat(parts, ignore_index=True).astype({"side": "str"})
        return tails.sort_values(["as_of", "symbol", "side", "level"], kind="stable", ignore_index=True)


def fit_baseline(
    name: str,
    features: pd.DataFrame,
    outcomes: pd.DataFrame,
    until: pd.Timestamp,
) -> Baseline:
    """Baseline from what was known at `until`: returns up to it, outcomes of origins at least 24 hours before it.

    Parameters
    ----------
    name : one of `BASELINES`
    features : as_of, symbol, return_24h, slow_level, b1_volatility; later rows are ignored
    outcomes : aligned with `features`, NaN where not known

    Raises
    ------
    ConfigError
        when there is no such baseline, or it needs the extra ``garch`` and that is not installed
    DataError
        when fewer than 500 outcomes are known
    """
    if name not in BASELINES:
        raise ConfigError(f"no baseline is called {name!r}; there are {', '.join(BASELINES)}")
    if name in NEED_ARCH:
        import_arch()
    now = midnight(features) & known_by(features, until, DAY)
    count = int(outcomes.loc[now, "path_long"].notna().sum())
    if count < SMALLEST_OUTCOMES:
        raise DataError(f"only {count} outcomes are known by {until}; baselines need {SMALLEST_OUTCOMES} symbol-days")
    past = daily_history(features, outcomes, until)
    models: dict[str, SymbolModel] = {}
    fallbacks: dict[str, str] = {}
    for symbol in past.symbols:
        try:
            models[symbol] = BASELINES[name](past.of(symbol))
        except CannotFit as reason:
            fallbacks[symbol] = str(reason)
    own, b1 = _volatility(models, past, features[now]), volatility(B1Scale(), features[now])
    z, b1_z = standardise(outcomes[now], own), standardise(outcomes[now], b1)
    b1_tail = ShrunkTail().fit(b1_z)
    enough = z["path_long"].notna().sum() >= SMALLEST_OUTCOMES
    tail = ShrunkTail(np.inf if name == "vol_target" else RECIPE.tail.b1_shrinkage).fit(z) if enough else b1_tail
    shock = ShockModel().fit(z if enough else b1_z)
    return Baseline(name, until, past, models, fallbacks, tail, b1_tail, shock)


def _volatility(models: Mapping[str, SymbolModel], days: DailyHistory, table: pd.DataFrame) -> FloatArray:
    """(rows,) volatility of each row's own model, at least a basis point; NaN where it has none."""
    every = np.full(days.returns.shape, np.nan)
    for symbol, model in models.items():
        every[:, days.symbols.index(symbol)] = np.maximum(model.volatility(days.of(symbol)), SMALLEST_NUMBER)
    return np.asarray(every[days.rows(table), days.columns(table)], dtype=np.float64)


def _ratios(tail: ShrunkTail, symbols: pd.Series[str], side: Side, level: float) -> FloatArray:
    """(rows, 4) `NUMBERS` per unit of volatility."""
    return np.stack([r for kind in ("end", "path") for r in tail.ratios(symbols, side, kind, level)], axis=1)


def _replace(
    numbers: FloatArray, group: IntArray, model: SymbolModel, days: SymbolDays, rows: IntArray, side: Side, level: float
) -> None:
    """Write the numbers of the symbol's own model over those of the common tail, where it is a number."""
    for first, losses in ((0, model.end(days, rows, side, level)), (2, model.path(days, rows, side, level))):
        if losses is not None:
            own = np.stack(losses, axis=1)
            finite = np.isfinite(own).all(axis=1)
            numbers[group[finite], first : first + 2] = own[finite]


def _ordered(numbers: FloatArray, floor: FloatArray, side: Side) -> FloatArray:
    """Numbers made consistent upwards: not below those of the lower level, ES not below VaR, path not below end. A
    long's loss ends at the whole price.
    """
    var, es, path_var, path_es = np.maximum(numbers, floor).T
    es = np.maximum(var, es)
    path_var = np.maximum(path_var, var)
    path_es = np.maximum.reduce([path_es, path_var, es])
    out = np.stack([var, es, path_var, path_es], axis=1)
    return np.minimum(out, 1.0) if side is Side.LONG else out
