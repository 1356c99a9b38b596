"""GARCH(1,1) with Student t innovations, with or without asymmetry, estimated by `arch`."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.stats import t as student

from levercap.core.compiled import compiled
from levercap.core.errors import ConfigError
from levercap.core.names import FloatArray, IntArray, Side
from levercap.forecast.baselines.days import SymbolDays
from levercap.forecast.baselines.model import CannotFit, Losses

__all__ = ["SMALLEST_GARCH_SAMPLE", "GarchT", "backcast", "filter_variance", "import_arch", "student_tail"]

SMALLEST_GARCH_SAMPLE = 250
PERCENT = 100.0
"""`arch` is at home with returns in percent."""

BACKCAST_DAYS, BACKCAST_DECAY = 75, 0.94


def import_arch() -> Any:
    """The optional package; ConfigError naming the extra when it is not installed."""
    try:
        import arch
    except ImportError as error:
        raise ConfigError(
            "the GARCH baselines need the package arch, which is an extra: pip install 'levercap[garch]'"
        ) from error
    return arch


def backcast(shocks: FloatArray) -> float:
    """Variance before the first day: exponentially weighted mean of the first 75 squared shocks, as `arch` has it."""
    first = shocks[:BACKCAST_DAYS] ** 2
    weight = BACKCAST_DECAY ** np.arange(len(first))
    return float(weight @ first / weight.sum())


@compiled
def filter_variance(
    shocks: FloatArray, start: float, omega: float, alpha: float, gamma: float, beta: float
) -> FloatArray:
    """(days + 1,) variance of the day AFTER each shock, entry 0 being that of the first day.

    h_(t+1) = omega + (alpha + gamma 1{e_t < 0}) e_t^2 + beta h_t (Bollerslev 1986; Glosten, Jagannathan and Runkle
    1993). A missing shock counts as its expectation: e_t^2 = h_t, half of it below zero.
    """
    variance = np.empty(len(shocks) + 1)
    variance[0] = omega + (alpha + 0.5 * gamma + beta) * start
    for i in range(len(shocks)):
        shock = shocks[i]
        if np.isnan(shock):
            news = (alpha + 0.5 * gamma) * variance[i]
        else:
            news = (alpha + (gamma if shock < 0.0 else 0.0)) * shock * shock
        variance[i + 1] = omega + news + beta * variance[i]
    return variance


def student_tail(degrees: float, level: float) -> tuple[float, float]:
    """Quantile and mean beyond it of Student's t with `degrees` of freedom, scaled to variance one.

    ES = f(q) (nu + q^2) / ((nu - 1)(1 - level)) before scaling (McNeil, Frey and Embrechts 2015, example 2.15).
    """
    scale = np.sqrt((degrees - 2.0) / degrees)
    quantile = student.ppf(level, degrees)
    shortfall = student.pdf(quantile, degrees) * (degrees + quantile**2) / ((degrees - 1.0) * (1.0 - level))
    return float(scale * quantile), float(scale * shortfall)


@dataclass(frozen=True)
class GarchT:
    """Fitted GARCH(1,1)-t or GJR-GARCH(1,1)-t of daily log returns.

    VaR and ES of the log return become losses through exp(.) - 1; the expectation of exp(t) does not exist. The model
    has no path: its path numbers are those of filtered simulation, path losses in units of this volatility.

    Attributes
    ----------
    mean : of the daily log return
    omega, alpha, gamma, beta : of the variance, gamma = 0 without asymmetry
    degrees : degrees of freedom of the innovations
    start : variance before the first day, from the fitted sample
    """

    mean: float
    omega: float
    alpha: float
    gamma: float
    beta: float
    degrees: float
    start: float

    @classmethod
    def fit(cls, days: SymbolDays, asymmetric: bool) -> Self:
        """Maximum likelihood on the days that are there, holes closed up.

        Raises CannotFit with fewer than 250 days, when nothing ever moved, or when the optimiser does not converge to a
        usable point.
        """
        sample = days.returns[~np.isnan(days.returns)] * PERCENT
        if len(sample) < SMALLEST_GARCH_SAMPLE:
            raise CannotFit("young")
        if not sample.std() > 0:
            raise CannotFit("no movement")
        build = import_arch().arch_model
        model = build(sample, mean="Constant", vol="GARCH", p=1, o=int(asymmetric), q=1, dist="t", rescale=False)
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                result = model.fit(disp="off", show_warning=False)
        except (ValueError, np.linalg.LinAlgError) as error:
            raise CannotFit("not converged") from error
        p = {str(name).removesuffix("[1]"): float(value) for name, value in result.params.items()}
        if result.convergence_flag != 0 or not np.isfinite(list(p.values())).all() or p["nu"] <= 2.0:
            raise CannotFit("not converged")
        mean = p["mu"] / PERCENT
        return cls(
            mean=mean,
            omega=p["omega"] / PERCENT**2,
            alpha=p["alpha"],
            gamma=p.get("gamma", 0.0),
            beta=p["beta"],
            degrees=p["nu"],
            start=backcast((sample - sample.mean()) / PERCENT),
        )

    def volatility(self, days: SymbolDays) -> FloatArray:
        """(days,) filtered volatility of the day after each midnight; NaN before the first return."""
        present = np.flatnonzero(~np.isnan(days.returns))
        out = np.full(len(days.returns), np.nan)
        if len(present):
            shocks = days.returns[present[0] :] - self.mean
            variance = filter_variance(shocks, self.start, self.omega, self.alpha, self.gamma, self.beta)
            out[present[0] :] = np.sqrt(variance[1:])
        return out

    def end(self, days: SymbolDays, rows: IntArray, side: Side, level: float) -> Losses:
        """Student t tail at today's volatility."""
        var, es = student_tail(self.degrees, level)
        return self.losses(self.volatility(days)[rows], side, var, es)

    def path(self, days: SymbolDays, rows: IntArray, side: Side, level: float) -> None:
        """By filtered simulation."""

    def losses(self, volatility: FloatArray, side: Side, var: float, es: float) -> Losses:
        """Losses from the quantile and mean beyond it of the standardised adverse log return."""
        sign = -1.0 if side is Side.LONG else 1.0
        return sign * np.expm1(self.mean + sign * volatility * var), sign * np.expm1(self.mean + sign * volatility * es)

    def residuals(self, days: SymbolDays) -> FloatArray:
        """(days,) log returns minus their mean, in units of the volatility forecast for them; the first day is NaN."""
        before = np.append(np.nan, self.volatility(days)[:-1])
        return np.asarray((days.returns - self.mean) / before, dtype=np.float64)
