"""Composition of the report: read the folders, make the sections, write one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from levercap.core.horizon import DAY
from levercap.report.inputs import Evaluation, Scores, read_evaluation, read_manifest, read_scores
from levercap.report.page.html import page
from levercap.report.sections.attributions import attributions_section
from levercap.report.sections.backtests import backtests_section
from levercap.report.sections.breakdown import breakdown_section
from levercap.report.sections.breaks import breaks_section
from levercap.report.sections.cuts import cuts_section
from levercap.report.sections.glossary import glossary_section
from levercap.report.sections.headline import headline_section
from levercap.report.sections.hits import hits_section
from levercap.report.sections.influence import influence_section
from levercap.report.sections.limit_distribution import limits_section, status_section
from levercap.report.sections.models import models_section
from levercap.report.sections.murphy import murphy_section
from levercap.report.sections.scores import board_of, scores_section
from levercap.report.sections.shocks import shocks_section
from levercap.report.sections.training import files_section, training_section
from levercap.report.sections.weaknesses import weaknesses_section
from levercap.storage.atomic import atomic_file

__all__ = ["render", "write_report"]

TITLE = "Leverage limits: risk report"

OPTIONAL_SECTIONS: Final = (
    "All models with adjusted p-values",
    "Coins and years",
    "Influential days and events",
    "Coverage after breaks",
    "Backtests",
    "Murphy diagrams",
    "Feature attributions",
)
"""Sections that stand only where the evaluation holds their tables."""


def write_report(evaluation: Path | None, scores: Path | None, bundle: Path | None, out: Path) -> Path:
    """Write one self-contained HTML page; the same inputs give the same bytes.

    Parameters
    ----------
    evaluation : folder that ``levercap evaluate`` wrote, or None: its sections then say that it was not run
    scores : folder that ``levercap score`` or ``levercap replay`` wrote, or None; of several dates the latest is shown
    bundle : bundle folder, or None
    out : HTML file to write or replace, or a folder for ``report.html``

    Returns
    -------
    Path
        the file written

    Raises
    ------
    ConfigError
        when a folder given does not exist
    DataError
        when a folder holds nothing of its kind, or a file cannot be read
    """
    text = render(read_evaluation(evaluation), read_scores(scores), read_manifest(bundle))
    target = out / "report.html" if out.is_dir() or not out.suffix else out
    with atomic_file(target) as building:
        building.write_text(text, encoding="utf-8")
    return target


def render(evaluation: Evaluation | None, scores: Scores | None, manifest: dict[str, Any] | None) -> str:
    """The page as text."""
    board = board_of(evaluation)
    models, breakdown, influence = (make(evaluation) for make in (models_section, breakdown_section, influence_section))
    breaks, backtests = breaks_section(evaluation), backtests_section(evaluation)
    murphy, attributions = murphy_section(evaluation), attributions_section(evaluation)
    optional = dict(
        zip(OPTIONAL_SECTIONS, (models, breakdown, influence, breaks, backtests, murphy, attributions), strict=True)
    )
    absent = [title for title, section in optional.items() if section is None]
    sections = [
        headline_section(board, scores, evaluation),
        training_section(manifest, evaluation, scores),
        scores_section(board, evaluation),
        models,
        weaknesses_section(evaluation, board, absent),
        breakdown,
        influence,
        breaks,
        hits_section(evaluation),
        backtests,
        shocks_section(evaluation),
        murphy,
        attributions,
        limits_section(scores),
        cuts_section(scores),
        status_section(scores),
        glossary_section(DAY if evaluation is None else evaluation.horizon),
        files_section(manifest),
    ]
    return page(TITLE, _subtitle(evaluation, scores, manifest), [one for one in sections if one is not None])


def _subtitle(evaluation: Evaluation | None, scores: Scores | None, manifest: dict[str, Any] | None) -> str:
    parts = []
    if scores is not None and "as_of" in scores.limits and len(scores.limits):
        parts.append(f"limits as of {scores.limits['as_of'].max():%Y-%m-%d %H:%M} UTC")
        if scores.dates > 1:
            parts.append(f"the last of {scores.dates:,} scoring dates")
    hits = None if evaluation is None else evaluation.table("hits")
    if hits is not None:
        parts.append(f"forecasts evaluated {hits['day'].min():%Y-%m-%d} to {hits['day'].max():%Y-%m-%d}")
    elif evaluation is not None and {"from", "to"} <= set(evaluation.summary):
        first, after = (str(evaluation.summary[name])[:10] for name in ("from", "to"))
        parts.append(f"forecasts evaluated from {first}, before {after}")
    identity = None if manifest is None else manifest.get("bundle_id", manifest.get("id"))
    if identity is not None:
        parts.append(f"bundle {identity}")
    text = "; ".join(parts) or "nothing was evaluated or scored"
    return text[0].upper() + text[1:]
