"""Tail forecasts: value at risk and expected shortfall in units of volatility."""
