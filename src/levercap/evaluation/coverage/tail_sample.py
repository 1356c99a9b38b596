"""Checked sample of the tests of expected shortfall: losses beside their forecasts, with their days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from levercap.core.names import BoolArray, FloatArray, IntArray

__all__ = ["TailSample", "day_numbers", "tail_sample"]


@dataclass(frozen=True, eq=False)
class TailSample:
    """Losses and the forecasts made of them.

    Attributes
    ----------
    loss, var, es : (rows,) losses, and the value at risk and expected shortfall forecast for them, positive, same units
    level : confidence of both forecasts
    day : (rows,) number of each row's day, counted from 0 in time order
    days : how many days there are
    """

    loss: FloatArray
    var: FloatArray
    es: FloatArray
    level: float
    day: IntArray
    days: int

    @property
    def rate(self) -> float:
        """Probability of a hit when the forecasts are right: 1 - level."""
        return 1.0 - self.level

    @property
    def hits(self) -> BoolArray:
        """(rows,) whether the loss exceeded the value at risk."""
        return np.asarray(self.loss > self.var)

    @property
    def excess(self) -> FloatArray:
        """(rows,) ``(loss - var)+``."""
        return np.asarray(np.maximum(self.loss - self.var, 0.0))

    def day_means(self, values: FloatArray) -> FloatArray:
        """Cross-sectional means, (days,) or (days, columns), of values shaped (rows,) or (rows, columns)."""
        rows = np.bincount(self.day, minlength=self.days)
        columns = np.asarray(values, dtype=np.float64).reshape(len(self.day), -1)
        means = [np.bincount(self.day, column, self.days) / rows for column in columns.T]
        return np.asarray(means[0]) if np.ndim(values) == 1 else np.column_stack(means)

    def row_weights(self) -> FloatArray:
        """(rows,) weights that add up to one and give every day the same weight."""
        return np.asarray(1.0 / (self.days * np.bincount(self.day, minlength=self.days)[self.day]))


def tail_sample(
    loss: ArrayLike, var: ArrayLike, es: ArrayLike, level: float, day: ArrayLike | None = None
) -> TailSample:
    """Check losses and forecasts and number their days.

    Parameters
    ----------
    loss, var, es : (rows,) losses positive
    level : confidence
    day : (rows,) the day of each row, anything sortable; without it every row is a day of its own, in time order

    Raises
    ------
    ValueError
        naming everything that is wrong: unequal lengths, missing values, var <= 0, es < var, a level that is none
    """
    arrays = {"loss": np.asarray(loss, float), "var": np.asarray(var, float), "es": np.asarray(es, float)}
    rows = len(np.atleast_1d(arrays["loss"]))
    shapes = {name: array.shape for name, array in arrays.items()}
    if day is not None:
        shapes["day"] = np.shape(day)
    if rows == 0 or set(shapes.values()) != {(rows,)}:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"tests of expected shortfall need arrays of one common length, at least 1; got {listed}")
    _check_values(arrays, level)
    index = np.arange(rows) if day is None else day_numbers(day)
    return TailSample(**arrays, level=level, day=index, days=int(index.max()) + 1)


def day_numbers(day: ArrayLike) -> IntArray:
    """(rows,) number of each row's day, counted from 0 in time order; days may be anything sortable, none missing."""
    numbers, _ = pd.factorize(day if isinstance(day, pd.Index) else np.asarray(day), sort=True)
    if (numbers < 0).any():
        raise ValueError(f"{int((numbers < 0).sum())} of {len(numbers)} days are missing")
    return numbers.astype(np.int64)


def _check_values(arrays: dict[str, FloatArray], level: float) -> None:
    problems = [
        f"{int(bad.sum())} of {bad.size} values of {name} are not finite"
        for name, bad in ((name, ~np.isfinite(array)) for name, array in arrays.items())
        if bad.any()
    ]
    low, crossed = arrays["var"] <= 0, arrays["es"] < arrays["var"]
    if low.any():
        problems.append(f"{int(low.sum())} of {low.size} values of var are not positive")
    if crossed.any():
        problems.append(f"es is below var in {int(crossed.sum())} of {crossed.size} rows")
    if not 0.5 < level < 1.0:
        problems.append(f"level is a confidence between 0.5 and 1, for example 0.975; got {level}")
    if problems:
        raise ValueError("; ".join(problems))
