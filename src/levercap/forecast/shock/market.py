"""Market-wide shock: the probability that a share of the symbols is hit by the same barrier within the horizon."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import BaseEstimator

from levercap.core.names import BARRIERS, FloatArray, Side
from levercap.forecast.recipe import RECIPE, ShockRecipe
from levercap.forecast.shock.model import ShockModel
from levercap.forecast.shock.residual import column, logit

__all__ = ["MarketShock", "common_losses", "empty_market", "market_column", "share_loss"]


def market_column(side: str, barrier: float) -> str:
    """Name of the probability's column, for example ``market_shock_probability_long_10`` for ten percent."""
    return f"market_{column(side, barrier)}"


def empty_market() -> pd.DataFrame:
    """No rows of the table that `MarketShock.predict` makes."""
    names = [market_column(str(side), barrier) for side in Side for barrier in BARRIERS]
    instants = pd.DatetimeIndex([], tz="UTC").as_unit("us")
    return pd.DataFrame({"as_of": instants, "symbols": np.empty(0, dtype=np.int64), **{n: np.empty(0) for n in names}})


def share_loss(losses: FloatArray, share: float, recipe: ShockRecipe = RECIPE.shock) -> float:
    """The loss that at least `share` of the symbols suffer: the ceil(share * n)-th largest of the n known ones.

    NaN when fewer than five are known. At least a share of the symbols is hit by a barrier exactly when this loss
    reaches it.
    """
    known = np.sort(losses[~np.isnan(losses)])[::-1]
    if len(known) < recipe.market_smallest_symbols:
        return float("nan")
    return float(known[max(math.ceil(share * len(known) - 1e-9), 1) - 1])


def common_losses(
    outcomes: pd.DataFrame, volatility: FloatArray, share: float, recipe: ShockRecipe = RECIPE.shock
) -> pd.DataFrame:
    """One row per instant: as_of, volatility (median forecast), path_long and path_short (`share_loss` of each).

    `outcomes` has columns as_of, path_long, path_short; only rows with a volatility forecast count.
    """
    table = outcomes[["as_of", "path_long", "path_short"]].assign(volatility=volatility).dropna(subset=["volatility"])
    by_instant = table.groupby("as_of", sort=True)
    rows = {"volatility": by_instant["volatility"].median()}
    for side in Side:
        name = f"path_{side}"
        rows[name] = by_instant[name].agg(lambda x: share_loss(x.to_numpy(), share, recipe))
    return pd.DataFrame(rows).reset_index()


class MarketShock(BaseEstimator):  # type: ignore[misc]
    """P(at least `share` of the symbols is hit), by filtered historical simulation of the loss they share.

    The loss that at least the share suffers is standardised by the median volatility forecast; the implied probability
    is the frequency of its past exceedances, as for one symbol. What the symbols' own models add to their implied log
    odds is added here too, on average. The market has one outcome a day: too few to learn more.

    Parameters
    ----------
    share : of the symbols with a forecast, in (0, 1]
    """

    def __init__(self, share: float = RECIPE.shock.market_share, recipe: ShockRecipe = RECIPE.shock) -> None:
        self.share = share
        self.recipe = recipe

    def fit(self, outcomes: pd.DataFrame, volatility: FloatArray) -> Self:
        """Fit on outcomes (as_of, path_long, path_short) and the out-of-sample forecasts made before them, per 24 h."""
        if not 0.0 < self.share <= 1.0:
            raise ValueError(f"share must lie in (0, 1], not {self.share}")
        rows = common_losses(outcomes, volatility, self.share, self.recipe)
        losses = rows[["path_long", "path_short"]].div(rows["volatility"], axis=0)
        self.instants_ = int(losses["path_long"].notna().sum())
        if self.instants_ == 0:
            least = self.recipe.market_smallest_symbols
            raise ValueError(f"no instant has outcomes of at least {least} symbols: no market to learn from")
        self.model_ = ShockModel(self.recipe).fit(losses)
        return self

    def predict(
        self,
        as_of: pd.Series[pd.Timestamp],
        volatility: FloatArray,
        implied: pd.DataFrame | None = None,
        probabilities: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """One row per instant: as_of, symbols, and a probability per side and barrier (`market_column`).

        Parameters
        ----------
        as_of, volatility : (rows,) one row per instant and symbol
        implied, probabilities : (rows, sides x barriers) the symbols' probabilities before and after learning, columns
            from `column`; without them only the implied probability of the market is given

        Probabilities are NaN where fewer than five symbols have a forecast.
        """
        instants = pd.DataFrame({"as_of": as_of.to_numpy(), "volatility": volatility}).dropna(subset=["volatility"])
        by_instant = instants.groupby("as_of", sort=True)["volatility"]
        median = by_instant.median()
        out = pd.DataFrame({"as_of": median.index, "symbols": by_instant.size().to_numpy()})
        few = out["symbols"].to_numpy() < self.recipe.market_smallest_symbols
        smallest = self.recipe.smallest_probability
        for side in Side:
            ceiling = np.ones(len(out))
            for barrier in BARRIERS:
                score = logit(self.model_.implied(median.to_numpy(), str(side), barrier))
                if implied is not None and probabilities is not None:
                    name = column(side, barrier)
                    added = logit(probabilities[name].to_numpy()) - logit(implied[name].to_numpy())
                    score = score + pd.Series(added).groupby(as_of.to_numpy()).mean().reindex(median.index).to_numpy()
                ceiling = np.minimum(ceiling, np.clip(expit(score), smallest, 1.0 - smallest))
                out[market_column(side, barrier)] = np.where(few, np.nan, ceiling)
        return out

    def to_state(self) -> dict[str, Any]:
        """Everything needed to rebuild the fitted estimator, as plain values."""
        return {"share": self.share, "instants": self.instants_, "model": self.model_.to_state()}

    @classmethod
    def from_state(cls, state: dict[str, Any], recipe: ShockRecipe = RECIPE.shock) -> Self:
        """The fitted estimator from `to_state`."""
        model = cls(state["share"], recipe)
        model.instants_, model.model_ = state["instants"], ShockModel.from_state(state["model"], recipe=recipe)
        return model
