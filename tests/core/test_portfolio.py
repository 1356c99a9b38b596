import numpy as np

from levercap.core.instrument import perpetuals
from levercap.core.portfolio import Portfolio


def test_taking_accounts_takes_their_positions():
    held = perpetuals(("A", "B", "C"))
    offsets, code = np.array([0, 2, 2, 5]), np.array([0, 2, -1, 0, 1])
    portfolio = Portfolio(held, np.array([1.0, 2.0, 3.0]), offsets, code, np.array([1.0, -2.0, 3.0, 4.0, 5.0]))
    part = portfolio.take(np.array([2, 1, 0]))
    assert part.equity.tolist() == [3.0, 2.0, 1.0]
    assert part.offsets.tolist() == [0, 3, 3, 5]
    assert part.instrument.tolist() == [-1, 0, 1, 0, 2]
    assert part.notional.tolist() == [3.0, 4.0, 5.0, 1.0, -2.0]
    assert len(portfolio.take(np.array([], dtype=np.int64))) == 0
