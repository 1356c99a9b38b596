"""Writes the page of all features from their descriptions: ``python tests/support/feature_page.py``.

`test_catalogue.py` compares it with the file, so that the page never says something else than the code.
"""

from __future__ import annotations

from pathlib import Path

from levercap.core.panel import CARRY_HOURS
from levercap.features.catalogue import CHOSEN, EXTENSIONS, GROUPS
from levercap.features.description import Description
from levercap.features.funding import FUNDING_CARRY_HOURS, FUNDING_LAG_HOURS
from levercap.features.implied import IMPLIED_VOLATILITY_LAG_HOURS
from levercap.features.open_interest import OPEN_INTEREST_LAG_HOURS

PAGE = Path(__file__).parents[2] / "docs" / "features.md"

INTRODUCTION = f"""# Features

One row per instant and symbol, made only of what was known at the instant. `levercap features` writes the table,
`levercap.features.feature_table(panel, origins)` makes it; with `--extended` or `extended=True` it also has
the columns that no model learns from yet (column *model* below).

- A feature is missing (NaN) where it is not known; none is ever infinite, and a missing value is never a zero.
- Most are logarithms relative to the symbol's own slow level, so that one model serves all symbols.
- *Tables* names what a feature is made of. Without them its column is left out.
- *Lag* is the number of hours after its stamp from which a value is used: a bar at its close, funding
  {FUNDING_LAG_HOURS} h after it is charged, open interest {OPEN_INTEREST_LAG_HOURS} h and implied volatility \
{IMPLIED_VOLATILITY_LAG_HOURS} h after their stamps.
- A close is carried over holes of at most {CARRY_HOURS} hours, open interest likewise, funding for at most \
{FUNDING_CARRY_HOURS} hours, implied
  volatility for 24.
- Funding is what was charged. The rate announced for the next charge is not in the data, so nothing compares the two.
- A market has one price per symbol, so there is no basis between two venues; funding is what the basis costs.
"""


def feature_page() -> str:
    """Every feature by group."""
    extensions = {d.name for extension in EXTENSIONS for d in extension.descriptions}
    lines = [INTRODUCTION.rstrip("\n")]
    for group, descriptions in GROUPS.items():
        lines += ["", f"## {group}", "", "| feature | model | meaning | unit | source | tables | lag |"]
        lines += ["|---|---|---|---|---|---|---|"]
        lines += [_row(d, d.name not in extensions or d.name in CHOSEN) for d in descriptions]
    return "\n".join(lines) + "\n"


def _row(d: Description, learnt: bool) -> str:
    cells = [
        f"`{d.name}`",
        "yes" if learnt else "",
        d.meaning,
        d.unit,
        d.source,
        ", ".join(d.needs),
        f"{d.lag_hours} h",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(feature_page())
