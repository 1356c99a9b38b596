"""Purged cross-validation splitters with scikit-learn's interface.

Every row is one forecast: `groups` holds its origin (`as_of`), and its label is settled over the interval
(as_of, as_of + horizon]. Rows of one origin, all symbols of it, always go the same way. Training rows whose label
interval overlaps that of a test row are purged. Rows may come in any order; indices come in the order of the rows.

>>> cross_val_score(model, X, y, groups=frame["as_of"], cv=PurgedWalkForward(n_splits=5))  # doctest: +SKIP

Source: Lopez de Prado, Advances in Financial Machine Learning (2018), chapters 7 and 12.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from levercap.core.horizon import DAY
from levercap.core.names import BoolArray, IntArray

__all__ = ["CombinatorialPurgedKFold", "PurgedKFold", "PurgedWalkForward"]

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class PurgedWalkForward:
    """Walk-forward splits: train on the past, test on the stretch that follows.

    The origins are cut into ``n_splits + 1`` stretches with equally many origins, in time order; split i tests on
    stretch i + 1 and trains on all before it whose labels are settled when the test begins.

    Attributes
    ----------
    n_splits : number of test stretches
    horizon_hours : length of the label interval
    embargo_hours : further distance between the end of the last training label and the first test origin
    train_hours : longest training window, counted back from the first test origin; None trains on the whole past
    """

    n_splits: int = 5
    horizon_hours: float = DAY.hours
    embargo_hours: float = 0.0
    train_hours: float | None = None

    def __post_init__(self) -> None:
        _check(self.horizon_hours, self.embargo_hours)
        _at_least("n_splits", self.n_splits, 1)
        if self.train_hours is not None and self.train_hours <= self.horizon_hours + self.embargo_hours:
            raise ValueError(
                f"train_hours must exceed horizon and embargo, {self.horizon_hours + self.embargo_hours:g} hours; "
                f"got {self.train_hours:g}"
            )

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return the number of splits."""
        return self.n_splits

    def split(
        self, X: object = None, y: object = None, groups: ArrayLike | None = None
    ) -> Iterator[tuple[Indices, Indices]]:
        """Yield the row numbers of training and test, split by split.

        Parameters
        ----------
        X, y : not looked at
        groups : (rows,) origin of each row

        Raises
        ------
        ValueError
            when there are too few origins, or purging leaves a split nothing to train on
        """
        origin, hours = _origins(groups)
        for number, test in enumerate(_stretches(hours, self.n_splits + 1)[1:]):
            latest = test[0] - self.horizon_hours - self.embargo_hours
            train = hours <= latest
            if self.train_hours is not None:
                train &= hours >= test[0] - self.train_hours
            yield _rows(origin, train, np.isin(hours, test), number)


@dataclass(frozen=True)
class PurgedKFold:
    """K-fold splits in time: test on each of `n_splits` stretches in turn, train on the others, purged.

    Attributes
    ----------
    n_splits : number of stretches, each with equally many origins
    horizon_hours : length of the label interval
    embargo_hours : further distance between the end of the last test label and the first training origin after it,
        because features of that time still carry what the test saw
    """

    n_splits: int = 5
    horizon_hours: float = DAY.hours
    embargo_hours: float = 0.0

    def __post_init__(self) -> None:
        _check(self.horizon_hours, self.embargo_hours)
        _at_least("n_splits", self.n_splits, 2)

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return the number of splits."""
        return self.n_splits

    def split(
        self, X: object = None, y: object = None, groups: ArrayLike | None = None
    ) -> Iterator[tuple[Indices, Indices]]:
        """Yield the row numbers of training and test, as `PurgedWalkForward.split` does."""
        return CombinatorialPurgedKFold(self.n_splits, 1, self.horizon_hours, self.embargo_hours).split(X, y, groups)


@dataclass(frozen=True)
class CombinatorialPurgedKFold:
    """Test on every choice of `n_test_groups` out of `n_groups` stretches of time, train on the others, purged.

    Attributes
    ----------
    n_groups : number of stretches, each with equally many origins
    n_test_groups : how many of them each split tests on
    horizon_hours, embargo_hours : as for `PurgedKFold`, before and after every test stretch
    """

    n_groups: int = 6
    n_test_groups: int = 2
    horizon_hours: float = DAY.hours
    embargo_hours: float = 0.0

    def __post_init__(self) -> None:
        _check(self.horizon_hours, self.embargo_hours)
        _at_least("n_test_groups", self.n_test_groups, 1)
        _at_least("n_groups", self.n_groups, self.n_test_groups + 1)

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return the number of splits: `n_groups` choose `n_test_groups`."""
        return comb(self.n_groups, self.n_test_groups)

    def split(
        self, X: object = None, y: object = None, groups: ArrayLike | None = None
    ) -> Iterator[tuple[Indices, Indices]]:
        """Yield the row numbers of training and test, as `PurgedWalkForward.split` does."""
        origin, hours = _origins(groups)
        stretches = _stretches(hours, self.n_groups)
        for number, chosen in enumerate(self._choices()):
            test = np.concatenate([stretches[i] for i in chosen])
            train = ~_touches(hours, test, self.horizon_hours, self.embargo_hours)
            yield _rows(origin, train, np.isin(hours, test), number)

    def backtest_paths(self) -> IntArray:
        """(paths, n_groups) which split to take the forecasts of each stretch from: every path covers all of time once.

        There are ``n_splits * n_test_groups / n_groups`` paths, and together they use every forecast once.
        """
        choices = list(self._choices())
        tested = [[number for number, chosen in enumerate(choices) if i in chosen] for i in range(self.n_groups)]
        return np.array(tested, dtype=np.int64).T

    def _choices(self) -> Iterator[tuple[int, ...]]:
        return combinations(range(self.n_groups), self.n_test_groups)


def _origins(groups: ArrayLike | None) -> tuple[Indices, NDArray[np.float64]]:
    """(rows,) which distinct origin each row has, and the distinct origins in order, in hours."""
    if groups is None:
        raise ValueError('pass the origin of each row, for example split(X, y, groups=frame["as_of"])')
    stamps = pd.DatetimeIndex(pd.to_datetime(np.asarray(groups), utc=True)).as_unit("us")
    missing = int(np.count_nonzero(stamps.isna()))
    if len(stamps) == 0 or missing:
        raise ValueError(f"groups need an origin for each row; {missing} of {len(stamps)} are missing")
    micros, origin = np.unique(stamps.asi8, return_inverse=True)
    return origin, (micros - micros[0]) / 3.6e9


def _stretches(hours: NDArray[np.float64], count: int) -> list[NDArray[np.float64]]:
    if len(hours) < count:
        raise ValueError(f"{len(hours)} distinct origins cannot be cut into {count} stretches; use fewer splits")
    return np.array_split(hours, count)


def _touches(
    hours: NDArray[np.float64], test: NDArray[np.float64], horizon_hours: float, embargo_hours: float
) -> BoolArray:
    """Whether each origin is a test origin, has a label that overlaps a test label, or lies in an embargo after one.

    (s, s + h] and (t, t + h] overlap when s and t are less than h apart, so only the nearest test origins count.
    """
    after = np.searchsorted(test, hours, side="left")
    to_next = np.append(test, np.inf)[after] - hours
    since_last = hours - np.insert(test, 0, -np.inf)[np.searchsorted(test, hours, side="right")]
    return np.asarray((to_next < horizon_hours) | (since_last < horizon_hours + embargo_hours))


def _rows(origin: Indices, train: BoolArray, test: BoolArray, number: int) -> tuple[Indices, Indices]:
    if not train.any():
        raise ValueError(
            f"split {number} has nothing left to train on after purging; use fewer splits, a longer history or a "
            "shorter horizon and embargo"
        )
    return np.flatnonzero(train[origin]), np.flatnonzero(test[origin])


def _check(horizon_hours: float, embargo_hours: float) -> None:
    if not horizon_hours > 0 or not embargo_hours >= 0:
        raise ValueError(
            f"horizon_hours must be above 0 and embargo_hours 0 or more; got {horizon_hours} and {embargo_hours}"
        )


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
