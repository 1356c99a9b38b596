"""Instrument: a listed name and the symbol whose price it follows."""

import pytest

from levercap.core.instrument import Instrument, perpetuals


def test_a_perpetual_is_listed_under_its_underlying():
    assert perpetuals(("BTCUSDT",)) == (Instrument("BTCUSDT", "BTCUSDT"),)
    with pytest.raises(ValueError, match="empty"):
        Instrument("", "BTCUSDT")
