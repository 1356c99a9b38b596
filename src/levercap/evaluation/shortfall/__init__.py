"""Backtests of expected shortfall."""
