"""Texts of boosted trees as LightGBM writes them, and damaged ones."""

from __future__ import annotations

import functools

import lightgbm as lgb
import numpy as np

COLUMNS = 6
QUIET = {"num_leaves": 7, "verbosity": -1, "lambda_l2": 10.0, "deterministic": True, "num_threads": 1, "seed": 1}


def table(rows: int = 400, seed: int = 0) -> np.ndarray:
    """(rows, COLUMNS) normal values, a tenth missing; the last column is constant."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, COLUMNS))
    values[random.random(values.shape) < 0.1] = np.nan
    values[:, -1] = 1.0
    return values


@functools.cache
def tree_text(objective: str = "regression", trees: int = 5, constant: bool = False) -> str:
    """Model text of a small sample; a `constant` target gives a tree of one leaf."""
    values = table()
    target = np.nansum(values[:, :3], axis=1) * (0.0 if constant else 1.0)
    if objective != "regression":
        target = (target > 0).astype(float)
    parameters = {**QUIET, "objective": objective.split(" ")[0], "boost_from_average": objective == "regression"}
    return lgb.train(parameters, lgb.Dataset(values, target), trees).model_to_string()


def damaged(text: str, random: np.random.Generator) -> str:
    """The text with one fault: a byte, a number, a line or a stretch changed, lost, doubled or moved."""
    kind = random.integers(0, 7)
    at = int(random.integers(0, len(text)))
    lines = text.split("\n")
    one, other = (int(i) for i in random.integers(0, len(lines), 2))
    if kind == 0:
        return text[:at] + chr(int(random.integers(1, 127))) + text[at + 1 :]
    if kind == 1:
        return text[:at]
    if kind == 2:
        return text[:at] + text[at + int(random.integers(1, 40)) :]
    if kind == 3:
        lines[one], lines[other] = lines[other], lines[one]
    elif kind == 4:
        del lines[one]
    elif kind == 5:
        lines.insert(other, lines[one])
    else:
        extremes = ("-1", "0", "99999", "1e308", "nan", "inf", "-2147483648", "1e-320", "")
        name, equals, values = lines[one].partition("=")
        items = values.split(" ")
        items[int(random.integers(0, len(items)))] = str(random.choice(extremes))
        lines[one] = name + equals + " ".join(items)
    return "\n".join(lines)
