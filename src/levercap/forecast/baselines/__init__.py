"""Baselines: the methods that risk desks use today, with the interface of our own forecaster."""

from levercap.forecast.baselines.baseline import BASELINES, Baseline, fit_baseline

__all__ = ["BASELINES", "Baseline", "fit_baseline"]
