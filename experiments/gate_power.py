"""Size and power of the promotion gate on a market: how often it refuses what the recipe gives, and the same scaled.

For every month a forecaster's tails are fitted as training until then would fit them, and judged as the gate judges a
bundle: against the recipe's history on the 90 days before (fidelity), against the outcomes of all of the training
(calibration; here with out-of-sample volatilities), and against those of the 90 days after (held back).

``python experiments/gate_power.py --market FOLDER [--factor 0.9] [--from 2019-01-01]``
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from levercap.config import Config
from levercap.evidence.checks import failures
from levercap.evidence.fidelity import fidelity_checks
from levercap.evidence.held_back import held_back_checks
from levercap.evidence.training_calibration import WHOLE, calibration_checks
from levercap.forecast.history import fit_tail, out_of_sample_tails, standardised
from levercap.market import load_market
from levercap.model.dataset import build_dataset
from levercap.model.fit import training_inputs

DAYS = pd.Timedelta(days=90)
NUMBERS = ["var", "es", "path_var", "path_es"]


def main() -> None:
    """Print a line per month and the shares refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", type=Path, required=True)
    parser.add_argument("--factor", type=float, default=0.9)
    parser.add_argument("--from", dest="start", default="2019-01-01")
    flags = parser.parse_args()
    market = load_market(flags.market, Config().market)
    inputs = training_inputs(market.panel, build_dataset(market.panel), Config())
    past, outcomes, spec = inputs.histories["levercap"], inputs.data.outcomes, inputs.spec
    z = standardised(past, outcomes, spec.recipe.tail)
    first = pd.Timestamp(flags.start, tz="UTC").as_unit("us")
    history = out_of_sample_tails("levercap", past, outcomes, first - DAYS, spec)
    known = past["volatility"].notna()
    lines = []
    for until in pd.date_range(first, market.panel.end, freq="MS", unit="us"):
        before, after = ((past["as_of"] >= t) & (past["as_of"] < t + DAYS) & known for t in (until - DAYS, until))
        if not before.any():
            continue
        earlier = (past["as_of"] < until - spec.horizon.duration) & known
        tail = fit_tail("levercap", z, past, outcomes, until, spec)
        line: dict[str, object] = {"until": until.date()}
        for name, factor in (("as trained", 1.0), ("scaled", flags.factor)):
            seen = scaled(tail.predict(past[before], spec.horizon), factor)
            line[f"fidelity, {name}"] = bool(failures(fidelity_checks(seen, history)))
            whole = scaled(tail.predict(past[earlier], spec.horizon), factor)
            line[f"calibration, {name}"] = bool(failures(calibration_checks(whole, outcomes[earlier], WHOLE)))
            if until + DAYS < market.panel.end:
                later = scaled(tail.predict(past[after], spec.horizon), factor)
                line[f"held back, {name}"] = bool(failures(held_back_checks(later, None, outcomes[after])))
        lines.append(line)
        print(line, flush=True)
    table = pd.DataFrame(lines).set_index("until")
    for name in ("as trained", "scaled"):
        kinds = [f"{kind}, {name}" for kind in ("fidelity", "calibration", "held back")]
        table[f"any, {name}"] = table[kinds].fillna(False).astype(bool).any(axis=1)
    print(f"{len(table)} months; share refused, scaled by {flags.factor}:")
    print(table.astype(float).mean().round(3).to_string())


def scaled(tails: pd.DataFrame, factor: float) -> pd.DataFrame:
    """The same tails with every VaR and ES multiplied."""
    return tails.assign(**{name: factor * tails[name] for name in NUMBERS})


if __name__ == "__main__":
    main()
