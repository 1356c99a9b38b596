"""The hot kernel: path losses of many accounts over all scenarios, and the exact tail of each, compiled by numba.

Only scenarios that can lie in a tail are walked hour by hour. The shares times the worst hour of each position bound a
scenario's loss from above, in float32 too, since every operation on the way is monotone; scenarios whose bound is
below the tail found so far cannot enter it. Of a side of a thousand scenarios some 70 to 200 remain. Where to begin is
guessed from the accounts before; a wrong guess costs time and changes no bit.

Losses are float32, sums of weights float64. An account's numbers depend on its own positions only, in their canonical
order: they are the same bits alone or in a batch, on one thread or many.

Everything the kernel calls is in this file, its own copy of the walk of `levercap.core.weighted_tail` included: numba
renews its cache when this file changes, not when another does.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from levercap.core.compiled import compiled
from levercap.core.names import FloatArray

__all__ = ["RiskColumn", "account_numbers", "es_sorted", "margin_sorted", "var_sorted"]


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


GROUP = 8
"""Neighbouring scenarios of which the largest loss is kept, so that a pass over a tail skips most of the others."""

AT_ONCE = 8
"""Positions that are summed without a store in between; fewer are filled up with shares of zero."""

DAY_HOURS = 24
"""Length of the paths that the loops are compiled for."""

BUCKETS = 96
"""Buckets that a long tail is spread over before it is sorted."""

FEW = 24
"""Losses up to this number are sorted without buckets."""

WEIGHT_TOLERANCE = 1e-12
"""Cumulative weights closer than this to a tail weight count as equal to it: 10 x 0.001 is the 1 % tail."""


@intrinsic  # type: ignore[untyped-decorator]
def _larger(_context: Any, a: Any, b: Any) -> Any:
    """The larger of two floats, neither of which is NaN, as one instruction.

    A comparison written out becomes a conditional store, which costs many times the rest of its loop.
    """

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        kind = arguments[0].type
        function = builder.module.declare_intrinsic("llvm.maxnum", [kind], ir.FunctionType(kind, [kind, kind]))
        return builder.call(function, arguments, fastmath=("nnan", "nsz"))

    return a(a, b), generate


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

    Shares beyond the known positions are zero, so that a few positions can be summed as if they were `AT_ONCE`.
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
    for p in range(used, AT_ONCE):
        rows[p] = rows[0]
        today[p] = stressed[p] = np.float32(0.0)
    return used, missing


@compiled
def _add(share: Any, moves: Any, out: Any) -> None:
    """Add share times move of one position to the loss of each scenario."""
    for s in range(len(out)):
        out[s] += share * moves[s]


@compiled
def _path_bounds(rows: Any, share: Any, used: int, worst: Any, out: Any) -> None:
    """Upper bound of the path loss for each scenario: every position at its own worst hour."""
    out[:] = np.float32(0.0)
    for p in range(used):
        _add(share[p], worst[rows[p]], out)
    for s in range(len(out)):
        out[s] = _larger(out[s], np.float32(0.0))


@compiled
def _end_losses(rows: Any, today: Any, used: int, end: Any, out: Any) -> None:
    """Loss at the end of the horizon for each scenario; an odd row is a short, whose loss is the return."""
    out[:] = np.float32(0.0)
    for p in range(used):
        _add(today[p] if rows[p] % 2 == 1 else -today[p], end[rows[p] // 2], out)


@compiled
def _path_losses(rows: Any, share: Any, used: int, adverse: Any, chosen: Any, count: int, work: Any, out: Any) -> None:
    """Worst loss over the hours, at least zero, of the `count` chosen scenarios; written at their places in `out`."""
    if used <= 4:
        _of_four(rows, share, adverse, chosen, count, out)
    elif used <= 8:
        _of_eight(rows, share, adverse, chosen, count, out)
    else:
        _of_many(rows, share, used, adverse, chosen, count, work, out)


@compiled
def _of_four(rows: Any, share: Any, adverse: Any, chosen: Any, count: int, out: Any) -> None:
    a, b, c, d = adverse[rows[0]], adverse[rows[1]], adverse[rows[2]], adverse[rows[3]]
    ta, tb, tc, td = share[0], share[1], share[2], share[3]
    hours = adverse.shape[2]
    for i in range(count):
        scenario = chosen[i]
        x, y, z, w = a[scenario], b[scenario], c[scenario], d[scenario]
        worst = np.float32(0.0)
        if hours == DAY_HOURS:  # a known length takes a third off the time
            for h in range(DAY_HOURS):
                worst = _larger(worst, ta * x[h] + tb * y[h] + tc * z[h] + td * w[h])
        else:
            for h in range(hours):
                worst = _larger(worst, ta * x[h] + tb * y[h] + tc * z[h] + td * w[h])
        out[scenario] = worst


@compiled
def _of_eight(rows: Any, share: Any, adverse: Any, chosen: Any, count: int, out: Any) -> None:
    a, b, c, d = adverse[rows[0]], adverse[rows[1]], adverse[rows[2]], adverse[rows[3]]
    e, f, g, k = adverse[rows[4]], adverse[rows[5]], adverse[rows[6]], adverse[rows[7]]
    ta, tb, tc, td = share[0], share[1], share[2], share[3]
    te, tf, tg, tk = share[4], share[5], share[6], share[7]
    hours = adverse.shape[2]
    for i in range(count):
        scenario = chosen[i]
        x, y, z, w = a[scenario], b[scenario], c[scenario], d[scenario]
        o, p, q, r = e[scenario], f[scenario], g[scenario], k[scenario]
        worst = np.float32(0.0)
        if hours == DAY_HOURS:
            for h in range(DAY_HOURS):
                first = ta * x[h] + tb * y[h] + tc * z[h] + td * w[h]
                worst = _larger(worst, first + te * o[h] + tf * p[h] + tg * q[h] + tk * r[h])
        else:
            for h in range(hours):
                first = ta * x[h] + tb * y[h] + tc * z[h] + td * w[h]
                worst = _larger(worst, first + te * o[h] + tf * p[h] + tg * q[h] + tk * r[h])
        out[scenario] = worst


@compiled
def _of_many(rows: Any, share: Any, used: int, adverse: Any, chosen: Any, count: int, work: Any, out: Any) -> None:
    hours = adverse.shape[2]
    for i in range(count):
        scenario = chosen[i]
        work[:] = np.float32(0.0)
        for p in range(used):
            factor, move = share[p], adverse[rows[p], scenario]
            for h in range(hours):
                work[h] += factor * move[h]
        worst = np.float32(0.0)
        for h in range(hours):
            worst = _larger(worst, work[h])
        out[scenario] = worst


@compiled
def _peaks(losses: Any, out: Any) -> None:
    """Largest of each `GROUP` neighbouring losses."""
    for g in range(len(out)):
        part = losses[GROUP * g : GROUP * g + GROUP]
        top = part[0]
        for s in range(1, len(part)):
            top = _larger(top, part[s])
        out[g] = top


@compiled
def _reached_by(peaks: Any, rank: int) -> Any:
    """A value that `rank` or somewhat more of the peaks reach, by bisection; minus infinity where all of them shall."""
    if rank >= len(peaks):
        return np.float32(-np.inf)
    low, high = peaks[0], peaks[0]
    for g in range(len(peaks)):
        low, high = min(low, peaks[g]), _larger(high, peaks[g])
    for _ in range(16):
        middle = np.float32(0.5) * (low + high)
        count = np.int32(0)
        for g in range(len(peaks)):
            count += np.int32(peaks[g] >= middle)
        if count < rank:
            high = middle
        else:
            low = middle
            if count <= rank + rank // 8:
                break
    return low


@compiled
def _choose(bound: Any, peaks: Any, low: Any, high: Any, groups: Any, chosen: Any) -> int:
    """Scenarios whose bound is from `low` to below `high`, in their order; returns how many."""
    found = 0
    for g in range(len(peaks)):
        groups[found] = g
        found += peaks[g] >= low
    count = 0
    for i in range(found):
        for s in range(GROUP * groups[i], min(GROUP * groups[i] + GROUP, len(bound))):
            chosen[count] = s
            count += bound[s] >= low and bound[s] < high
    return count


@compiled
def _sorted_tail(losses: Any, weights: Any, chosen: Any, count: int, floor: Any, head: Any, start: Any) -> int:
    """Those of the chosen losses that reach `floor`, descending, and their weights into ``head[:2]``; how many."""
    used = 0
    for i in range(count):
        head[0, used] = losses[chosen[i]]
        head[1, used] = weights[chosen[i]]
        used += losses[chosen[i]] >= floor
    _sort(head, used, start)
    return used


@compiled
def _sort(head: Any, used: int, start: Any) -> None:
    """Sort ``head[:2]`` by its first row, descending and stable; ``head[2:]`` and `start` are scratch."""
    high, low = head[0, 0], head[0, 0]
    for i in range(used):
        high, low = max(high, head[0, i]), min(low, head[0, i])
    scale = BUCKETS / (high - low) if high > low else 0.0
    if used > FEW and 0.0 < scale < np.inf:
        start[: BUCKETS + 2] = 0
        for i in range(used):
            head[2, i], head[3, i] = head[0, i], head[1, i]
            start[int((high - head[0, i]) * scale) + 1] += 1
        for b in range(BUCKETS + 1):
            start[b + 1] += start[b]
        for i in range(used):
            b = int((high - head[2, i]) * scale)
            head[0, start[b]], head[1, start[b]] = head[2, i], head[3, i]
            start[b] += 1
    for i in range(1, used):
        loss, weight = head[0, i], head[1, i]
        j = i - 1
        while j >= 0 and head[0, j] < loss:
            head[0, j + 1], head[1, j + 1] = head[0, j], head[1, j]
            j -= 1
        head[0, j + 1], head[1, j + 1] = loss, weight


@compiled
def _enough(head: Any, used: int, mass: float, excess: float) -> int:
    """How many of the sorted losses outweigh `mass` and exceed the last of them by `excess`; zero where all do not."""
    above, total = 0.0, 0.0
    for i in range(used):
        above += head[1, i]
        total += head[1, i] * head[0, i]
        if above > mass + 1e-9 and total - above * head[0, i] >= excess + 1e-15:
            return i + 1
    return 0


@compiled
def _direct_tail(
    losses: Any, weights: Any, mass: float, excess: float, peaks: Any, hint: Any, chosen: Any, head: Any, start: Any
) -> int:
    """The largest losses, descending, into `head`; returns how many.

    They carry more weight than `mass` and their expected excess over the smallest of them is at least `excess`, or they
    are all there are. `hint` is how many peaks are expected to reach the tail.
    """
    _peaks(losses, peaks)
    hint[0] = max(hint[0] - 0.0625, 4.0)
    while True:
        rank = int(hint[0])
        floor = _reached_by(peaks, rank)
        count = _choose(losses, peaks, floor, np.float32(np.inf), start, chosen)
        found = _sorted_tail(losses, weights, chosen, count, floor, head, start)
        if rank >= len(peaks) or _enough(head, found, mass, excess) > 0:
            return found
        hint[0] = min(1.3 * hint[0] + 1.0, float(len(peaks)))


@compiled
def _path_tail(
    bound: Any, losses: Any, rows: Any, share: Any, used: int, adverse: Any, weights: Any, mass: float, excess: float,
    peaks: Any, hint: Any, chosen: Any, head: Any, start: Any, work: Any,
) -> Any:  # fmt: skip
    """The largest path losses, descending, into `head`, and how many; and the bound down to which `losses` are written.

    They carry more weight than `mass` and their expected excess over the smallest of them is at least `excess`, or they
    are all there are.
    """
    if used <= 1:  # the bound is the loss
        losses[:] = bound
        return _direct_tail(losses, weights, mass, excess, peaks, hint, chosen, head, start), np.float32(-np.inf)
    _peaks(bound, peaks)
    hint[0] = max(hint[0] - 0.0625, 4.0)
    written = np.float32(np.inf)
    while True:
        rank = int(hint[0])
        down_to = min(_reached_by(peaks, rank), written)
        count = _choose(bound, peaks, down_to, written, start, chosen)
        _path_losses(rows, share, used, adverse, chosen, count, work, losses)
        written = down_to
        count = _choose(bound, peaks, written, np.float32(np.inf), start, chosen)
        found = _sorted_tail(losses, weights, chosen, count, np.float32(-np.inf), head, start)
        enough = _enough(head, found, mass, excess)
        if rank >= len(peaks):
            return found, written
        if enough > 0:
            break
        hint[0] = min(1.3 * hint[0] + 1.0, float(len(peaks)))
    floor = np.float32(head[0, enough - 1])
    if floor >= written:
        return found, written
    count = _choose(bound, peaks, floor, written, start, chosen)
    _path_losses(rows, share, used, adverse, chosen, count, work, losses)
    written = floor
    count = _choose(bound, peaks, floor, np.float32(np.inf), start, chosen)
    return _sorted_tail(losses, weights, chosen, count, floor, head, start), written


@compiled
def _probability(losses: Any, weights: Any, bound: Any, peaks: Any, lost: float, level: float, reached: bool) -> float:
    """Weight of the losses, with `lost` added, that exceed `level`, or reach it."""
    total = 0.0
    for g in range(len(peaks)):
        if peaks[g] + lost >= level:
            for s in range(GROUP * g, min(GROUP * g + GROUP, len(losses))):
                if bound[s] + lost >= level:
                    loss = losses[s] + lost
                    total += weights[s] if loss > level or (reached and loss == level) else 0.0
    return min(total, 1.0)


@compiled
def _measure(
    rows: Any, today: Any, stressed: Any, used: int, missing: float, margin: float, adverse: Any, worst: Any, end: Any,
    weights: Any, bounds: Any, rule: Any, losses: Any, bound: Any, peaks: Any, hints: Any, chosen: Any, head: Any,
    start: Any, work: Any, out: Any,
) -> None:  # fmt: skip
    """All numbers of one account; `rule` is (liquidation tail, budget, closing cost, shock barrier).

    Gains elsewhere do not pay for what has no forecast.
    """
    liquidation_tail, budget, cost, barrier = rule[0], rule[1], rule[2], rule[3]
    tail_99, tail_975 = 1.0 - 0.99, 1.0 - 0.975
    mass = max(tail_975, liquidation_tail)

    _end_losses(rows, today, used, end, losses)
    found = _direct_tail(losses, weights, tail_975, -np.inf, peaks, hints[0:1], chosen, head, start)
    if missing > 0.0:
        head[0, :found] = np.maximum(head[0, :found], 0.0) + missing * bounds[0]
    out[RiskColumn.VAR_99] = var_sorted(head[0], head[1], found, tail_99)
    out[RiskColumn.ES_975] = es_sorted(head[0], head[1], found, tail_975)

    _path_bounds(rows, stressed, used, worst, bound)
    found, _ = _path_tail(bound, losses, rows, stressed, used, adverse, weights, mass, -np.inf, peaks, hints[1:2],
                          chosen, head, start, work)  # fmt: skip
    head[0, :found] += missing * bounds[1]
    out[RiskColumn.STRESSED_LIQUIDATION_LOSS] = var_sorted(head[0], head[1], found, liquidation_tail)
    out[RiskColumn.STRESSED_PATH_ES_975] = es_sorted(head[0], head[1], found, tail_975)

    _path_bounds(rows, today, used, worst, bound)
    found, written = _path_tail(bound, losses, rows, today, used, adverse, weights, mass, budget, peaks, hints[2:3],
                                chosen, head, start, work)  # fmt: skip
    lost = missing * bounds[0]
    head[0, :found] += lost
    out[RiskColumn.PATH_VAR_99] = var_sorted(head[0], head[1], found, tail_99)
    out[RiskColumn.PATH_ES_975] = es_sorted(head[0], head[1], found, tail_975)
    out[RiskColumn.LIQUIDATION_LOSS] = var_sorted(head[0], head[1], found, liquidation_tail)
    head[0, :found] += cost
    out[RiskColumn.INSOLVENCY_MARGIN] = margin_sorted(head[0], head[1], found, budget)

    lowest = min(margin, barrier) - lost
    down_to = np.float32(lowest - 1e-6 * max(1.0, abs(lowest)))
    if down_to < written:
        count = _choose(bound, peaks, down_to, written, start, chosen)
        _path_losses(rows, today, used, adverse, chosen, count, work, losses)
    out[RiskColumn.LIQUIDATION_PROBABILITY] = _probability(losses, weights, bound, peaks, lost, margin, False)
    out[RiskColumn.SHOCK_PROBABILITY] = _probability(losses, weights, bound, peaks, lost, barrier, True)


@compiled
def account_numbers(
    first: int, last: int, offsets: Any, code: Any, notional: Any, margin: Any, adverse: Any, worst: Any, end: Any,
    weights: Any, factor: Any, bounds: Any, rule: Any, out: Any,
) -> None:  # fmt: skip
    """Write the numbers of accounts ``first .. last - 1`` into `out`, shape (accounts, len(RiskColumn)).

    Parameters
    ----------
    offsets, notional : as in Portfolio
    code : (positions,) instrument row of the scenarios, -1 without a forecast
    margin : (accounts,) path loss per unit of notional beyond which the account is liquidated; inf where there is no
        position
    adverse, worst, end, weights, factor : as in AdversePaths
    bounds : (2,) loss per unit of notional without a forecast, today's and stressed
    rule : (4,) liquidation probability, insolvency budget, closing cost, shock barrier
    """
    scenarios, hours = adverse.shape[1], adverse.shape[2]
    widest = AT_ONCE
    for i in range(first, last):
        widest = max(widest, offsets[i + 1] - offsets[i])
    rows = np.zeros(widest, np.int64)
    today = np.zeros(widest, np.float32)
    stressed = np.zeros(widest, np.float32)
    share = np.zeros(widest)
    losses = np.zeros(scenarios, np.float32)
    bound = np.zeros(scenarios, np.float32)
    peaks = np.zeros((scenarios + GROUP - 1) // GROUP, np.float32)
    hints = np.full(3, 24.0)
    chosen = np.zeros(scenarios + 1, np.int64)
    start = np.zeros(max(len(peaks) + 1, BUCKETS + 2), np.int64)
    head = np.zeros((4, scenarios + 1))
    work = np.zeros(hours, np.float32)
    for i in range(first, last):
        begin, stop = offsets[i], offsets[i + 1]
        _shares(notional, begin, stop, share)
        used, missing = _gather(code[begin:stop], share, factor, rows, today, stressed)
        _measure(rows, today, stressed, used, missing, margin[i], adverse, worst, end, weights, bounds, rule, losses,
                 bound, peaks, hints, chosen, head, start, work, out[i])  # fmt: skip
