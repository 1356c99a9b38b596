"""Model confidence set: the models that the data cannot distinguish from the best one."""

from __future__ import annotations

import importlib
from collections.abc import Hashable
from types import ModuleType
from typing import Literal

import numpy as np
import pandas as pd

from levercap.core.errors import ConfigError
from levercap.core.names import FloatArray, IntArray
from levercap.evaluation.comparison.leaderboard import Row, daily_mean

__all__ = ["daily_losses", "model_confidence_set"]

METHODS = {"range": "R", "max": "max"}


def daily_losses(row: Row) -> pd.DataFrame:
    """(days, models) FZ0 of every model, averaged over the instruments of each day."""
    return pd.DataFrame({model: daily_mean(row.fz0(model), row.day) for model in row.var})


def model_confidence_set(
    losses: pd.DataFrame,
    confidence: float = 0.9,
    block_days: int = 20,
    draws: int = 1000,
    seed: int = 0,
    statistic: Literal["range", "max"] = "range",
) -> pd.DataFrame:
    """Smallest set of models that holds the best one with the given confidence.

    Needs the extra ``garch`` (the package ``arch``).

    Parameters
    ----------
    losses : (days, models) mean loss of each day, in time order, no missing value; lower is better
    confidence : probability with which the best model is in the set
    block_days : days kept together by the circular block bootstrap
    draws, seed : number of resamples and where their random numbers start
    statistic : ``range``, the largest difference of any two models, or ``max``, of any model to the average

    Returns
    -------
    DataFrame
        indexed by model, the best mean loss first: loss (mean), p_value (the set holds the model at every confidence
        above ``1 - p_value``), included

    Raises
    ------
    ConfigError
        when ``arch`` is not installed
    ValueError
        when there are fewer than two models, or values are missing

    Notes
    -----
    Hansen, Lunde and Nason, Econometrica 2011. Models with equal losses on every day are one model to the procedure.
    """
    _check(losses, confidence, statistic)
    bootstrap = _arch_bootstrap()
    values = losses.to_numpy(dtype=np.float64)
    twin = _first_equal(values)
    distinct = np.unique(twin)
    p_value = np.ones(values.shape[1])
    if len(distinct) > 1:
        block = min(block_days, len(values))
        table = pd.DataFrame(values[:, distinct], columns=distinct)
        procedure = bootstrap.MCS(
            table, 1.0 - confidence, draws, block, METHODS[statistic], bootstrap="circular", seed=seed
        )
        procedure.compute()
        p_value = procedure.pvalues["Pvalue"].reindex(twin).to_numpy(dtype=np.float64)
    result = pd.DataFrame({"loss": values.mean(axis=0), "p_value": p_value}, index=losses.columns.rename("model"))
    result["included"] = result["p_value"] > 1.0 - confidence
    return result.sort_values(["loss", "p_value"], ascending=[True, False], kind="stable")


def _check(losses: pd.DataFrame, confidence: float, statistic: str) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence lies between 0 and 1, for example 0.9; got {confidence}")
    if statistic not in METHODS:
        raise ValueError(f"statistic is one of {', '.join(METHODS)}; got {statistic!r}")
    if losses.shape[1] < 2 or len(losses) < 2:
        raise ValueError(f"expected daily losses, days x models, of at least two of each; got shape {losses.shape}")
    unusable: dict[Hashable, int] = {m: int((~np.isfinite(losses[m].to_numpy(np.float64))).sum()) for m in losses}
    bad = [f"{model} ({count} days)" for model, count in unusable.items() if count]
    if bad:
        raise ValueError(
            f"every model needs a finite loss on every day; missing or infinite for {', '.join(bad)}. "
            "Keep the days that all models have: losses.dropna()"
        )


def _first_equal(values: FloatArray) -> IntArray:
    """(models,) the first model whose losses are the same on every day, itself where there is none before it."""
    models = values.shape[1]
    first = np.arange(models, dtype=np.int64)
    for j in range(models):
        for i in range(j):
            gap = values[:, j] - values[:, i]
            if not gap.any():
                first[j] = first[i]
                break
            if np.ptp(gap) <= 1e-12 * np.abs(gap).max():
                raise ValueError(f"models {i} and {j} differ by {gap[0]:g} every day: there is nothing to test")
    return first


def _arch_bootstrap() -> ModuleType:
    try:
        return importlib.import_module("arch.bootstrap")
    except ImportError as error:
        raise ConfigError(
            "the model confidence set needs the package arch; install it with: pip install 'levercap[garch]'"
        ) from error
