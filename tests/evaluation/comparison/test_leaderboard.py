import math

import numpy as np
import pandas as pd
import pytest

from levercap.evaluation import leaderboard, match


def slow_scores(mine: pd.DataFrame, base: pd.DataFrame, outcomes: pd.DataFrame, side: str, kind: str, level: float):
    """The same table written as loops over dictionaries, for one side, kind and level."""
    prefix = "" if kind == "end" else "path_"

    def lookup(frame):
        part = frame[(frame["side"] == side) & (frame["level"] == level)]
        return {(r["as_of"], r["symbol"]): (r[f"{prefix}var"], r[f"{prefix}es"]) for r in part.to_dict("records")}

    def score(loss, var, es):
        return (loss - var) / ((1 - level) * es) * (loss > var) + var / es + math.log(es) - 1

    def check(loss, var):
        return level * (loss - var) if loss > var else (1 - level) * (var - loss)

    a, b = lookup(mine), lookup(base)
    by_day, by_symbol, hits, pin_a, pin_b = {}, {}, [], 0.0, 0.0
    for r in outcomes.to_dict("records"):
        key, loss = (r["as_of"], r["symbol"]), r[side if kind == "end" else f"path_{side}"]
        usable = all(key in t and 0 < t[key][0] <= t[key][1] < math.inf for t in (a, b))
        if not usable or math.isnan(loss):
            continue
        difference = score(loss, *a[key]) - score(loss, *b[key])
        by_day.setdefault(key[0].date(), []).append(difference)
        by_symbol.setdefault(key[1], []).append(difference)
        hits.append(loss > a[key][0])
        pin_a, pin_b = pin_a + check(loss, a[key][0]), pin_b + check(loss, b[key][0])
    days = [sum(v) / len(v) for v in by_day.values()]
    rest = sorted(days, key=abs)[:-10]
    return {
        "days": len(days),
        "symbols": len(by_symbol),
        "rows": len(hits),
        "d_fz0": sum(days) / len(days),
        "d_fz0_without_top10_days": sum(rest) / len(rest),
        "symbols_better": sum(sum(v) < 0 for v in by_symbol.values()) / len(by_symbol),
        "hit_rate": sum(hits) / len(hits),
        "pinball_ratio": pin_a / pin_b,
    }


def with_defects(tails: pd.DataFrame) -> pd.DataFrame:
    tails = tails.copy()
    tails.loc[3, "var"] = np.nan
    tails.loc[4, "es"] = tails.loc[4, "var"] / 2
    tails.loc[5, "path_var"] = -0.1
    tails.loc[6, "path_es"] = np.inf
    return tails.drop(index=[10, 11])


@pytest.fixture(scope="module")
def frames(world, noise):
    outcomes = world.outcomes.copy()
    outcomes.loc[20:25, ["long", "path_short"]] = np.nan
    return with_defects(world.tails()), world.tails(noise), outcomes


def test_leaderboard_agrees_with_plain_loops(frames):
    mine, base, outcomes = frames
    board = leaderboard({"model": mine, "B1": base}, outcomes, draws=50)
    board = board[board["model"] == "model"]
    assert len(board) == 8
    for line in board.to_dict("records"):
        expected = slow_scores(mine, base, outcomes, line["side"], line["kind"], line["level"])
        assert {k: line[k] for k in expected} == pytest.approx(expected)
        assert line["fz0"] - line["fz0_reference"] == pytest.approx(line["d_fz0"])
        assert line["ci_low"] < line["d_fz0"] < line["ci_high"]
        assert line["ci_low_60"] < line["d_fz0"] < line["ci_high_60"]


def test_the_truth_beats_a_noisy_forecast_and_the_reference_differs_from_itself_by_nothing(frames):
    mine, base, outcomes = frames
    board = leaderboard({"model": mine, "B1": base}, outcomes, draws=50)
    assert board["model"].tolist() == ["B1"] * 8 + ["model"] * 8
    assert (board.loc[board["model"] == "model", "d_fz0"] < 0).all()
    own = board[board["model"] == "B1"]
    assert (own[["d_fz0", "ci_low", "ci_high", "symbols_better"]] == 0).all().all()
    assert (own["pinball_ratio"] == 1).all()


def test_what_is_dropped_is_counted(frames):
    mine, base, outcomes = frames
    rows = {(r.side, r.kind, r.level): r for r in match({"model": mine, "B1": base}, outcomes)}
    end, path = rows["long", "end", 0.975], rows["long", "path", 0.975]
    assert (end.unusable["model"], end.missing["model"], end.unusable["B1"]) == (2, 2, 0)
    assert (path.unusable["model"], path.missing["model"], path.missing["B1"]) == (2, 2, 0)
    assert len(end.loss) == len(outcomes) - 6 - 4
    assert len(path.loss) == len(outcomes) - 4


def test_every_model_is_scored_on_the_same_rows(world, noise):
    tails = {"B1": world.tails(noise), "good": world.tails(), "late": world.tails().iloc[100:]}
    counts = leaderboard(tails, world.outcomes, draws=10).groupby(["side", "kind", "level"])["rows"].nunique()
    assert (counts == 1).all()


def test_order_of_rows_units_of_time_and_categories_do_not_matter(frames):
    mine, base, outcomes = frames
    plain = leaderboard({"model": mine, "B1": base}, outcomes, draws=20)
    shuffled = mine.sample(frac=1.0, random_state=1)
    shuffled = shuffled.assign(
        as_of=shuffled["as_of"].dt.as_unit("ns"),
        symbol=shuffled["symbol"].astype("category"),
        side=shuffled["side"].astype("category"),
    )
    moved = leaderboard({"model": shuffled, "B1": base}, outcomes.sample(frac=1.0, random_state=2), draws=20)
    pd.testing.assert_frame_equal(plain, moved)


def test_several_origins_of_one_day_count_as_one_day(world, noise):
    def twice(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([frame, frame.assign(as_of=frame["as_of"] + pd.Timedelta(hours=12))], ignore_index=True)

    once = leaderboard({"model": world.tails(), "B1": world.tails(noise)}, world.outcomes, draws=20)
    double = leaderboard(
        {"model": twice(world.tails()), "B1": twice(world.tails(noise))}, twice(world.outcomes), draws=20
    )
    pd.testing.assert_frame_equal(once.drop(columns="rows"), double.drop(columns="rows"))
    assert (double["rows"] == 2 * once["rows"]).all()


def test_a_model_without_path_forecasts_is_scored_where_it_has_some(world):
    tails = world.tails()
    board = leaderboard({"model": tails.drop(columns=["path_var", "path_es"]), "B1": tails}, world.outcomes, draws=10)
    path = board[board["kind"] == "path"]
    assert (path["days"] == 0).all()
    assert path["d_fz0"].isna().all()
    assert (board.loc[board["kind"] == "end", "days"] == 250).all()


def test_frames_that_cannot_be_compared_are_refused_with_the_reason(world):
    tails = world.tails()
    with pytest.raises(ValueError, match="reference model 'B1' is not among model"):
        leaderboard({"model": tails}, world.outcomes)
    with pytest.raises(ValueError, match="tails of model: 1 forecasts are stated twice"):
        match({"model": pd.concat([tails, tails.iloc[:1]])}, world.outcomes)
    with pytest.raises(ValueError, match=r"columns var, es are missing"):
        match({"model": tails.drop(columns=["var", "es"])}, world.outcomes)
    with pytest.raises(ValueError, match="one horizon at a time"):
        match({"model": pd.concat([tails, tails.assign(horizon_hours=4)])}, world.outcomes)
    with pytest.raises(ValueError, match="outcomes: columns path_short are missing"):
        match({"model": tails}, world.outcomes.drop(columns="path_short"))
