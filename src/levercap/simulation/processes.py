"""Stochastic processes vectorised over symbols: AR(1), decayed impulses, scaled Student t draws."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from levercap.core.names import FloatArray

__all__ = ["autoregressive", "decayed_sum", "heavy_tailed", "significant"]


def autoregressive(innovations: FloatArray, half_life: float, start: FloatArray | float = 0.0) -> FloatArray:
    """Stationary AR(1) of unit variance driven by unit innovations along the first axis; `half_life` in rows."""
    decay = 0.5 ** (1.0 / half_life)
    carried = np.broadcast_to(np.asarray(start) * decay, (1, *innovations.shape[1:]))
    out, _ = lfilter([np.sqrt(1.0 - decay**2)], [1.0, -decay], innovations, axis=0, zi=carried)
    return np.asarray(out, dtype=np.float64)


def decayed_sum(impulses: FloatArray, half_life: float) -> FloatArray:
    """Exponentially decaying sum of the impulses of the rows before, the own row left out."""
    decay = 0.5 ** (1.0 / half_life)
    out = lfilter([0.0, 1.0], [1.0, -decay], impulses, axis=0)
    return np.asarray(out, dtype=np.float64)


def heavy_tailed(rng: np.random.Generator, shape: tuple[int, ...], freedom: float) -> FloatArray:
    """Student t draws scaled to unit variance."""
    return np.asarray(rng.standard_t(freedom, shape) * np.sqrt((freedom - 2.0) / freedom), dtype=np.float64)


def significant(values: FloatArray, digits: int) -> FloatArray:
    """Positive values rounded to significant digits, as venues quote them."""
    place = digits - 1 - np.floor(np.log10(values))
    scale = 10.0 ** np.abs(place)
    rounded = np.where(place >= 0, np.round(values * scale) / scale, np.round(values / scale) * scale)
    return np.asarray(rounded, dtype=np.float64)
