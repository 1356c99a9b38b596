"""Market data: read a folder, validate it, align it to a Panel; or simulate one."""

from levercap.market.load import Market, load_market, market_from_tables, validate_market, write_market
from levercap.market.simulation import simulate_book, simulate_market
from levercap.market.tiers import tiers_as_of

__all__ = [
    "Market",
    "load_market",
    "market_from_tables",
    "simulate_book",
    "simulate_market",
    "tiers_as_of",
    "validate_market",
    "write_market",
]
