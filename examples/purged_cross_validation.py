"""Purged splits of one's own model: how much does a leaking validation flatter it?

A label of 24 hours that is asked for every hour is shared by neighbouring rows. Shuffled folds put such neighbours on
both sides of a split; purged ones do not. Run with ``python examples/purged_cross_validation.py``.
"""

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import KFold, cross_val_score

from levercap.evaluation import CombinatorialPurgedKFold, PurgedKFold, PurgedWalkForward


def forecasts(origins: int = 600, every_hours: int = 1, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, pd.Series]:
    """Features that say nothing about the future, returns of the next 24 hours, and the origin of each row."""
    random = np.random.default_rng(seed)
    as_of = pd.date_range("2024-01-01", periods=origins, freq=f"{every_hours}h", tz="UTC")
    steps = 24 // every_hours
    returns = random.standard_normal(origins + steps)
    label = np.array([returns[i + 1 : i + 1 + steps].sum() for i in range(origins)])
    walk = np.cumsum(random.standard_normal((origins, 2)), axis=0)
    return pd.DataFrame(walk, columns=["momentum", "volume"]), label, pd.Series(as_of, name="as_of")


def main() -> dict[str, float]:
    """Mean R squared under each splitter; the truth is zero or less."""
    features, label, as_of = forecasts()
    model = RandomForestRegressor(n_estimators=30, random_state=0)
    splitters = {
        "shuffled folds": KFold(5, shuffle=True, random_state=0),
        "purged folds": PurgedKFold(5, embargo_hours=24),
        "purged walk-forward": PurgedWalkForward(4),
        "combinatorial purged folds": CombinatorialPurgedKFold(6, 2),
    }
    scores = {}
    for name, splitter in splitters.items():
        groups = None if isinstance(splitter, KFold) else as_of
        scores[name] = float(cross_val_score(model, features, label, groups=groups, cv=splitter, scoring="r2").mean())
    for name, score in scores.items():
        print(f"{name:<28} R squared {score:+.2f}")
    return scores


if __name__ == "__main__":
    main()
