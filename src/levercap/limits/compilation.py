"""Compiles the kernels ahead of their first use, at installation or when an image is built.

``python -m levercap.limits.compilation`` leaves them in the cache beside the code, where later processes find them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from levercap.config import PolicyConfig
from levercap.core.horizon import DAY
from levercap.core.instrument import perpetuals
from levercap.core.scenario import ScenarioSet
from levercap.core.snapshot import Snapshot
from levercap.limits.assessor import Assessor

__all__ = ["compile_kernels"]


def compile_kernels() -> None:
    """Assess a position of one symbol over two scenarios, which compiles every kernel that a limit needs."""
    moves = np.zeros((1, 2, DAY.hours), dtype=np.float32)
    scenarios = ScenarioSet(
        instruments=perpetuals(("SYMBOL",)),
        weights=np.array([0.5, 0.5]),
        low=moves - 0.01,
        high=moves + 0.01,
        end=np.ascontiguousarray(moves[:, :, -1]),
        starts=np.zeros(2, dtype="datetime64[us]"),
        horizon=DAY,
    )
    symbols = pd.DataFrame({"symbol": ["SYMBOL"], "state": "fresh", "turnover": 1.0}).astype({"symbol": "str"})
    instant = pd.Timestamp(0, tz="UTC").as_unit("us")
    Assessor(Snapshot(instant, DAY, symbols, pd.DataFrame(), scenarios, np.ones(1), None, "", "", ""), PolicyConfig())


if __name__ == "__main__":
    compile_kernels()
