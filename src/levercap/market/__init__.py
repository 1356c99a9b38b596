"""Market data: read a folder, validate it, align it to a Panel."""

from levercap.market.load import Market, load_market, market_from_tables, validate_market, write_market

__all__ = [
    "Market",
    "load_market",
    "market_from_tables",
    "validate_market",
    "write_market",
]
