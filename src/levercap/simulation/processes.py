"""Stochastic processes vectorised over symbols: AR(1), decayed impulses, scaled Student t draws."""

from __future__ import annotations

import numpy as np

from levercap.core.names import FloatArray

__all__ = ["autoregressive", "decayed_sum", "heavy_tailed", "significant"]


def autoregressive(innovations: FloatArray, half_life: float, start: FloatArray | float = 0.0) -> FloatArray:
    """Stationary AR(1) of unit variance driven by unit innovations along the first axis; `half_life` in rows."""
    decay = 0.5 ** (1.0 / half_life)
    return _decayed(np.sqrt(1.0 - decay**2) * innovations, decay, start)


def decayed_sum(impulses: FloatArray, half_life: float) -> FloatArray:
    """Exponentially decaying sum of the impulses of the rows before, the own row left out."""
    before = np.zeros_like(impulses)
    before[1:] = impulses[:-1]
    return _decayed(before, 0.5 ** (1.0 / half_life), 0.0)


def _decayed(values: FloatArray, decay: float, start: FloatArray | float) -> FloatArray:
    """y[t] = decay * y[t - 1] + values[t] along the first axis, from y[-1] = `start`."""
    out = np.array(values, dtype=np.float64)
    state = np.broadcast_to(np.asarray(start, dtype=np.float64), out.shape[1:])
    for row in range(len(out)):
        out[row] += decay * state
        state = out[row]
    return out


def heavy_tailed(rng: np.random.Generator, shape: tuple[int, ...], freedom: float) -> FloatArray:
    """Student t draws scaled to unit variance."""
    return np.asarray(rng.standard_t(freedom, shape) * np.sqrt((freedom - 2.0) / freedom), dtype=np.float64)


def significant(values: FloatArray, digits: int) -> FloatArray:
    """Positive values rounded to significant digits, as venues quote them."""
    place = digits - 1 - np.floor(np.log10(values))
    scale = 10.0 ** np.abs(place)
    rounded = np.where(place >= 0, np.round(values * scale) / scale, np.round(values / scale) * scale)
    return np.asarray(rounded, dtype=np.float64)
