"""P-values from statistics simulated under the null hypothesis, for the samples that are too small for asymptotics."""

from __future__ import annotations

from dataclasses import dataclass

from levercap.core.names import FloatArray

__all__ = ["TestResult", "monte_carlo"]

TIE = 1e-9
"""Statistics nearer to each other than this are equal: different orders of summation must not decide."""


@dataclass(frozen=True)
class TestResult:
    """A statistic that is large when the null hypothesis is wrong, and the chance of one at least as large under it."""

    __test__ = False  # not a test case, although its name starts like one

    statistic: float
    p_value: float


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
