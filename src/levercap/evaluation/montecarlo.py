"""P-values from statistics simulated under the null hypothesis, for the samples that are too small for asymptotics."""

from __future__ import annotations

from levercap.evaluation.backtests import TestResult
from levercap.vocabulary import FloatArray

__all__ = ["monte_carlo"]

TIE = 1e-9
"""Statistics nearer to each other than this are equal: different orders of summation must not decide."""


def monte_carlo(observed: float, simulated: FloatArray) -> TestResult:
    """The statistic with its Monte Carlo p-value.

    Parameters
    ----------
    observed : statistic of the data, large when the null hypothesis is wrong
    simulated : (draws,) the same statistic of data drawn under the null hypothesis

    Notes
    -----
    ``(1 + as extreme) / (1 + draws)``: when data and draws are exchangeable under the null hypothesis the test keeps
    its size for any number of draws (Dufour, Journal of Econometrics 2006). Ties count as extreme, which is
    conservative.
    """
    as_extreme = int((simulated >= observed - TIE).sum())
    return TestResult(float(observed), (1 + as_extreme) / (1 + len(simulated)))
