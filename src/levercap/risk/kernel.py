"""The hot kernel: path losses of many accounts over all scenarios, and the exact tail of each, compiled by numba.

Layout: for a group of accounts the kernel walks the scenario blocks in the outer loop, so that a block of the adverse moves
stays in cache for the whole group, and writes float32 losses per account. Then each account's losses are bucketed once, only
the buckets that can hold the tail are sorted, and the measures walk down from the top. Sums of weights are float64. An
account's numbers depend on its own positions only, in their canonical order: they are the same bits alone or in a batch,
on one thread or many.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from levercap.risk.measures import es_sorted, margin_sorted, var_sorted
from levercap.risk.paths import LANES

__all__ = ["COLUMNS", "account_numbers"]

COLUMNS = (
    "var_99",
    "es_975",
    "path_var_99",
    "path_es_975",
    "liquidation_loss",
    "insolvency_margin",
    "stressed_liquidation_loss",
    "stressed_insolvency_margin",
    "stressed_path_es_975",
    "liquidation_probability",
    "shock_probability",
)
"""What `account_numbers` writes, in this order."""

GROUP = 64
"""Accounts that share one walk over the scenario blocks: their losses and one block stay in the second-level cache."""
BUCKETS = 512


@njit(nogil=True, cache=True)
def _shares(notional: Any, first: int, last: int, out: Any) -> None:  # pragma: no cover
    """Signed shares of gross notional; divided by the largest first, so that no finite notional can overflow the sum."""
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


@njit(nogil=True, cache=True)
def _path_block(rows: Any, today: Any, stressed: Any, pairs: int, adverse: Any, block: int, work: Any, out: Any) -> None:  # pragma: no cover
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


@njit(nogil=True, cache=True)
def _end_losses(rows: Any, today: Any, used: int, end: Any, out: Any) -> None:  # pragma: no cover
    """Loss at the end of the horizon for each scenario; an odd row is a short, whose loss is the return."""
    out[:] = np.float32(0.0)
    for p in range(used):
        share = today[p] if rows[p] % 2 == 1 else -today[p]
        returns = end[rows[p] // 2]
        for s in range(len(out)):
            out[s] += share * returns[s]


@njit(nogil=True, cache=True)
def _sort_tail(losses: Any, weights: Any, mass: float, excess: float, head: Any, scratch: Any) -> int:  # pragma: no cover
    """Sort the largest losses into `head` (2, scenarios: losses and weights), descending; returns how many.

    They carry more weight than `mass` and their expected excess over the smallest of them is at least `excess`, or they
    are all there are.
    """
    count = len(losses)
    low, high = losses[0], losses[0]
    for s in range(count):
        low, high = min(low, losses[s]), max(high, losses[s])
    scale = BUCKETS / (high - low) if high > low else 0.0
    if not np.isfinite(scale):
        scale = 0.0
    scratch[:, :] = 0.0
    members, weight, total = scratch[0], scratch[1], scratch[2]
    for s in range(count):
        b = min(int((high - losses[s]) * scale), BUCKETS - 1)
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
    start = 0.0
    for b in range(last + 1):
        start, members[b] = start + members[b], start
    used = int(start)
    for s in range(count):
        b = min(int((high - losses[s]) * scale), BUCKETS - 1)
        if b <= last:
            place = int(members[b])
            members[b] += 1.0
            head[0, place] = losses[s]
            head[1, place] = weights[s]
    _insertion_sort(head, used)
    return used


@njit(nogil=True, cache=True)
def _insertion_sort(head: Any, used: int) -> None:  # pragma: no cover
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


@njit(nogil=True, cache=True)
def _measure(path: Any, heavy: Any, end: Any, weights: Any, margin: float, rule: Any, head: Any, scratch: Any, out: Any) -> None:  # pragma: no cover
    """All numbers of one account from its losses; `rule` is (liquidation tail, budget, closing cost, shock barrier)."""
    liquidation_tail, budget, cost, barrier = rule[0], rule[1], rule[2], rule[3]
    tail_99, tail_975 = 1.0 - 0.99, 1.0 - 0.975
    mass = max(tail_975, liquidation_tail)

    used = _sort_tail(end, weights, tail_975, -np.inf, head, scratch)
    out[0] = var_sorted(head[0], head[1], used, tail_99)
    out[1] = es_sorted(head[0], head[1], used, tail_975)

    used = _sort_tail(path, weights, mass, budget, head, scratch)
    out[2] = var_sorted(head[0], head[1], used, tail_99)
    out[3] = es_sorted(head[0], head[1], used, tail_975)
    out[4] = var_sorted(head[0], head[1], used, liquidation_tail)
    head[0, :used] += cost
    out[5] = margin_sorted(head[0], head[1], used, budget)

    used = _sort_tail(heavy, weights, mass, budget, head, scratch)
    out[6] = var_sorted(head[0], head[1], used, liquidation_tail)
    out[8] = es_sorted(head[0], head[1], used, tail_975)
    head[0, :used] += cost
    out[7] = margin_sorted(head[0], head[1], used, budget)

    liquidated, shocked = 0.0, 0.0
    for s in range(len(path)):
        liquidated += weights[s] if path[s] > margin else 0.0
        shocked += weights[s] if path[s] >= barrier else 0.0
    out[9] = min(liquidated, 1.0)
    out[10] = min(shocked, 1.0)


@njit(nogil=True, cache=True)
def account_numbers(
    first: int,
    last: int,
    offsets: Any,
    code: Any,
    notional: Any,
    margin: Any,
    adverse: Any,
    end: Any,
    weights: Any,
    factor: Any,
    bounds: Any,
    rule: Any,
    out: Any,
) -> None:  # pragma: no cover
    """Write the numbers of accounts ``first .. last - 1`` into `out`, shape (accounts, len(COLUMNS)).

    Parameters
    ----------
    offsets, notional : as in Portfolio
    code : (positions,) symbol row of the scenarios, -1 without a forecast
    margin : (accounts,) path loss per unit of notional beyond which the account is liquidated; inf where there is no position
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
            used[g], missing[g] = 0, 0.0
            for p in range(begin, stop):
                u = share[p - begin]
                if code[p] < 0:
                    missing[g] += abs(u)
                elif u != 0.0:
                    rows[g, used[g]] = 2 * code[p] + (1 if u < 0 else 0)
                    today[g, used[g]] = abs(u)
                    stressed[g, used[g]] = abs(u) * factor[code[p]]
                    used[g] += 1
            if used[g] % 2 == 1:  # pairs: an odd position goes with itself at weight zero
                rows[g, used[g]] = rows[g, used[g] - 1]
                today[g, used[g]] = stressed[g, used[g]] = np.float32(0.0)
        for block in range(blocks):
            for g in range(size):
                if used[g] > 0:
                    out_block = losses[g, :, block * LANES : (block + 1) * LANES]
                    _path_block(rows[g], today[g], stressed[g], (used[g] + 1) // 2, adverse, block, work, out_block)
        for g in range(size):
            if used[g] == 0:
                losses[g, :, :] = np.float32(0.0)
            _end_losses(rows[g], today[g], used[g], end, end_loss)
            for s in range(scenarios):
                final = end_loss[s]
                if missing[g] > 0.0:  # gains elsewhere do not pay for what cannot be measured
                    final = max(final, np.float32(0.0))
                exact[0, s] = losses[g, 0, s] + missing[g] * bounds[0]
                exact[1, s] = losses[g, 1, s] + missing[g] * bounds[1]
                exact[2, s] = final + missing[g] * bounds[0]
            _measure(exact[0], exact[1], exact[2], weights, margin[start + g], rule, head, scratch, out[start + g])
