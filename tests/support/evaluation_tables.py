"""Tables of evidence as an evaluation writes them, small and made up, but with every column and every odd value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from levercap.evidence.columns import frame

KEYS = [(s, k, level) for s in ("long", "short") for k in ("end", "path") for level in (0.975, 0.99)]
RIVALS = ("levercap", "gjr_evt", "hs_250")
COINS = ("AAAUSDT", "BBBUSDT", "CCCUSDT")
EVENTS = {"first crash": ("2022-03-01", "2022-03-04"), "second crash": ("2023-05-02", "2023-05-02")}
TESTS = ("pooled coverage", "coins passing Kupiec", "panel dynamic quantile", "e-process VaR")
AGAINST = ("Diebold-Mariano", "Giacomini-White")
BARRIERS = (0.05, 0.10, 0.20)
VERDICTS = {"B1": "reference", "levercap": "better", "gjr_evt": "no difference", "hs_250": "worse"}


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC").as_unit("us")


def rows(models: tuple[str, ...] = ("levercap", "B1")) -> Iterator[dict[str, Any]]:
    for model in models:
        for side, kind, level in KEYS:
            yield {"model": model, "side": side, "kind": kind, "level": level}


def leaderboard(rng: np.random.Generator) -> pd.DataFrame:
    lines = []
    for line in rows(("B1", *RIVALS)):
        centre = {"B1": 0.0, "levercap": -0.1, "gjr_evt": -0.03, "hs_250": 0.12}[line["model"]]
        known = line["model"] != "B1"
        d = centre + 0.01 * rng.normal() if known else 0.0
        p = rng.uniform(0, 0.02, 4) if centre < -0.05 else rng.uniform(0.1, 0.9, 4) if known else np.full(4, np.nan)
        lines.append(
            line
            | {"days": 800, "symbols": 3, "rows": 2400, "unusable": 0, "missing": 0, "fz0": d - 1.5}
            | {"fz0_reference": -1.5, "d_fz0": d, "ci_low": d - 0.05 * known, "ci_high": d + 0.05 * known}
            | {"ci_low_60": d - 0.06 * known, "ci_high_60": d + 0.055 * known, "d_fz0_without_top10_days": d}
            | {"symbols_better": 0.9, "hit_rate": 1.05 - line["level"], "hit_rate_reference": 1 - line["level"]}
            | {"pinball_ratio": 0.95, "p_romano_wolf_20": p[0], "p_romano_wolf_60": p[1], "p_holm": p[1]}
            | {"p_romano_wolf_all_20": 3 * p[2], "p_romano_wolf_all_60": 3 * p[3], "p_mcs": 0.5}
            | {"in_set": line["model"] == "levercap", "verdict": VERDICTS[line["model"]]}
        )
    return pd.DataFrame(lines).assign(in_set=lambda f: f["in_set"].astype("boolean"))


def by_symbol(rng: np.random.Generator) -> pd.DataFrame:
    lines = [
        line | {"symbol": coin, "days": 700 + i, "d_fz0": -0.05 * i + 0.01 * rng.normal()}
        | {"hits": 7, "hit_rate": 1.0 - line["level"] + 0.003 * i, "kupiec_p": 0.6 - 0.29 * i, "passes": i < 2}
        | {"last_hits": 2, "last_light": "green", "worst_hits": 8, "worst_light": "yellow"}
        | {"worst_until": day("2023-01-01")}
        for line in rows() for i, coin in enumerate(COINS)
    ]  # fmt: skip
    return pd.DataFrame(lines).assign(passes=lambda f: f["passes"].astype("boolean"))


def by_year(rng: np.random.Generator) -> pd.DataFrame:
    lines = []
    for line in rows():
        for year in (2022, 2023):
            d, rate = 0.02 * rng.normal(), (1 - line["level"]) * (1.0 if year == 2022 else 1.6)
            lines.append(
                line
                | {"year": year, "days": 365, "rows": 1095, "d_fz0": d, "ci_low": d - 0.05, "ci_high": d + 0.05}
                | {"hits": 11, "hit_rate": rate, "hit_low": 0.8 * rate, "hit_high": 1.3 * rate, "p_value": 0.4}
            )
    return pd.DataFrame(lines)


def influence(rng: np.random.Generator) -> pd.DataFrame:
    lines = []
    for i, line in enumerate(rows(RIVALS)):
        d = -0.1 + 0.01 * rng.normal()
        lines.append(
            line
            | {"days": 800, "d_fz0": d, "without_top10": d + 0.02, "without_helpful10": d + 0.09}
            | {"days_to_overturn": pd.NA if i == 1 else 20 + i}
        )
    return pd.DataFrame(lines).assign(days_to_overturn=lambda f: f["days_to_overturn"].astype("Int64"))


def influential_days() -> pd.DataFrame:
    lines = [
        line | {"rank": rank, "day": day("2022-03-01") + pd.Timedelta(days=rank * (1 if line["side"] == "long" else 2))}
        | {"difference": (-1) ** rank * 10.0 / rank, "contribution": (-1) ** rank / (80.0 * rank)}
        | {"mean_without": -0.1, "cumulative_without": -0.1}
        for line in rows(("levercap",)) for rank in range(1, 11)
    ]  # fmt: skip
    return pd.DataFrame(lines)


def events(rng: np.random.Generator) -> pd.DataFrame:
    lines = []
    for line in rows(("levercap",)):
        for event in ("nothing", *EVENTS, "all events"):
            first, last = EVENTS.get(event, (None, None))
            without = -0.1 if event == "nothing" else -0.05 + 0.005 * rng.normal()
            half = 0.06 if event == "all events" else 0.02
            lines.append(
                line
                | {"event": event, "start": pd.NaT if first is None else day(first)}
                | {"end": pd.NaT if last is None else day(last), "days": 0 if event == "nothing" else 4}
                | {"difference": np.nan if event == "nothing" else rng.normal()}
                | {"without": without, "low": without - half, "high": without + half}
            )
    return pd.DataFrame(lines)


def post_break() -> pd.DataFrame:
    lines = []
    for line in rows():
        for source, names in (("event", ("first crash",)), ("volatility jump", ("2022-08-09", "2023-02-03"))):
            for period in ("after", "break", "elsewhere", "difference"):
                rate = 0.004 if period == "difference" else 1 - line["level"]
                lines.append(line | _break(source, "all", period, rate))
            lines += [line | _break(source, name, "after", 3 * (1 - line["level"])) for name in names]
    return pd.DataFrame(lines)


def _break(source: str, name: str, period: str, rate: float) -> dict[str, Any]:
    return {
        "source": source, "break": name, "day": pd.NaT if name == "all" else day("2022-03-01"), "period": period,
        "days": 60, "rows": 180, "hits": 4, "hit_rate": rate, "low": 0.7 * rate, "high": 1.4 * rate, "p_value": 0.5,
        "breaks": 2,
    }  # fmt: skip


def backtests() -> pd.DataFrame:
    lines = []
    for line in rows():
        for test in TESTS:
            p = 0.4 if test != "panel dynamic quantile" else 0.012
            verdict = "pass" if p > 0.05 else "fail"
            if test == "coins passing Kupiec":
                p = np.nan
            if test == "e-process VaR" and line["level"] == 0.99:
                p, verdict = (np.nan, "not computable") if line["kind"] == "end" else (0.0001, "fail")
            alarm = day("2022-04-05") if test == "e-process VaR" and verdict == "fail" else pd.NaT
            if test == "panel dynamic quantile" and line["model"] == "B1" and line["side"] == "short":
                p, verdict = 0.3, "pass"
            lines.append(
                line
                | {"test": test, "statistic": 1.0, "p_value": p, "verdict": verdict, "one_sided": False}
                | {"alarm_day": alarm, "note": "too few hits" if verdict == "not computable" else ""}
            )
        if line["model"] == "levercap":
            more = {"statistic": -2.0, "p_value": 0.0001, "verdict": "better", "one_sided": False}
            lines += [line | {"test": test, "alarm_day": pd.NaT, "note": ""} | more for test in AGAINST]
    return pd.DataFrame(lines)


def coverage() -> pd.DataFrame:
    lines = [
        line | {"days": 800, "rows": 2400, "hits": 30 + i, "hit_rate": (1 - line["level"]) * (1 + 0.02 * i)}
        | {"low": (1 - line["level"]) * 0.8, "high": (1 - line["level"]) * 1.4, "p_value": 0.3 + 0.01 * i}
        | {"effective_rows": 900.0, "coins": 3, "coins_passing": 2 / 3}
        for i, line in enumerate(rows())
    ]  # fmt: skip
    return pd.DataFrame(lines)


def hits(rng: np.random.Generator) -> pd.DataFrame:
    days = pd.date_range("2022-01-01", periods=200, freq="D", tz="UTC", unit="us")
    share = rng.random(200) * 0.02
    table = pd.DataFrame({"day": days, "symbols": 3, "hits": 0, "share": share})
    table["rolling"] = table["share"].rolling(90).mean()
    return pd.concat([table.assign(**line) for line in rows()], ignore_index=True)


def traffic_lights() -> pd.DataFrame:
    lines = [
        line | {"days": 365, "hit_rate": 1 - line["level"], "effective_rows": 400.0, "light": "green"}
        | {"coins_green": 2, "coins_yellow": 1, "coins_red": 0, "window": 90}
        | {"yellow_from": 2 * (1 - line["level"]), "red_from": 3 * (1 - line["level"])}
        for line in rows()
    ]  # fmt: skip
    return pd.DataFrame(lines)


def shocks() -> pd.DataFrame:
    lines = [
        {"side": side, "barrier": barrier, "days": 800, "rows": 2400, "events": 240, "base_rate": 0.1, "log_loss": 0.3}
        | {"log_loss_implied": 0.31, "skill": 0.041 - 0.2 * barrier, "skill_low": 0.02 - 0.2 * barrier}
        | {"skill_high": 0.05, "skill_low_60": 0.005, "skill_high_60": 0.055, "intercept": 0.1}
        | {"slope": 0.98 if side == "long" else 1.2, "auc": 0.75 + barrier, "auc_implied": 0.74 + barrier}
        | {"auc_scale": 0.73 + barrier if side == "long" else 0.76 + barrier, "predicted": 0.09, "brier": 0.08}
        | {"brier_miscalibration": 0.001, "brier_discrimination": 0.011, "brier_uncertainty": 0.09}
        | {"brier_skill": 0.11, "log_miscalibration": 0.01, "log_discrimination": 0.04, "log_uncertainty": 0.33}
        for side in ("long", "short") for barrier in BARRIERS
    ]  # fmt: skip
    return pd.DataFrame(lines)


def reliability() -> pd.DataFrame:
    lines = [
        {"side": side, "barrier": barrier, "bin": i, "predicted": p, "observed": 1.1 * p}
        | {"low": 0.8 * p, "high": 1.4 * p}
        | {"count": 240, "events": round(240 * p), "effective_count": 100.0}
        for side in ("long", "short") for barrier in BARRIERS
        for i, p in enumerate(np.linspace(0.1, 2.0, 8) * 0.01 / barrier)
    ]  # fmt: skip
    return pd.DataFrame(lines)


def reliability_band() -> pd.DataFrame:
    lines = [
        {"side": side, "barrier": barrier, "probability": p, "recalibrated": p, "low": 0.7 * p, "high": 1.3 * p}
        for side in ("long", "short") for barrier in BARRIERS for p in (0.01, 0.02, 0.05)
    ]  # fmt: skip
    return pd.DataFrame(lines)


def murphy() -> pd.DataFrame:
    lines = []
    for forecast, verdict in (("var", "dominates"), ("es", "undecided")):
        for side in ("long", "short"):
            for t in np.linspace(0.02, 0.3, 12):
                score = 0.02 * np.exp(-10 * t)
                lines.append(
                    {"model": "levercap", "side": side, "kind": "end", "level": 0.975, "forecast": forecast}
                    | {"threshold": t, "score": score, "reference": 1.1 * score, "difference": -0.1 * score}
                    | {"low": -0.2 * score, "high": 0.01 * score, "p_never_worse": 0.9, "p_never_better": 0.021}
                    | {"verdict": verdict}
                )
    return pd.DataFrame(lines)


def attributions() -> pd.DataFrame:
    names = ["slow_level", "realised_volatility_24h", "range_volatility_24h", *(f"made_up_{i}" for i in range(17))]
    share = 1.0 / np.arange(1, 21)
    lines = [
        {"learner": learner, "feature": name, "contribution": 2 * s, "share": s / share.sum(), "rank": i + 1}
        for learner in ("boosted", "ridge")
        for i, (name, s) in enumerate(zip(names, share, strict=True))
    ]
    return pd.DataFrame(lines)


def evidence_tables(seed: int = 5) -> dict[str, pd.DataFrame]:
    """Every table of evidence, by name, with the columns that an evaluation writes."""
    rng = np.random.default_rng(seed)
    tables = {
        "leaderboard": leaderboard(rng), "by_symbol": by_symbol(rng), "by_year": by_year(rng),
        "influence": influence(rng), "influential_days": influential_days(), "events": events(rng),
        "post_break": post_break(), "backtests": backtests(), "coverage": coverage(), "hits": hits(rng),
        "traffic_lights": traffic_lights(), "shocks": shocks(), "reliability": reliability(),
        "reliability_band": reliability_band(), "murphy": murphy(), "attributions": attributions(),
    }  # fmt: skip
    return {name: frame(name, table) for name, table in tables.items()}


def write_evidence_tables(folder: Path, tables: dict[str, pd.DataFrame]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    return folder
