"""Section: the terms of the report."""

from __future__ import annotations

from typing import Final

from levercap.core.horizon import Horizon
from levercap.report.page.html import Section, escape

__all__ = ["glossary_section"]

TERMS: Final = {
    "AUC": "Area under the curve: the chance that a day with a shock was ranked above a day without. 1 is "
    "perfect, 0.5 is chance. It is not about calibration.",
    "Adjusted p-value": "A p-value that allows for the number of comparisons made. Romano and Wolf's uses the "
    "dependence between the comparisons; Holm's holds under any.",
    "Attribution": "How much of the forecast a feature moves on average. It is about the model, not about causes.",
    "Backtest": "A check of forecasts against what happened, with a stated chance of rejecting right ones.",
    "Block of days": "Neighbouring days resampled together, since what happens on one day is not independent of the "
    "day before. Results that hold with blocks of 20 and of 60 days do not hang on that choice.",
    "Break": "A day on which the market changed: a known event, or a jump of the volatility of all coins.",
    "Calibration slope": "How much the log odds of what happened change with those of the forecast. Below 1 the "
    "probabilities are too extreme, above 1 too timid.",
    "Consistency band": "Where the curve of a reliability diagram would lie if the forecasts were right. Points "
    "outside the band are evidence against them.",
    "e-process": "The wealth of someone who bets against a forecast every day and would not gain on average if it were "
    "right. Twenty times the stake raises the alarm, whenever it is looked at.",
    "Effective rows": "How many independent forecasts the data are worth, since coins move together.",
    "Implied probability": "The share of the weighted scenarios in which the shock happens.",
    "Influential day": "A day that moves the mean difference of scores much, in either direction.",
    "Kupiec's test": "Is the number of hits that of a fair coin with the nominal rate?",
    "Model confidence set": "The models that cannot be distinguished from the best one; the best is among them "
    "with 90 % confidence.",
    "Murphy diagram": "The scores of two forecasts by every threshold at which someone may act on them. It shows "
    "whether the better one depends on the score chosen.",
    "Pinball ratio": "Score of the value at risk alone, divided by that of the baseline. Below 1 is better.",
    "Reliability diagram": "Forecast probability against how often it came true. Right forecasts lie on the diagonal.",
    "SHAP value": "The part of one forecast that a feature is given credit for, so that all parts sum to the forecast.",
    "Skill": "The share of the reference's score that is saved. Zero is no better, 100 % is perfect.",
    "B1": "The baseline: a geometric mean of four moving averages of absolute returns with long memory, and the tail "
    "of past losses in units of it. It is not fitted, so a model that does not beat it adds nothing.",
    "Binding constraint": "The cap that gave the limit: the smallest of all caps of an account.",
    "Brier score": "Mean squared difference between a probability and what happened (0 or 1). Lower is better.",
    "Bundle": "Everything that was trained, as one folder whose files carry their hashes. One bundle makes all limits.",
    "Confidence level": "The share of cases in which the loss should stay below the value at risk: 99 % or 97.5 %.",
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
    "Insolvency budget": "The limit keeps the expected loss beyond the account's equity at or below a stated share of "
    "notional.",
    "Long-memory floor": "Today's loss estimate is mixed with one from a stressed period, so that limits do not "
    "rise far in calm markets.",
    "Noise": "What resampling blocks of days gives by chance: a difference is beyond noise when its 95 % interval "
    "does not contain zero.",
    "Traffic light": "Green, yellow or red by the number of hits of a year, as banking supervisors use it. At 99 % and "
    "365 days yellow starts at 7 hits and red at 13.",
    "VaR, value at risk": "The loss that is not exceeded with the stated confidence.",
}


TERMS_OF_THE_HORIZON: Final = {
    "End and path": "A loss at the end of the {horizon}, or at its worst moment within them. Liquidation happens on "
    "the path.",
    "Liquidation budget": "The limit keeps the probability of being liquidated within {horizon} at or below a stated "
    "one.",
    "Shock": "A move against the position of at least the barrier (for example 10 %) at some moment within {horizon}.",
}
"""Terms whose meaning names the horizon of the forecasts."""


def glossary_section(horizon: Horizon) -> Section:
    """Terms in alphabetical order."""
    terms = TERMS | {term: meaning.format(horizon=horizon) for term, meaning in TERMS_OF_THE_HORIZON.items()}
    items = "".join(
        f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>"
        for term, meaning in sorted(terms.items(), key=lambda item: item[0].lower())
    )
    return Section("glossary", "Terms", f"<dl>{items}</dl>")
