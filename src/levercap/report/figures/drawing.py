"""How drawings look and how they are written: the same data give the same bytes on every run."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import matplotlib.style
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

__all__ = ["BLUE", "COLOURS", "GREY", "ORANGE", "RED", "ZONES", "drawing", "svg"]

BLUE: Final = "#1f5a99"
ORANGE: Final = "#d4731a"
RED: Final = "#b3261e"
GREY: Final = "#7a8590"
COLOURS: Final = (BLUE, ORANGE, "#3f8f5f", "#7d4fa0", "#a08a1f", GREY)
ZONES: Final = {"green": "#e3f1e6", "yellow": "#fdf1c9", "red": "#f8d7d4"}

_LOOK: Final = {
    "svg.hashsalt": "levercap",
    "svg.fonttype": "path",  # letters as outlines: the same on every machine, with no font to fetch
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e7eb",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


@contextmanager
def drawing() -> Iterator[None]:
    """The look of every figure here, whatever the user's own settings say."""
    with matplotlib.style.context(["default", _LOOK]):
        yield


def svg(figure: Figure) -> bytes:
    """Figure as SVG without date or program name."""
    buffer = io.BytesIO()
    FigureCanvasSVG(figure)
    layout = figure.get_layout_engine()
    if layout is not None:  # saving would draw the whole figure once more for the sake of the layout
        layout.execute(figure)
        figure.set_layout_engine("none")
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
