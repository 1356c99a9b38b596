"""The hot kernel: path losses of many accounts over all scenarios, and the exact tail of each, compiled by numba.

Layout: for a group of accounts the kernel walks the scenario blocks in the outer loop, so that a block of the adverse
moves stays in cache for the whole group, and writes float32 losses per account. Then each account's losses are
bucketed once, only the buckets that can hold the tail are sorted, and the measures walk down from the top. Sums of
weights are float64. An account's numbers depend on its own positions only, in their canonical order: they are the
same bits alone or in a batch, on one thread or many.

Everything the kernel calls is in this file, its own copy of the walk of `levercap.core.weighted_tail` included: numba
renews its cache when this file changes, not when another does.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np

from levercap.core.compiled import compiled
from levercap.core.names import FloatArray

__all__ = ["LANES", "RiskColumn", "account_numbers", "es_sorted", "margin_sorted", "var_sorted"]

LANES = 64
"""Scenarios per block: one block of one instrument and side (24 hours) is 6 KiB and stays in the first-level cache."""

GROUP = 64
"""Accounts that share one walk over the scenario blocks: their losses and one block stay in the second-level cache."""


class RiskColumn(IntEnum):
    """Columns that `account_numbers` writes per account; in lower case, the fields of RiskNumbers."""

    VAR_99 = 0
    ES_975 = 1
    PATH_VAR_99 = 2
    PATH_ES_975 = 3
    LIQUIDATION_LOSS = 4
    INSOLVENCY_MARGIN = 5
    STRESSED_LIQUIDATION_LOSS = 6
    STRESSED_PATH_ES_975 = 7
    LIQUIDATION_PROBABILITY = 8
    SHOCK_PROBABILITY = 9


BUCKETS = 512
"""Buckets that losses are counted into before the tail is sorted."""

CROWDED = 64
"""A bucket with more losses than this, as when one scenario dwarfs all others, is left to a merge sort."""

WEIGHT_TOLERANCE = 1e-12
"""Cumulative weights closer than this to a tail weight count as equal to it: 10 x 0.001 is the 1 % tail."""


@compiled
def var_sorted(losses: FloatArray, weights: FloatArray, count: int, tail: float) -> float:
    """Value at risk from the `count` largest losses, sorted descending, which must carry more weight than `tail`."""
    above = 0.0
    for i in range(count):
        above += weights[i]
        if above > tail + WEIGHT_TOLERANCE:
            return float(losses[i])
    return float(losses[count - 1])


@compiled
def es_sorted(losses: FloatArray, weights: FloatArray, count: int, tail: float) -> float:
    """Expected shortfall from the `count` largest losses, sorted descending, that carry more weight than `tail`."""
    above = 0.0
    total = 0.0
    for i in range(count):
        if above + weights[i] > tail + WEIGHT_TOLERANCE:
            return float((total + (tail - above) * losses[i]) / tail)
        above += weights[i]
        total += weights[i] * losses[i]
    return total / above


@compiled
def margin_sorted(losses: FloatArray, weights: FloatArray, count: int, budget: float) -> float:
    """Insolvency margin from the `count` largest losses, sorted descending, which must spend more than `budget`."""
    above = 0.0
    total = 0.0
    margin = 0.0
    for i in range(count):
        above += weights[i]
        total += weights[i] * losses[i]
        margin = (total - budget) / above
        if i + 1 < count and margin >= losses[i + 1]:
            break
    return max(margin, 0.0)


@compiled
def _shares(notional: Any, first: int, last: int, out: Any) -> None:
    """Signed shares of gross notional; divided by the largest first, so that no finite notional overflows the sum."""
    largest = 0.0
    for p in range(first, last):
        largest = max(largest, abs(notional[p]))
    if largest == 0.0:
        out[: last - first] = 0.0
        return
    gross = 0.0
    for p in range(first, last):
        gross += abs(notional[p] / largest)
    for p in range(first, last):
        out[p - first] = notional[p] / largest / gross


@compiled
def _gather(code: Any, share: Any, factor: Any, rows: Any, today: Any, stressed: Any) -> Any:
    """Rows and shares of the known positions, and how many; the share of gross notional without a forecast.

    Positions are taken in pairs: an odd one goes with itself at weight zero.
    """
    used, missing = 0, 0.0
    for p in range(len(code)):
        if code[p] < 0 or code[p] >= len(factor):
            missing += abs(share[p])
        elif share[p] != 0.0:
            rows[used] = 2 * code[p] + (1 if share[p] < 0 else 0)
            today[used] = abs(share[p])
            stressed[used] = abs(share[p]) * factor[code[p]]
            used += 1
    if used % 2 == 1:
        rows[used] = rows[used - 1]
        today[used] = stressed[used] = np.float32(0.0)
    return used, missing


@compiled
def _path_block(
    rows: Any, today: Any, stressed: Any, pairs: int, adverse: Any, block: int, work: Any, out: Any
) -> None:
    """Worst loss over the hours for each scenario of one block; `out` is (2, LANES): today's and stressed."""
    cells = adverse.shape[2]
    plain, heavy = work[0], work[1]
    for q in range(pairs):
        a, b = adverse[rows[2 * q], block], adverse[rows[2 * q + 1], block]
        ta, tb, sa, sb = today[2 * q], today[2 * q + 1], stressed[2 * q], stressed[2 * q + 1]
        if q == 0:
            for i in range(cells):
                plain[i] = ta * a[i] + tb * b[i]
                heavy[i] = sa * a[i] + sb * b[i]
        else:
            for i in range(cells):
                plain[i] = plain[i] + ta * a[i] + tb * b[i]
                heavy[i] = heavy[i] + sa * a[i] + sb * b[i]
    for side in range(2):
        cumulated, worst = work[side], out[side]
        for s in range(LANES):
            worst[s] = np.float32(0.0)
        for h in range(cells // LANES):
            hour = cumulated[h * LANES : (h + 1) * LANES]
            for s in range(LANES):
                worst[s] = hour[s] if hour[s] > worst[s] else worst[s]


@compiled
def _end_losses(rows: Any, today: Any, used: int, end: Any, out: Any) -> None:
    """Loss at the end of the horizon for each scenario; an odd row is a short, whose loss is the return."""
    out[:] = np.float32(0.0)
    for p in range(used):
        share = today[p] if rows[p] % 2 == 1 else -today[p]
        returns = end[rows[p] // 2]
        for s in range(len(out)):
            out[s] += share * returns[s]


@compiled
def _add_missing(losses: Any, end_loss: Any, missing: float, bounds: Any, out: Any) -> None:
    """Losses (path, heavy, end) with the bound of what has no forecast; gains elsewhere do not pay for it."""
    for s in range(len(end_loss)):
        final = max(end_loss[s], np.float32(0.0)) if missing > 0.0 else end_loss[s]
        out[0, s] = losses[0, s] + missing * bounds[0]
        out[1, s] = losses[1, s] + missing * bounds[1]
        out[2, s] = final + missing * bounds[0]


@compiled
def _sort_tail(losses: Any, weights: Any, mass: float, excess: float, head: Any, scratch: Any) -> int:
    """Sort the largest losses into `head` (2, scenarios: losses and weights), descending; returns how many.

    They carry more weight than `mass` and their expected excess over the smallest of them is at least `excess`, or they
    are all there are.
    """
    count = len(losses)
    low, high = losses[0], losses[0]
    for s in range(count):
        low, high = min(low, losses[s]), max(high, losses[s])
    if high <= low:
        head[0, :], head[1, :] = losses, weights
        return count
    scale = BUCKETS / (high - low)
    if not np.isfinite(scale):
        scale = 0.0
    scratch[:, :] = 0.0
    members, weight, total = scratch[0], scratch[1], scratch[2]
    for s in range(count):
        b = max(0, min(int((high - losses[s]) * scale), BUCKETS - 1))
        members[b] += 1.0
        weight[b] += weights[s]
        total[b] += weights[s] * losses[s]
    last = 0
    above, sum_above = weight[0], total[0]
    step = (high - low) / BUCKETS
    while last < BUCKETS - 1 and not (
        above > mass + 1e-9 and sum_above - above * (high - (last + 1) * step) >= excess + 1e-15
    ):
        last += 1
        above += weight[last]
        sum_above += total[last]
    start, fullest = 0.0, 0.0
    for b in range(last + 1):
        fullest = max(fullest, members[b])
        start, members[b] = start + members[b], start
    used = int(start)
    for s in range(count):
        b = max(0, min(int((high - losses[s]) * scale), BUCKETS - 1))
        if b <= last:
            place = int(members[b])
            members[b] += 1.0
            head[0, place] = losses[s]
            head[1, place] = weights[s]
    if fullest > CROWDED:
        order = np.argsort(-head[0, :used], kind="mergesort")
        head[0, :used], head[1, :used] = head[0, :used][order], head[1, :used][order]
    else:
        _insertion_sort(head, used)
    return used


@compiled
def _insertion_sort(head: Any, used: int) -> None:
    """Stable, descending; the buckets are in order already, so entries travel within their own bucket only."""
    for i in range(1, used):
        loss, weight = head[0, i], head[1, i]
        j = i - 1
        while j >= 0 and head[0, j] < loss:
            head[0, j + 1] = head[0, j]
            head[1, j + 1] = head[1, j]
            j -= 1
        head[0, j + 1] = loss
        head[1, j + 1] = weight


@compiled
def _measure(
    path: Any, heavy: Any, end: Any, weights: Any, margin: float, rule: Any, head: Any, scratch: Any, out: Any
) -> None:
    """All numbers of one account from its losses; `rule` is (liquidation tail, budget, closing cost, shock barrier)."""
    liquidation_tail, budget, cost, barrier = rule[0], rule[1], rule[2], rule[3]
    tail_99, tail_975 = 1.0 - 0.99, 1.0 - 0.975
    mass = max(tail_975, liquidation_tail)

    used = _sort_tail(end, weights, tail_975, -np.inf, head, scratch)
    out[RiskColumn.VAR_99] = var_sorted(head[0], head[1], used, tail_99)
    out[RiskColumn.ES_975] = es_sorted(head[0], head[1], used, tail_975)

    used = _sort_tail(path, weights, mass, budget, head, scratch)
    out[RiskColumn.PATH_VAR_99] = var_sorted(head[0], head[1], used, tail_99)
    out[RiskColumn.PATH_ES_975] = es_sorted(head[0], head[1], used, tail_975)
    out[RiskColumn.LIQUIDATION_LOSS] = var_sorted(head[0], head[1], used, liquidation_tail)
    head[0, :used] += cost
    out[RiskColumn.INSOLVENCY_MARGIN] = margin_sorted(head[0], head[1], used, budget)

    used = _sort_tail(heavy, weights, mass, -np.inf, head, scratch)
    out[RiskColumn.STRESSED_LIQUIDATION_LOSS] = var_sorted(head[0], head[1], used, liquidation_tail)
    out[RiskColumn.STRESSED_PATH_ES_975] = es_sorted(head[0], head[1], used, tail_975)

    liquidated, shocked = 0.0, 0.0
    for s in range(len(path)):
        liquidated += weights[s] if path[s] > margin else 0.0
        shocked += weights[s] if path[s] >= barrier else 0.0
    out[RiskColumn.LIQUIDATION_PROBABILITY] = min(liquidated, 1.0)
    out[RiskColumn.SHOCK_PROBABILITY] = min(shocked, 1.0)


@compiled
def account_numbers(
    first: int, last: int, offsets: Any, code: Any, notional: Any, margin: Any, adverse: Any, end: Any, weights: Any,
    factor: Any, bounds: Any, rule: Any, out: Any,
) -> None:  # fmt: skip
    """Write the numbers of accounts ``first .. last - 1`` into `out`, shape (accounts, len(RiskColumn)).

    Parameters
    ----------
    offsets, notional : as in Portfolio
    code : (positions,) instrument row of the scenarios, -1 without a forecast
    margin : (accounts,) path loss per unit of notional beyond which the account is liquidated; inf where there is no
        position
    adverse, end, weights, factor : as in AdversePaths
    bounds : (2,) loss per unit of notional without a forecast, today's and stressed
    rule : (4,) liquidation probability, insolvency budget, closing cost, shock barrier
    """
    scenarios, blocks, cells = len(weights), adverse.shape[1], adverse.shape[2]
    widest = 2
    for i in range(first, last):
        widest = max(widest, offsets[i + 1] - offsets[i] + 1)
    rows = np.zeros((GROUP, widest), np.int64)
    today = np.zeros((GROUP, widest), np.float32)
    stressed = np.zeros((GROUP, widest), np.float32)
    used = np.zeros(GROUP, np.int64)
    missing = np.zeros(GROUP)
    share = np.zeros(widest)
    work = np.zeros((2, cells), np.float32)
    losses = np.zeros((GROUP, 2, blocks * LANES), np.float32)
    end_loss = np.zeros(scenarios, np.float32)
    exact = np.zeros((3, scenarios))
    head = np.zeros((2, scenarios))
    scratch = np.zeros((3, BUCKETS))
    for start in range(first, last, GROUP):
        size = min(GROUP, last - start)
        for g in range(size):
            begin, stop = offsets[start + g], offsets[start + g + 1]
            _shares(notional, begin, stop, share)
            used[g], missing[g] = _gather(code[begin:stop], share, factor, rows[g], today[g], stressed[g])
            losses[g, :, :] = np.float32(0.0)
        for block in range(blocks):
            for g in range(size):
                if used[g] > 0:
                    part = losses[g, :, block * LANES : (block + 1) * LANES]
                    _path_block(rows[g], today[g], stressed[g], (used[g] + 1) // 2, adverse, block, work, part)
        for g in range(size):
            _end_losses(rows[g], today[g], used[g], end, end_loss)
            _add_missing(losses[g], end_loss, missing[g], bounds, exact)
            _measure(exact[0], exact[1], exact[2], weights, margin[start + g], rule, head, scratch, out[start + g])
