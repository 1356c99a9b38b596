"""Nightly scoring: a limit for every account of a book, as the market was known at one instant."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from levercap.book import read_book
from levercap.config import Config, config_from_dict
from levercap.core.errors import ConfigError, Finding, Severity
from levercap.core.panel import HOUR
from levercap.core.quality import SCORED
from levercap.core.snapshot import Snapshot
from levercap.core.version import __version__
from levercap.limits.aging import aged
from levercap.limits.outcome import judge
from levercap.limits.predictor import Predictor
from levercap.limits.previous_run import PreviousRun, previous_market, read_previous
from levercap.limits.summary import summarise
from levercap.market import load_market
from levercap.market.age import require_age
from levercap.market.quality import assess_quality
from levercap.storage.atomic import SUCCESS, atomic_folder, write_json
from levercap.storage.bundle_files import BundleFiles, read_bundle_files
from levercap.storage.manifest import sha256
from levercap.storage.registry import resolve
from levercap.storage.scoring_run import ScoringRun
from levercap.storage.snapshot_files import write_snapshot
from levercap.storage.tables import write_parquet
from levercap.venue.tiers import tiers_as_of

__all__ = ["score"]


def score(
    bundle: str | Path,
    *,
    accounts_path: Path,
    positions_path: Path,
    out: Path,
    market_folder: Path | None = None,
    snapshot_folder: Path | None = None,
    previous: Path | None = None,
    as_of: pd.Timestamp | None = None,
    max_age_hours: int | None = None,
    config: Config | None = None,
    publish_anyway: str | None = None,
) -> dict[str, Any]:
    """Score a book and write ``out/as_of=YYYY-MM-DDTHH`` whole or not at all; the same inputs write the same bytes.

    A run beyond a bound of the section ``breaker`` of the configuration is held back: it is written to
    ``out/held/as_of=YYYY-MM-DDTHH`` without the file that marks a complete run, and the limits in force stay.

    Parameters
    ----------
    bundle : folder of a bundle or ``models:/levercap@champion``
    accounts_path, positions_path : the book, Parquet or CSV
    out : folder of all scoring dates
    market_folder, snapshot_folder : the market's tables, or a snapshot made before by the same bundle; exactly one
    previous : limits that rises are measured against: a limits file, or a folder of scoring runs, of which the latest
        complete one before `as_of` counts. None: only what the accounts state themselves; runs in `out` are never
        taken unasked, since a repeated run would then see another past. Of a run, the tiers and stressed volatilities
        count too, where tonight's are missing
    as_of : whole hour, UTC: the instant that limits are wanted for. None: the end of the market, or the instant of the
        snapshot, however long ago: for history and demonstrations
    max_age_hours : a market whose last bar closed, or a snapshot that was made, more hours before `as_of` is refused
        (DataError) and the limits in force stay; None takes `market.max_age_hours`. A snapshot that is older than
        that setting and no older than this is used as a market that is out (`levercap.limits.aging.aged`)
    config : replaces market, policy, guardrail and breaker settings of the bundle; None keeps them
    publish_anyway : reason for publishing whatever the breaker finds, which the summary records; None: it decides

    Returns
    -------
    The content of ``summary.json``, and ``folder``, the path written. ``outcome`` is ``published`` or ``held``. Raises
    ConfigError, DataError, BundleError or RegistryError.
    """
    if (market_folder is None) == (snapshot_folder is None):
        raise ConfigError("give the market or a snapshot, and not both: --market DIR or --snapshot DIR")
    trained = read_bundle_files(resolve(bundle))
    settings = _settings(trained, config)
    accounts, positions = read_book(accounts_path, positions_path)
    allowed = settings.market.max_age_hours if max_age_hours is None else max_age_hours
    snapshot, noticed = _market_state(trained, settings, market_folder, snapshot_folder, previous, as_of, allowed)
    earlier = PreviousRun() if previous is None else read_previous(previous, snapshot.as_of)
    predictor = Predictor(dataclasses.replace(snapshot, config_hash=settings.config_hash()), settings)
    book = predictor.clean(accounts, positions)
    limits = predictor.score(book, earlier.limits)
    outcome = judge(book, limits, earlier, snapshot.symbols, settings.breaker, publish_anyway)
    noticed = (*outcome.findings, *noticed, *earlier.findings, *book.findings)
    findings = (*noticed, *_stale_market(snapshot), *_in_sample(trained, snapshot))
    files = {"accounts_sha256": sha256(accounts_path), "positions_sha256": sha256(positions_path)}
    summary = summarise(limits, accounts, findings) | outcome.summary() | _provenance(snapshot, settings, files)
    run = (ScoringRun.held_at if outcome.held else ScoringRun.at)(out, snapshot.as_of)
    _write(run, snapshot, limits, predictor.symbol_limits(), summary, complete=not outcome.held)
    return {**summary, "folder": str(run.folder)}


def _settings(bundle: BundleFiles, config: Config | None) -> Config:
    """The bundle's configuration with the settings that act after the forecast taken from `config`, if given."""
    trained = config_from_dict(bundle.config)
    if config is None:
        return trained
    names = ("market", "policy", "guardrails", "breaker")
    return dataclasses.replace(trained, **{name: getattr(config, name) for name in names})


def _provenance(snapshot: Snapshot, settings: Config, files: Mapping[str, str]) -> dict[str, Any]:
    """What the limits were made from and by: ids, hashes of the files, and the settings in force."""
    return {
        "provenance": {
            "as_of": snapshot.as_of.isoformat(),
            "bundle_id": snapshot.bundle_id,
            "config_hash": settings.config_hash(),
            "data_hash": snapshot.data_hash,
            "levercap": __version__,
            **files,
        },
        "settings": {name: dataclasses.asdict(getattr(settings, name)) for name in ("policy", "guardrails", "breaker")},
    }


def _write(
    run: ScoringRun,
    snapshot: Snapshot,
    limits: pd.DataFrame,
    symbol_limits: pd.DataFrame,
    summary: Mapping[str, Any],
    complete: bool,
) -> None:
    """Write the scoring run whole or not at all."""
    with atomic_folder(run.folder, SUCCESS if complete else None) as building:
        written = ScoringRun(building, snapshot.as_of)
        write_parquet(limits, written.limits)
        write_parquet(symbol_limits, written.symbol_limits)
        written.snapshot.mkdir()
        write_snapshot(snapshot, written.snapshot)
        write_json(summary, written.summary)


def _market_state(
    bundle: BundleFiles,
    config: Config,
    market: Path | None,
    snapshot: Path | None,
    previous: Path | None,
    as_of: pd.Timestamp | None,
    max_age_hours: int,
) -> tuple[Snapshot, tuple[Finding, ...]]:
    """Snapshot to score with, and what was noticed in the market's tables."""
    if snapshot is not None:
        return _read_snapshot(snapshot, bundle, as_of, config, max_age_hours)
    assert market is not None
    return _make_snapshot(market, bundle, previous, as_of, config, max_age_hours)


def _read_snapshot(
    folder: Path, bundle: BundleFiles, as_of: pd.Timestamp | None, config: Config, max_age_hours: int
) -> tuple[Snapshot, tuple[Finding, ...]]:
    snapshot = bundle.snapshot_from(folder)
    if as_of is None or as_of == snapshot.as_of:
        return snapshot, ()
    age = (_whole_hour(as_of) - snapshot.as_of) / HOUR
    require_age(age, max_age_hours, str(folder), f"the snapshot is of {snapshot.as_of}, {as_of} was asked for")
    used = aged(snapshot, as_of, config.market.max_age_hours)
    what = "those of its own instant" if used is snapshot else "held, or at their bound where there are no earlier ones"
    message = f"the snapshot was made {age:g} hours before {as_of}: limits are {what}"
    finding = Finding("snapshot_age", Severity.WARNING, str(folder), message, hint="--market, to make one now")
    return used, (finding,)


def _make_snapshot(
    folder: Path,
    bundle: BundleFiles,
    previous: Path | None,
    as_of: pd.Timestamp | None,
    config: Config,
    max_age_hours: int,
) -> tuple[Snapshot, tuple[Finding, ...]]:
    from levercap.model.bundle import with_models  # the learners, not needed where a snapshot is given
    from levercap.model.doubt import doubt_finding
    from levercap.model.staleness import hours_since_last_bar, market_age
    from levercap.model.training_bound import training_bound, with_bound

    market = load_market(folder, config.market)
    instant = market.panel.end if as_of is None else _whole_hour(as_of)
    age = market_age(hours_since_last_bar(market.panel, instant))
    require_age(age, max_age_hours, "bars", f"the last bar before {instant} closed {age:g} hours earlier")
    quality = assess_quality(market.panel, instant, config.market.stale_hours, market.disputes)
    models, tiers = with_models(bundle), tiers_as_of(market.tiers, instant)
    before, unusable = previous_market(previous, instant, bundle.bundle_id)
    strict = models.strictness_at(quality.panel, tiers, instant, config, before)
    strict = strict.with_symbols_out(quality.symbols, models.memory.symbols["symbol"].tolist())
    snapshot = models.strict_snapshot(strict, instant, quality.symbols)
    snapshot = dataclasses.replace(snapshot, data_hash=market.panel.until(instant).data_hash())
    noticed = (*unusable, *market.findings, *quality.findings, *strict.findings, *doubt_finding(snapshot.symbols))
    return with_bound(snapshot, training_bound(models.snapshot)), noticed


def _whole_hour(as_of: pd.Timestamp) -> pd.Timestamp:
    if as_of.tzinfo is None or as_of.utcoffset() != pd.Timedelta(0) or as_of != as_of.floor("h"):
        raise ConfigError(f"as_of must be a whole hour in UTC, got {as_of}; write for example 2025-06-30T00:00:00Z")
    return as_of


def _stale_market(snapshot: Snapshot) -> tuple[Finding, ...]:
    """A warning when no symbol has a forecast."""
    symbols = snapshot.symbols
    stale = ~symbols["state"].isin(SCORED)
    if not stale.all():
        return ()
    message = f"no symbol can be scored from its data at {snapshot.as_of}: limits are held or at their bound"
    hint = "market data up to as_of, or an earlier --as-of"
    examples = tuple(symbols["symbol"].head(3))
    return (Finding("market_stale", Severity.WARNING, "bars", message, int(stale.sum()), examples, hint),)


def _in_sample(bundle: BundleFiles, snapshot: Snapshot) -> tuple[Finding, ...]:
    """A warning when the models have seen what came after the instant that is scored."""
    until = pd.Timestamp(bundle.training["until"])
    if snapshot.as_of >= until:
        return ()
    message = f"the models were trained until {until}, after {snapshot.as_of}: these limits use what was not known then"
    hint = "`levercap replay` for past days, or a bundle trained until then"
    return (Finding("in_sample", Severity.WARNING, "bundle", message, hint=hint),)
