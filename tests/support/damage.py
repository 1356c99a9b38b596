"""Damages copies of a bundle, each in one way drawn by its seed, and says what became of it.

In a process of its own, which a fault in a library would end: ``python -m support.damage BUNDLE WORK FIRST LAST`` with
``tests`` on the path prints one line per seed: the seed, what was damaged, and ``refused``, ``same`` (forecasts and
limits), ``stricter``, ``milder`` or ``raised``.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from support.rehash import rehash
from support.tree_texts import damaged

NUMBERS = (0.0, -1.0, 1e39, -1e39, 1e-39, np.nan, np.inf, 0.5, 2.0, 1e6)


def damage(folder: Path, random: np.random.Generator) -> str:
    """Damage one file in one way; returns what was done. Four of five times every manifest is written again."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "MANIFEST.json")
    trees = [p for p in files if p.suffix == ".txt"]
    path = trees[random.integers(0, len(trees))] if random.random() < 0.2 else files[random.integers(0, len(files))]
    kinds = {".txt": text, ".json": value, ".parquet": cell}
    change = kinds.get(path.suffix, flip) if random.random() < 0.6 else flip
    what = f"{change.__name__} of {path.relative_to(folder).as_posix()}"
    change(path, random)
    if random.random() < 0.8:
        rehash(folder)
        return f"{what}, rehashed"
    return what


def flip(path: Path, random: np.random.Generator) -> None:
    """A few bits, a stretch lost, or the end."""
    content = bytearray(path.read_bytes())
    kind = random.integers(0, 4)
    at = int(random.integers(0, max(len(content), 1)))
    if kind < 2:
        for _ in range(int(random.integers(1, 4))):
            content[int(random.integers(0, len(content)))] ^= 1 << int(random.integers(0, 8))
    elif kind == 2:
        del content[at:]
    else:
        del content[at : at + int(random.integers(1, 50))]
    path.write_bytes(bytes(content))


def text(path: Path, random: np.random.Generator) -> None:
    path.write_text(damaged(path.read_text(), random))


def value(path: Path, random: np.random.Generator) -> None:
    """One value of a JSON file, at any depth, replaced."""
    content = json.loads(path.read_text())
    inner, key = content, None
    while isinstance(inner, dict | list) and len(inner):
        above = inner
        key = list(inner)[random.integers(0, len(inner))] if isinstance(inner, dict) else random.integers(0, len(inner))
        inner = inner[key]
        if random.random() < 0.1:
            break
    others = [*NUMBERS, "text", None, True, [], {}, [[[[]]]], 10**400]
    above[key] = others[random.integers(0, len(others))]
    path.write_text(json.dumps(content))


def cell(path: Path, random: np.random.Generator) -> None:
    """One cell, a column or rows of a table changed or lost."""
    table = pd.read_parquet(path)
    column = table.columns[random.integers(0, len(table.columns))]
    kind = random.integers(0, 4)
    if kind == 0:
        table = table.drop(columns=column)
    elif kind == 1:
        table = table.sample(frac=0.7, random_state=int(random.integers(0, 1000)))
    elif pd.api.types.is_float_dtype(table[column]):
        number = NUMBERS[random.integers(0, len(NUMBERS))]
        if kind == 2 and len(table):
            table.loc[table.index[random.integers(0, len(table))], column] = number
        else:
            table[column] = number
    else:
        table[column] = table[column].iloc[::-1].to_numpy()
    table.to_parquet(path, index=False)


def numbers(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the models forecast from the features kept in `folder`, and the limits of a small position."""
    import levercap
    from levercap.model import read_bundle

    bundle = read_bundle(folder)
    limits = levercap.load(folder).symbol_limits()
    features = pd.read_parquet(ORIGINAL / "evidence" / "check_features.parquet")
    return bundle.forecaster.predict(features[::7].reset_index(drop=True)).tails, limits


def outcome(folder: Path, expected: tuple[pd.DataFrame, pd.DataFrame]) -> str:
    from levercap.core.errors import BundleError

    try:
        tails, limits = numbers(folder)
    except BundleError as error:
        return "refused" if str(folder) in str(error) else f"raised without the file: {str(error)[:80]}"
    except BaseException as error:
        return f"raised {type(error).__name__}: {str(error)[:80]}"
    now, before = limits["max_leverage"].to_numpy(dtype=float), expected[1]["max_leverage"].to_numpy(dtype=float)
    if now.shape != before.shape or tails.shape != expected[0].shape or not np.isfinite(tails["path_es"]).all():
        return "raised: other rows, or numbers that are not finite"
    losses = [t[["var", "es", "path_var", "path_es"]].to_numpy() for t in (tails, expected[0])]
    if np.array_equal(now, before) and np.array_equal(*losses):
        return "same"
    return "milder" if (now > 1.01 * before).any() or (losses[0] < 0.99 * losses[1]).any() else "stricter"


def main(bundle: Path, work: Path, first: int, last: int) -> None:
    global ORIGINAL
    ORIGINAL = bundle
    expected = numbers(bundle)
    for seed in range(first, last):
        copy = work / f"damaged{seed}"
        shutil.copytree(bundle, copy)
        what = damage(copy, np.random.default_rng(seed))
        print(f"= {seed} {what}: {outcome(copy, expected)}", flush=True)
        shutil.rmtree(copy)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
