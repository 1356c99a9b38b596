"""The command line: one module per verb group, heavy imports inside the commands."""

from levercap.cli.app import main

__all__ = ["main"]
