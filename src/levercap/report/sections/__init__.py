"""Sections of the report, one per question."""
