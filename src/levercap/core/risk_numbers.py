"""Risk numbers: what the joint scenarios say about each account."""

from __future__ import annotations

from dataclasses import dataclass

from levercap.core.names import FloatArray

__all__ = ["RiskNumbers"]


@dataclass(frozen=True, eq=False)
class RiskNumbers:
    """Risk of each account over the horizon; every field is (accounts,), losses are fractions of gross notional.

    Attributes
    ----------
    var_99, es_975 : at the end of the horizon
    path_var_99, path_es_975 : at the worst moment within it
    liquidation_loss : path VaR at one minus the liquidation budget
    insolvency_margin : smallest margin m with ``E[(path loss + closing cost - m)+]`` within the insolvency budget
    stressed_liquidation_loss, stressed_path_es_975 : the same at stressed volatility
    liquidation_probability : P(path loss > the margin above maintenance that the account has now)
    shock_probability : P(path loss >= policy.shock_barrier)
    """

    var_99: FloatArray
    es_975: FloatArray
    path_var_99: FloatArray
    path_es_975: FloatArray
    liquidation_loss: FloatArray
    insolvency_margin: FloatArray
    stressed_liquidation_loss: FloatArray
    stressed_path_es_975: FloatArray
    liquidation_probability: FloatArray
    shock_probability: FloatArray
