"""Shock probabilities."""
