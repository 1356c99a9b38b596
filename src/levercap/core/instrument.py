"""Instrument: what a position is held in."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Instrument", "perpetuals"]


@dataclass(frozen=True, order=True)
class Instrument:
    """A contract and the symbol whose price it depends on.

    Attributes
    ----------
    name : as the venue lists it, unique there
    underlying : symbol of the market whose bars give its price
    """

    name: str
    underlying: str

    def __post_init__(self) -> None:
        if not self.name or not self.underlying:
            raise ValueError("Instrument.name and Instrument.underlying must not be empty")


def perpetuals(symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
    """Perpetual futures: each is listed under the name of its underlying."""
    return tuple(Instrument(symbol, symbol) for symbol in symbols)
