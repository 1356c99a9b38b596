"""Outputs and artefacts on disk, and the model registry."""
