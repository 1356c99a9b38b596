"""Scoring functions of forecasts and their decompositions."""
