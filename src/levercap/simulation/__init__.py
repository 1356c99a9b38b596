"""Simulated market and book: seeded, offline, with the data defects and crashes of real ones."""

from levercap.simulation.book import simulate_book
from levercap.simulation.market import simulate_market

__all__ = ["simulate_book", "simulate_market"]
