"""Levercap: forecast-driven leverage limits, one per account, with the reason and the evidence."""

from typing import TYPE_CHECKING

from levercap.core.version import __version__

if TYPE_CHECKING:
    from levercap.serving.load import load

__all__ = ["__version__", "load"]


def __getattr__(name: str) -> object:
    """Import `load` on first use, so that `import levercap` stays light."""
    if name == "load":
        from levercap.serving.load import load

        return load
    raise AttributeError(f"module 'levercap' has no attribute {name!r}")
