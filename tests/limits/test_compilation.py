"""Compiling ahead: a limit needs no other kernel than those compiled."""

import numpy as np

from levercap.config import Config
from levercap.limits.compilation import compile_kernels
from levercap.limits.predictor import Predictor
from levercap.risk import kernel
from levercap.venue import margin
from support.snapshots import make_book, make_snapshot, make_tiers


def compiled() -> dict[str, int]:
    functions = {f"{module.__name__}.{name}": f for module in (kernel, margin) for name, f in vars(module).items()}
    return {name: len(f.signatures) for name, f in functions.items() if hasattr(f, "signatures")}


def test_scoring_compiles_nothing_more() -> None:
    compile_kernels()
    before = compiled()
    assert before["levercap.risk.kernel.account_numbers"] >= 1
    rng = np.random.default_rng(3)
    for tiers in (None, make_tiers()):
        Predictor(make_snapshot(rng, tiers=tiers), Config()).predict(*make_book(rng, accounts=50))
    assert compiled() == before
