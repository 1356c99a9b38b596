"""Leverage limits: from portfolios and a snapshot to the limits frame."""
