"""Tests that may be read at any time."""
