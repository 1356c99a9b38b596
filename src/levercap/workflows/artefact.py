"""Judging a bundle by what its very models forecast, beside its recipe's history, later outcomes and the champion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from levercap.core.errors import BundleError
from levercap.core.outcomes import realised_outcomes
from levercap.core.panel import Panel
from levercap.evidence.checks import Check
from levercap.evidence.fidelity import fidelity_checks
from levercap.evidence.held_back import HeldBackRule, held_back_checks
from levercap.evidence.limit_jumps import limit_jump_checks
from levercap.evidence.training_calibration import SAMPLE, WHOLE, calibration_checks
from levercap.features import feature_table
from levercap.limits.predictor import Predictor
from levercap.market import Market
from levercap.model import Bundle, read_bundle
from levercap.model.reproduction import CHECK_DAYS, check_reproduction, read_check_days
from levercap.model.snapshots import SnapshotInputs, make_snapshot
from levercap.storage.out_of_sample import read_out_of_sample

__all__ = ["Judge", "Judgement", "judge"]

HELD_BACK_DAYS: Final = 90
"""Midnights after both trainings that are judged, the last ones, where the market has more."""

RISK_CAPS: Final = ("cap_liquidation", "cap_insolvency", "cap_loss_threshold", "cap_long_memory")
"""Caps that rest on scenarios; those of venue, profile and jurisdiction would hide a jump."""


@dataclass(frozen=True)
class Judgement:
    """What a bundle was judged on, in a sentence, and every check."""

    window: str
    checks: tuple[Check, ...]


Judge = Callable[[Path, Path | None, Market | None], Judgement]


def judge(folder: Path, champion: Path | None, market: Market | None) -> Judgement:
    """Judge the models in a bundle folder.

    Its models forecast again what they did when they were fitted (all rows kept), agree with the out-of-sample history
    of their recipe on the last days of the training, are on the scale of the losses of all of it, and give no limits
    that jump from the champion's. Where `market`
    reaches far enough beyond both trainings, they are backtested on its last `HELD_BACK_DAYS` days; else the sentence
    says why not.

    Raises
    ------
    BundleError
        when the bundle cannot be used, forecasts otherwise than when it was fitted, or holds no features to check it by
    """
    bundle = read_bundle(folder)
    kept = read_check_days(folder)
    if kept is None:
        raise BundleError(f"{folder} keeps no features to check its models by; train it again with `levercap train`")
    check_reproduction(bundle.forecaster, folder, rows=None)
    tables, until = read_out_of_sample(folder)
    features, outcomes = kept
    tails = bundle.forecaster.predict(features).tails
    last = tails["as_of"] >= np.sort(features["as_of"].unique())[-CHECK_DAYS:].min()
    checks = fidelity_checks(tails[last], tables["tails"])
    checks += calibration_checks(tails, outcomes, SAMPLE)
    if market is not None:
        checks += _calibration(bundle, until, market.panel)
    other = None if champion is None else read_bundle(champion)
    if other is not None:
        checks += _jumps(bundle, other, features)
    window, later = _held_back(bundle, other, until, market)
    return Judgement(window, (*checks, *later))


def _jumps(bundle: Bundle, champion: Bundle, features: pd.DataFrame) -> list[Check]:
    """Limits of both on the last features kept in the bundle, at its own stressed volatility, turnover and tiers."""
    as_of = features["as_of"].max()
    own = bundle.snapshot.symbols
    inputs = SnapshotInputs(
        pd.DatetimeIndex([as_of]),
        tuple(own["symbol"]),
        features[features["as_of"] == as_of].reset_index(drop=True),
        own["stressed_volatility"].to_numpy(dtype=float)[None, :],
        own["turnover"].to_numpy(dtype=float)[None, :],
    )
    mine, other = (_symbol_limits(each, inputs, bundle.snapshot.tiers) for each in (bundle, champion))
    return limit_jump_checks(mine, other, f"the market at {as_of:%Y-%m-%d %H:%M}")


def _symbol_limits(bundle: Bundle, inputs: SnapshotInputs, tiers: pd.DataFrame | None) -> pd.DataFrame:
    provenance = {"bundle_id": bundle.bundle_id, "config_hash": "", "data_hash": ""}
    seed = bundle.config.scenarios.seed
    snapshot = make_snapshot(bundle.forecaster, bundle.blocks, inputs, 0, tiers, seed, provenance)
    limits = Predictor(snapshot, bundle.config).symbol_limits()
    caps = [name for name in RISK_CAPS if name in limits]
    return limits.assign(max_leverage=limits[caps].min(axis=1))


def _calibration(bundle: Bundle, until: pd.Timestamp, panel: Panel) -> list[Check]:
    """Calibration on every midnight of the training that the market still holds; no check where these are too few."""
    known = panel.until(until)
    origins = known.origins(known.start.ceil("D"), until - bundle.forecaster.horizon.duration + pd.Timedelta(hours=1))
    if len(origins) < WHOLE.smallest_days:
        return []
    tails, _, outcomes = _forecasts(bundle, None, known, origins)
    return calibration_checks(tails, outcomes, WHOLE)


def _held_back(
    bundle: Bundle, champion: Bundle | None, until: pd.Timestamp, market: Market | None
) -> tuple[str, list[Check]]:
    """What was judged beside the history, and the checks on days after both trainings."""
    history = "the recipe's out-of-sample history of the year before the end of the training, and days of the training"
    if market is None:
        return f"{history}; no market was given to look for later days", []
    last = until if champion is None else max(until, pd.Timestamp(champion.training["until"]))
    panel = market.panel
    end = panel.end - bundle.forecaster.horizon.duration
    origins = panel.origins(last.ceil("D"), panel.end, 24)
    origins = origins[origins <= end][-HELD_BACK_DAYS:]
    least = HeldBackRule().smallest_days
    if len(origins) < least:
        return f"{history}; the market has {len(origins)} days after both trainings, {least} are needed", []
    challenger, other, outcomes = _forecasts(bundle, champion, panel, origins)
    checks = held_back_checks(challenger, other, outcomes)
    days = f"{len(origins)} days from {origins[0]:%Y-%m-%d} to {origins[-1]:%Y-%m-%d}, after both trainings"
    return f"{days}; further evidence: {history}", checks


def _forecasts(
    bundle: Bundle, champion: Bundle | None, panel: Panel, origins: pd.DatetimeIndex
) -> tuple[pd.DataFrame, pd.DataFrame | None, pd.DataFrame]:
    features = feature_table(panel, origins)
    other = None if champion is None else champion.forecaster.predict(features).tails
    outcomes = realised_outcomes(panel, origins, bundle.forecaster.horizon)
    return bundle.forecaster.predict(features).tails, other, outcomes
