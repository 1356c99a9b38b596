"""Losses of days, or of days and symbols, from Student's t with a forecast scale: VaR and ES have a closed form."""

from __future__ import annotations

import numpy as np

from support.student_losses import DEGREES, t_es, t_var

LEVEL, RATE = 0.975, 0.025
VAR, ES = t_var(LEVEL), t_es(LEVEL)


def student_days(rng: np.random.Generator, days: int, spread: float = 0.4):
    """(days,) loss, VaR and ES; `spread` is the deviation of the log scale."""
    scale = np.exp(rng.normal(0, spread, days))
    return scale * rng.standard_t(DEGREES, days), scale * VAR, scale * ES


def student_panel(rng: np.random.Generator, days: int, symbols: int, spread: float = 0.4):
    """(days x symbols,) loss, VaR, ES and day; symbols share their mixing and 70 % of their variance."""
    mixing = np.sqrt(DEGREES / rng.chisquare(DEGREES, size=(days, 1)))
    scale = np.exp(rng.normal(0, spread, (days, symbols)))
    latent = np.sqrt(0.7) * rng.normal(size=(days, 1)) + np.sqrt(0.3) * rng.normal(size=(days, symbols))
    loss, scale = (scale * mixing * latent).ravel(), scale.ravel()
    return loss, scale * VAR, scale * ES, np.arange(days).repeat(symbols)
