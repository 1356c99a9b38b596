"""Comparison of forecasts with each other."""
