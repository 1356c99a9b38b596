"""Levercap: forecast-driven leverage limits, one per account, with the reason and the evidence."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from levercap.config.switches import set_source
from levercap.core.version import __version__

if TYPE_CHECKING:
    from levercap.serving.load import load

__all__ = ["__version__", "load"]


def _constraints() -> Mapping[str, str]:
    """Constraints on leverage that the configuration can switch, imported when a configuration is made."""
    from levercap.policy.constraints import all_constraints

    return {constraint.name: constraint.required for constraint in all_constraints()}


set_source(_constraints)


def __getattr__(name: str) -> object:
    """Import `load` on first use, so that `import levercap` stays light."""
    if name == "load":
        from levercap.serving.load import load

        return load
    raise AttributeError(f"module 'levercap' has no attribute {name!r}")
