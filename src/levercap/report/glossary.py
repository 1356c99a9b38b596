"""Section: the terms of the report in plain words."""

from __future__ import annotations

from typing import Final

from levercap.report.page import Section, escape

__all__ = ["glossary_section"]

TERMS: Final = {
    "B1": "The baseline: a geometric mean of four moving averages of absolute returns with long memory, and the tail "
    "of past losses in units of it. It is not fitted, so a model that does not beat it has learnt nothing.",
    "Binding constraint": "The cap that gave the limit: the smallest of all caps of an account.",
    "Brier score": "Mean squared difference between a probability and what happened (0 or 1). Lower is better.",
    "Bundle": "Everything that was trained, as one folder whose files carry their hashes. One bundle makes all limits.",
    "Confidence level": "The share of cases in which the loss should stay below the value at risk: 99 % or 97.5 %.",
    "End and path": "A loss at the end of the 24 hours, or at its worst moment within them. Liquidation happens on the "
    "path.",
    "ES, expected shortfall": "The average loss in the cases beyond the value at risk.",
    "Fallback": "A limit from incomplete data: the conservative bound, never a milder number than complete data would "
    "give.",
    "FZ0": "A score of value at risk and expected shortfall together, smallest on average for the right forecast. Only "
    "differences have a meaning.",
    "Guardrail": "What stands between the model and the limit: a cut takes effect at once, a rise is made in small "
    "steps.",
    "Headroom": "Additional notional that the limit still allows; negative: how much has to be reduced.",
    "Hit": "A loss larger than the value at risk that was forecast for it.",
    "Leverage": "Gross notional (the sum of all positions, long and short) divided by equity.",
    "Limit": "The largest leverage allowed for new risk and withdrawals. Applying it never makes an account "
    "liquidatable.",
    "Liquidation budget": "The limit keeps the probability of being liquidated within 24 hours at or below a stated "
    "one.",
    "Insolvency budget": "The limit keeps the expected loss beyond the account's equity at or below a stated share of "
    "notional.",
    "Long-memory floor": "Today's loss estimate is mixed with one from a stressed period, so that calm cannot talk "
    "limits up.",
    "Noise": "What resampling blocks of days gives by chance: a difference is beyond noise when its 95 % interval "
    "does not contain zero.",
    "Shock": "A move against the position of at least the barrier (for example 10 %) at some moment within 24 hours.",
    "Traffic light": "Green, yellow or red by the number of hits of a year, as banking supervisors use it. At 99 % and "
    "365 days yellow starts at 7 hits and red at 13.",
    "VaR, value at risk": "The loss that is not exceeded with the stated confidence.",
}


def glossary_section() -> Section:
    """Terms in alphabetical order."""
    items = "".join(
        f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>"
        for term, meaning in sorted(TERMS.items(), key=lambda item: item[0].lower())
    )
    return Section("glossary", "Terms", f"<dl>{items}</dl>")
