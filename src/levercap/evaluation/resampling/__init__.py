"""Bootstraps, long-run covariances, simulated distributions and purged splits."""
