"""Leaderboard with p-values adjusted for multiple comparisons and with model confidence sets."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd

from levercap.core.errors import ConfigError
from levercap.evaluation import (
    Matched,
    block_length,
    daily_differences,
    daily_losses,
    daily_mean,
    interval,
    leaderboard,
    model_confidence_set,
    romano_wolf,
)
from levercap.evidence.columns import KEY, REFERENCE, SIZE, Verdict, frame, row_label

__all__ = ["ranking", "verdicts"]

KEYS = list(KEY)
BLOCKS = (20, 60)

FAMILY_DRAWS = 9999
"""Holm multiplies the smallest p-value by the size of the family, so that must be far below 5 % to begin with."""

SET_DRAWS = 1000
INTERVAL_DRAWS = 1000


def ranking(
    tails: Mapping[str, pd.DataFrame], outcomes: pd.DataFrame, matched: Matched, seed: int = 0
) -> tuple[pd.DataFrame, list[str]]:
    """Leaderboard of all models with adjusted p-values and confidence set, and notes on what could not be had.

    Parameters
    ----------
    tails, outcomes : as for `levercap.evaluation.leaderboard`, B1 among them
    matched : the same, lined up

    Notes
    -----
    The claim of one model is that it beats B1 in its rows, so its p-values are adjusted over them (``p_romano_wolf_20``
    and ``_60`` by length of the blocks, ``p_holm`` the larger of both); ``p_romano_wolf_all_*`` are adjusted over the
    rows of all models, for who picks a winner from the table afterwards. A model is ``better`` when both Romano-Wolf
    values are below 5 %, ``worse`` when both intervals lie above zero.
    """
    notes: list[str] = []
    table = _with_short_blocks(leaderboard(tails, outcomes, seed=seed), matched, seed)
    table = table.merge(_significance(matched, seed, notes), on=KEYS, how="left")
    table = table.merge(_confidence_sets(matched, seed, notes), on=KEYS, how="left")
    return frame("leaderboard", table.assign(verdict=verdicts(table))), notes


def verdicts(table: pd.DataFrame) -> list[str]:
    """Of every line of a leaderboard: better or worse only where blocks of 20 and of 60 days both say so."""
    better = (table["p_romano_wolf_20"] < SIZE) & (table["p_romano_wolf_60"] < SIZE)
    worse = (table["ci_low"] > 0) & (table["ci_low_60"] > 0)
    words = [str(word) for word in (Verdict.REFERENCE, Verdict.BETTER, Verdict.WORSE)]
    chosen = np.select([table["model"] == REFERENCE, better, worse], words, str(Verdict.NO_DIFFERENCE))
    return [str(word) for word in chosen]


def _with_short_blocks(table: pd.DataFrame, matched: Matched, seed: int) -> pd.DataFrame:
    """The leaderboard with blocks of at most a fifth of all days: one block that is the whole period never varies."""
    intervals = table.set_index(KEYS)
    for row, model in itertools.product(matched, matched.models):
        if model == REFERENCE or not len(row.loss):
            continue
        daily = daily_mean(row.fz0(model) - row.fz0(REFERENCE), row.day).to_numpy()
        for block, suffix in zip(BLOCKS, ("", "_60"), strict=True):
            if (length := block_length(len(daily), block)) < block:
                place = (model, row.side, row.kind, row.level)
                low, high = interval(daily, length, INTERVAL_DRAWS, seed)
                intervals.loc[place, [f"ci_low{suffix}", f"ci_high{suffix}"]] = low, high
    return intervals.reset_index()


def _significance(matched: Matched, seed: int, notes: list[str]) -> pd.DataFrame:
    """Adjusted p-values of every model and row except the reference's."""
    differences = daily_differences(matched)
    columns: dict[str, pd.Series] = {}
    for block in BLOCKS if len(differences.columns) else ():
        try:
            whole = romano_wolf(differences, block, FAMILY_DRAWS, seed)
            of_model = [
                romano_wolf(differences[[model]], block, FAMILY_DRAWS, seed)
                for model in differences.columns.unique("model")
            ]
        except ValueError as error:
            notes.append(f"no adjusted p-values with blocks of {block} days: {error}")
            continue
        own = pd.concat(of_model)
        columns[f"p_romano_wolf_{block}"], columns[f"p_romano_wolf_all_{block}"] = (
            own["p_romano_wolf"],
            whole["p_romano_wolf"],
        )
        columns[f"p_holm_{block}"] = own["p_holm"]
    names = [f"{name}_{block}" for block in BLOCKS for name in ("p_romano_wolf", "p_romano_wolf_all", "p_holm")]
    table = pd.DataFrame(columns, index=differences.columns if columns else _no_rows()).reindex(columns=names)
    table["p_holm"] = table[[f"p_holm_{block}" for block in BLOCKS]].max(axis=1)
    return table.reset_index()


def _confidence_sets(matched: Matched, seed: int, notes: list[str]) -> pd.DataFrame:
    """Model confidence set of each row; without ``arch`` there are none."""
    parts = []
    for row in matched:
        try:
            losses = daily_losses(row)
            block = block_length(len(losses), BLOCKS[0])
            table = model_confidence_set(losses, block_days=block, draws=SET_DRAWS, seed=seed)
        except (ConfigError, ValueError) as error:
            notes.append(f"no model confidence set for {row_label(row.side, row.kind, row.level)}: {error}")
            if isinstance(error, ConfigError):
                notes[-1] = f"no model confidence sets: {error}"
                break
            continue
        part = table.reset_index().assign(side=row.side, kind=row.kind, level=row.level)
        parts.append(part.rename(columns={"p_value": "p_mcs", "included": "in_set"})[[*KEYS, "p_mcs", "in_set"]])
    if not parts:
        return _no_rows().to_frame(index=False).assign(p_mcs=np.empty(0), in_set=np.empty(0, dtype=bool))
    return pd.concat(parts, ignore_index=True)


def _no_rows() -> pd.MultiIndex:
    text, level = pd.Index([], dtype="str"), pd.Index([], dtype="float64")
    return pd.MultiIndex.from_arrays([text, text, text, level], names=KEYS)
