"""Event simulation of one replica, step by step where the batch changes, else in jumps.

Between two changes of the batch (a prompt admitted, a sequence done) every step differs from the
last only by the growth of the contexts, so k steps take k·t + g·k(k-1)/2 at once. Step and prompt
times are those of the closed forms; what this adds is the order of events. A prompt that rides
along adds what the step grows by, so a short one rides almost free; a client's next request is seen
once interface and tokenizer have dealt with it, in which time other clients end too and queue up.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import ceil, isfinite
from typing import Any

import numpy as np

from tonnage.perf.serving.attention import prefill_attention
from tonnage.perf.serving.case import Cases, ServingCase, cases_of, repeated
from tonnage.perf.serving.flow import prompt_seconds, solve
from tonnage.perf.serving.memory import capacity
from tonnage.perf.serving.ranks import held_closed, held_open
from tonnage.perf.serving.step import decode_step, launch_seconds, prefill_step
from tonnage.workload import Arrivals

_GRID = 24
"""Batch sizes at which the step time is computed; between them it is interpolated."""
_BESIDE = 7
"""Batch sizes beside which the time of prompts is computed, and ..."""
_PROMPTS = 14
"""... numbers of prompt tokens, both with interpolation between."""

_Lengths = tuple[list[int], list[int]]
"""Tokens of prompts and of answers, in the order of arrival."""


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """What happened to every request of one replica, seconds, axis [request]."""

    ttft_s: Any
    tpot_s: Any
    """Mean time per output token after the first; NaN for answers of one token."""
    e2e_s: Any
    duration_s: float
    arrivals_s: float
    """From the first request sent to the last."""
    input_tokens: float
    output_tokens: float
    changes: int
    """Times the batch changed; all other steps were jumped over."""

    @property
    def requests_per_s(self) -> float:
        """Requests over the duration."""
        return len(self.e2e_s) / self.duration_s

    def percentile(self, name: str, level: float) -> float:
        """Return the `level` (0 to 1) quantile of `ttft_s`, `tpot_s` or `e2e_s`."""
        return float(np.nanquantile(getattr(self, name), level))


@dataclass(frozen=True, slots=True, eq=False)
class _Times:
    """Seconds of steps and prompts as plain lists, for a loop without NumPy."""

    base: list[float]
    """Step without its context part, by batch."""
    per_token: list[float]
    """Added per token of context of the whole batch, by batch."""
    beside: list[int]
    """Batches of `products`; the first is none: prompts in a step of their own."""
    tokens: list[float]
    """Prompt tokens of `products` and `attention`."""
    products: list[list[float]]
    """Added to a step by prompt tokens, all but attention, by batch beside and tokens."""
    attention: list[float]
    """Of one prompt, by its tokens."""
    launch_s: float
    """Of every step with prompts."""
    fresh: float
    """Share of a prompt that is not in the prefix cache."""
    slots: int
    budget: float
    mixed: bool
    request_s: float
    """Before the engine sees a request: interface, ..."""
    token_s: float
    """... and tokenizer, per prompt token."""
    held: float
    """What prompts of other ranks in step with this one hold it up, for each second of its own."""
    poll: int
    """Decoding steps between two looks at the queue."""


def simulate_serving(
    case: ServingCase,
    requests: int = 10_000,
    *,
    seed: int = 0,
    burstiness: float = 1.0,
    arrival_s: Sequence[float] | None = None,
    input_tokens: Sequence[float] | None = None,
    output_tokens: Sequence[float] | None = None,
    evenly: bool = False,
) -> Simulation:
    """Return what one of the deployment's replicas does with its share of the load.

    Parameters
    ----------
    case
        Closed concurrency (its clients send again at once) or open arrivals at `request_rate`.
    requests
        Requests to simulate.
    burstiness
        Variance over squared mean of the gaps between open arrivals: 1 Poisson, above it bursts
        (gamma gaps).
    arrival_s
        Arrival times from a trace, instead of random ones.
    input_tokens, output_tokens
        Lengths of a trace's requests, in the order of `arrival_s`, instead of random ones.
    evenly
        Start closed clients evenly over a round instead of all at once, and leave the first and
        the last round out: traffic without an end, where a benchmark's first wave has passed.

    Returns
    -------
    Simulation
        Deterministic for a seed.
    """
    cases = cases_of([case])
    random = np.random.default_rng(seed)
    shortest = case.job.shortest_share
    requests = requests if arrival_s is None else min(requests, len(arrival_s))
    prompts = _lengths(random, case.job.input_tokens, shortest, requests, input_tokens)
    answers = _lengths(random, case.job.output_tokens, shortest, requests, output_tokens)
    times = _times(cases, float(max(prompts)))
    closed = case.job.arrivals is not Arrivals.OPEN and arrival_s is None
    if arrival_s is not None:
        order = np.argsort(np.asarray(arrival_s, float), kind="stable")[:requests]
        sent = np.asarray(arrival_s, float)[order]
        prompts, answers = _in_order(prompts, order), _in_order(answers, order)
    elif closed:
        sent = _closed(cases, requests, evenly)
    else:
        gap = case.layout.dp / (case.job.request_rate or 1.0)
        sent = np.cumsum(random.gamma(1.0 / burstiness, burstiness * gap, requests))
    rounds = int(np.isfinite(sent).sum()) if closed and evenly else 0
    return _run(times, sent.tolist(), (prompts, answers), rounds)


def _closed(cases: Cases, requests: int, evenly: bool) -> Any:
    """Seconds at which clients send first: all at once or over a round; inf for what follows."""
    each = float(cases.load.concurrency[0] or 1.0) / float(cases.layout.dp[0])
    clients = min(max(1, round(each)), requests)
    gap = float(solve(cases).e2e_s[0]) / clients if evenly else 0.0
    return np.concatenate([gap * np.arange(clients), np.full(requests - clients, np.inf)])


def _lengths(
    random: Any, longest: float, shortest: float, count: int, told: Sequence[float] | None
) -> list[int]:
    drawn = random.uniform(shortest * longest, longest, count) if shortest < 1 else longest
    if told is None and shortest >= 1:  # 1.5 tokens are 1 and 2 in turn
        drawn = np.diff(np.rint(longest * np.arange(count + 1)))
    drawn = drawn if told is None else np.asarray(told, float)
    whole: list[int] = np.maximum(np.rint(drawn), 1).astype(int).tolist()
    return whole


def _in_order(values: list[int], order: Any) -> list[int]:
    return [values[k] for k in order]


def _times(cases: Cases, longest: float) -> _Times:
    """Tabulate step times by batch, and prompt times by tokens and the batch beside them."""
    slots = int(max(1, min(capacity(cases).sequences[0], cases.engine.max_sequences[0])))
    grid = np.unique(np.rint(np.geomspace(1, slots, _GRID)))
    wide = repeated(cases, len(grid))
    pp = float(cases.layout.pp[0])
    near = float(cases.load.input[0])
    far = near + max(float(cases.load.output[0]), 1.0)
    low = decode_step(wide, grid / pp, np.full(len(grid), near)).total
    high = decode_step(wide, grid / pp, np.full(len(grid), far)).total
    slope = (high - low) / (far - near) / grid
    sizes = np.arange(slots + 1)
    gain = float(cases.load.tokens_per_step[0])
    base = np.interp(sizes, grid, low - slope * grid * near) / gain
    mixed = bool(cases.engine.mixed[0] > 0)
    budget = float(cases.engine.prefill_tokens[0])
    beside, tokens, products, attention = _prompts(
        cases, slots if mixed else 0, max(budget, longest)
    )
    return _Times(
        base=base.tolist(),
        per_token=(np.interp(sizes, grid, slope) / gain).tolist(),
        beside=beside,
        tokens=tokens,
        products=products,
        attention=attention,
        launch_s=float(launch_seconds(cases)[0]) / pp,
        fresh=1.0 - float(cases.load.hit[0]),
        slots=slots,
        budget=budget,
        mixed=mixed,
        request_s=float(cases.engine.request_s[0]),
        token_s=float(cases.engine.prefill_s_per_token[0]),
        held=_held(cases, slots) - 1.0,
        poll=max(1, round(float(cases.engine.poll_steps[0]))),
    )


def _held(cases: Cases, slots: int) -> float:
    """Time that prompts of all ranks in step hold one up, over that of its own prompts."""
    load, layout = cases.load, cases.layout
    prompt_s = prompt_seconds(cases) / layout.pp
    if load.rate[0] > 0:
        return float(held_open(cases, load.rate / layout.dp * prompt_s)[0])
    running = np.clip(load.concurrency / layout.dp, 1.0, slots)
    step = decode_step(cases, running / layout.pp, load.input + load.output / 2.0).total
    decoding = load.output / load.tokens_per_step * step
    return float(held_closed(cases, running * prompt_s, decoding)[0])


def _prompts(
    cases: Cases, slots: int, most: float
) -> tuple[list[int], list[float], list[list[float]], list[float]]:
    """Return batches, tokens, and the seconds that prompts of so many tokens add beside them.

    Beside decoding sequences the weights are read for both, so a short prompt rides almost free.
    """
    pp = float(cases.layout.pp[0])
    tokens = np.geomspace(1.0, max(most, 64.0), _PROMPTS)
    count = len(tokens)
    beside = [0]
    if slots > 1:
        beside += sorted({round(b) for b in np.geomspace(1, slots, _BESIDE)})
    wide = repeated(cases, len(beside) * count)
    many = np.tile(tokens, len(beside))
    with_batch = np.repeat(np.array(beside, float), count) / pp
    ones = np.ones_like(many)
    step = prefill_step(wide, many, ones, with_batch).total
    products = (step / pp).reshape(len(beside), count)
    attention = prefill_attention(repeated(cases, count), tokens) / pp
    return beside, tokens.tolist(), np.maximum(products, 0.0).tolist(), attention.tolist()


def _between(grid: Sequence[float], values: Sequence[float], at: float) -> float:
    """Linear between the points of a rising grid, in proportion beyond its last."""
    if at >= grid[-1]:
        return values[-1] * at / grid[-1]
    k = bisect_right(grid, at)
    if k == 0:
        return values[0]
    left, right = grid[k - 1], grid[k]
    return values[k - 1] + (values[k] - values[k - 1]) * (at - left) / (right - left)


def _product_seconds(times: _Times, tokens: int, count: int) -> float:
    """Seconds that prompts of `tokens` add beside `count` decoding sequences, but attention.

    What exceeds the budget comes in steps of its own, each with its launches.
    """
    low = 0
    if times.mixed and count:
        low = min(bisect_right(times.beside, count), len(times.beside)) - 1
    grid, values = times.tokens, times.products[low]
    full, rest = divmod(tokens * times.fresh, times.budget)
    launches = max(1, ceil(tokens * times.fresh / times.budget)) * times.launch_s
    if not full:
        return launches + _between(grid, values, rest)
    last = _between(grid, values, rest) if rest else 0.0
    return launches + full * _between(grid, values, times.budget) + last


def _run(times: _Times, sent: list[float], lengths: _Lengths, rounds: int) -> Simulation:
    prompts, answers, total = *lengths, len(sent)
    front = [times.request_s + times.token_s * tokens for tokens in prompts]
    attention = np.interp(prompts, times.tokens, times.attention).tolist()
    known = sum(map(isfinite, sent))
    seen = sorted((sent[k] + front[k], k) for k in range(known))
    first, last = [0.0] * total, [0.0] * total
    running, waiting = list[tuple[int, int]](), deque[int]()
    now, step, context, count, done, changes = 0.0, 0, 0, 0, 0, 0
    base, slope, slots, poll, look = times.base, times.per_token, times.slots, times.poll, 0
    while done < total:
        while seen and seen[0][0] <= now:
            waiting.append(heappop(seen)[1])
        if waiting and count < slots and (count == 0 or (step - look) % poll == 0):
            changes += 1
            group, tokens = _take(waiting, prompts, slots - count, times.budget / times.fresh)
            chunks = max(1, ceil(tokens * times.fresh / times.budget))
            work = _product_seconds(times, tokens, count) + sum(attention[k] for k in group)
            if times.mixed and count:
                work += chunks * (base[count] + slope[count] * context)
                step += chunks
                context += chunks * count
            each = work / chunks
            now += work
            for k in group:
                first[k] = now
                heappush(running, (step + answers[k] - 1, k))
                context += prompts[k]
            now += times.held * work
            count += len(group)
            look = step
        elif count == 0:
            now = seen[0][0]
            continue
        else:
            ahead = running[0][0] - step
            each, growth = base[count] + slope[count] * context, slope[count] * count
            span = ahead * each + growth * ahead * (ahead - 1) / 2.0
            if count < slots and (waiting or (seen and now + span > seen[0][0])):
                soon = 1 if waiting else max(1, ceil((seen[0][0] - now) / each))
                soon += (look - step - soon) % poll  # up to the next look at the queue
                ahead = min(ahead, soon)
                span = ahead * each + growth * ahead * (ahead - 1) / 2.0
            now += span
            step += ahead
            context += ahead * count
        while running and running[0][0] <= step:
            end, k = heappop(running)
            last[k] = now - (step - end) * each
            context -= prompts[k] + answers[k] - 1
            count -= 1
            done += 1
            changes += 1
            if known < total:
                # The engine sees a client's next request when the interface has dealt with it.
                sent[known] = last[k]
                heappush(seen, (last[k] + front[known], known))
                known += 1
    return _summary(sent, first, last, lengths, changes, rounds)


def _take(
    waiting: deque[int], prompts: list[int], room: int, budget: float
) -> tuple[list[int], int]:
    """Prompts for one step: first come, first served, up to the budget, one at least."""
    group, tokens = [waiting.popleft()], 0
    tokens = prompts[group[0]]
    while waiting and len(group) < room and tokens + prompts[waiting[0]] <= budget:
        k = waiting.popleft()
        group.append(k)
        tokens += prompts[k]
    return group, tokens


def _summary(
    sent: list[float],
    first: list[float],
    last: list[float],
    lengths: _Lengths,
    changes: int,
    clients: int,
) -> Simulation:
    """Return what happened; of clients that go on for ever, without their first and last round."""
    start, begin, end = np.array(sent), np.array(first), np.array(last)
    prompts, size = np.array(lengths[0], float), np.array(lengths[1], float)
    after = np.where(size > 1, (end - begin) / np.maximum(size - 1, 1), np.nan)
    span = float(end.max() - start.min())
    arrivals = float(start.max() - start.min())
    before, whole = begin - start, end - start
    if clients and len(sent) > 2 * clients:
        kept = slice(clients, len(sent) - clients)
        before, after, whole = before[kept], after[kept], whole[kept]
        prompts, size = prompts[kept], size[kept]
        span = float(whole.sum()) / clients  # each client is always waiting for an answer
    return Simulation(
        before, after, whole, span, arrivals, float(prompts.sum()), float(size.sum()), changes
    )
