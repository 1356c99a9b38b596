"""Promotion on evidence whose truth is known: losses are normal with a volatility that one forecaster knows."""

import dataclasses
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from levercap.core.errors import BundleError, GateFailed, RegistryError
from levercap.storage import registry
from levercap.storage.bundle_files import FORMAT_VERSION
from levercap.storage.manifest import write_manifest
from levercap.workflows.promote import Evidence, compare, promote, read_evidence

pytestmark = pytest.mark.usefixtures("tracking")

SYMBOLS = [f"S{i}" for i in range(8)]


def tails_of(keys, volatility):
    """Exact tails of normal losses; the path loss is 1.1 times the absolute loss."""
    parts = []
    for side in ("long", "short"):
        for level in (0.975, 0.99):
            q, half = norm.ppf(level), norm.ppf((1 + level) / 2)
            parts.append(
                keys.assign(
                    horizon_hours=24, side=side, level=level,
                    var=volatility * q, es=volatility * norm.pdf(q) / (1 - level),
                    path_var=1.1 * volatility * half, path_es=2.2 * volatility * norm.pdf(half) / (1 - level),
                )
            )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def evidence(start="2024-01-01", days=150, factor=1.0, informed=True, seed=1):
    """Evidence of a forecaster that knows the volatility, or only its mean; `factor` distorts what it says."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2024-01-01", periods=400, freq="D", tz="UTC", unit="us")
    volatility = np.exp(rng.normal(-3.2, 0.25, 400))[:, None] * np.ones(len(SYMBOLS))
    loss = volatility * rng.standard_normal(volatility.shape)
    keys = pd.DataFrame({"as_of": np.repeat(dates, len(SYMBOLS)), "symbol": pd.Series(SYMBOLS * 400, dtype="str")})
    true, flat = volatility.ravel(), np.full(volatility.size, np.sqrt((volatility**2).mean()))
    x = loss.ravel()
    path = 1.1 * np.abs(x)
    outcomes = keys.assign(realised_volatility=true, long=x, short=-x, path_long=path, path_short=path)
    first = pd.Timestamp(start, tz="UTC")
    keep = (keys["as_of"] >= first) & (keys["as_of"] < first + pd.Timedelta(days=days))

    def cut(frame):
        known = frame["as_of"].isin(keys.loc[keep, "as_of"])
        return frame[known].reset_index(drop=True)

    said = factor * (true if informed else flat)
    return Evidence(
        cut(tails_of(keys, said)), cut(tails_of(keys, flat)), cut(outcomes), first + pd.Timedelta(days=days)
    )


@pytest.fixture
def register(tmp_path, monkeypatch, empty_store):
    """Register evidence as a new version, in a store of the test's own."""
    shutil.copy(empty_store, tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")

    def log(given):
        folder = tmp_path / "bundle"
        (folder / "evidence").mkdir(parents=True, exist_ok=True)
        if given is not None:
            given.tails.to_parquet(folder / "evidence" / "tails.parquet")
            given.baseline.to_parquet(folder / "evidence" / "baseline_tails.parquet")
            given.outcomes.to_parquet(folder / "evidence" / "outcomes.parquet")
        training = {"until": "2024-06-01T00:00:00+00:00" if given is None else given.until.isoformat()}
        write_manifest(folder, {"bundle_id": f"b{len(list(folder.rglob('*')))}", "training": training}, FORMAT_VERSION)
        return registry.log_training(folder, {}, "")

    return log


def test_first_then_better_then_no_better(register, tmp_path):
    with pytest.raises(RegistryError, match="levercap train"):
        promote()
    first = register(evidence(informed=False))
    record = promote(out=tmp_path / "gate")
    assert record["promoted"]
    assert (record["opponent"], record["champion"], record["common_days"]) == ("baseline", None, 150)
    assert registry.champion().version == first
    assert json.loads((tmp_path / "gate" / "promotion.json").read_text()) == record
    assert len(pd.read_parquet(tmp_path / "gate" / "gate.parquet")) == 8

    better = register(evidence(start="2024-02-01"))
    record = promote(f"models:/levercap/{better}", out=tmp_path / "gate")
    assert record["promoted"]
    assert (record["opponent"], record["champion"]) == ("champion", f"models:/levercap/{first}")
    assert record["common_days"] == 119
    assert registry.champion().version == better
    assert promote(f"models:/levercap/{better}")["opponent"] == "itself"

    register(evidence(start="2024-02-01", factor=1.25))
    with pytest.raises(GateFailed, match="not better") as caught:
        promote(out=tmp_path / "gate")
    assert caught.value.exit_code == 1
    assert registry.champion().version == better
    assert not json.loads((tmp_path / "gate" / "promotion.json").read_text())["promoted"]

    register(dataclasses.replace(evidence(start="2024-02-01"), until=pd.Timestamp("2024-09-01", tz="UTC")))
    assert promote(out=tmp_path / "gate")["promoted"], "the same recipe, refitted on newer data, takes over"

    back = promote(f"models:/levercap/{better}", champion=f"models:/levercap/{first}")
    assert back["promoted"]


def test_a_first_champion_must_be_covered(register):
    register(evidence(factor=0.6))
    with pytest.raises(GateFailed, match="lies outside the band") as caught:
        promote()
    assert len(str(caught.value).splitlines()) > 8
    assert registry.champion() is None


def test_a_bundle_without_evidence_is_refused(register):
    register(None)
    with pytest.raises(BundleError, match="carries no evidence"):
        promote()


def test_compare_uses_the_common_days_or_else_the_baseline():
    from levercap.evidence.gate import GateRule

    mine = evidence(start="2024-06-01", days=200)
    overlapping, apart = evidence(start="2024-03-01", days=160, informed=False), evidence(days=160, factor=0.9)
    decision, opponent, days = compare(mine, overlapping, GateRule())
    assert (opponent, days) == ("champion", 68)
    assert set(decision.table["days"]) == {68}
    assert set(decision.table["opponent"]) == {"champion"}
    decision, opponent, days = compare(mine, apart, GateRule())
    assert (opponent, days) == ("baseline", 200)
    assert set(decision.table["opponent"]) == {"B1"}


def test_evidence_of_a_real_training_is_read(trained):
    found = read_evidence(trained.bundle)
    assert set(found.tails["as_of"]) <= set(found.outcomes["as_of"])
    assert found.tails.columns.tolist() == found.baseline.columns.tolist()
    assert found.tails["as_of"].nunique() >= 60


def test_a_champion_of_another_market_is_no_opponent():
    from levercap.evidence.gate import GateRule

    mine, other = evidence(), evidence()
    renamed = dataclasses.replace(other, tails=other.tails.assign(symbol="OTHER" + other.tails["symbol"]))
    decision, opponent, days = compare(mine, renamed, GateRule())
    assert (opponent, days, decision.promote) == ("baseline", 150, True)
