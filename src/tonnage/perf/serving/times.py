"""Times of steps and prompts of one replica as plain lists, for a loop without NumPy.

Step and prompt times are those of the closed forms, tabulated by batch and by prompt tokens.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tonnage.perf.serving.arrivals import most_served
from tonnage.perf.serving.attention import prefill_attention
from tonnage.perf.serving.case import Cases, repeated
from tonnage.perf.serving.memory import capacity
from tonnage.perf.serving.prompts import prompt_seconds
from tonnage.perf.serving.ranks import slowed_closed, slowed_open
from tonnage.perf.serving.step import RAMP, decode_step, launch_seconds, prefill_step

_GRID = 24
"""Batch sizes at which the step time is computed; between them it is interpolated."""
_BESIDE = 7
"""Batch sizes beside which the time of prompts is computed, and ..."""
_PROMPTS = 14
"""... numbers of prompt tokens, both with interpolation between."""


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Seconds of steps and prompts of one replica, and what its memory holds."""

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
    rows: list[float]
    """Tokens of a step with prompts at which `launches` stands: ..."""
    launches: list[float]
    """... what its launches add."""
    fresh: float
    """Share of a prompt that is not in the prefix cache."""
    slots: int
    """Sequences that run at once, where memory allows."""
    room: float
    """Tokens of context that the caches hold."""
    block: float
    """Tokens that a sequence loses to its last, half-filled block."""
    admitted: float
    """`Engine.admitted_output`."""
    keeps: bool
    """`Engine.keeps_freed`."""
    budget: float
    mixed: bool
    request_s: float
    """Before the engine sees a request: interface, ..."""
    token_s: float
    """... and tokenizer, per prompt token."""
    poll: int
    """Decoding steps between two looks at the queue."""
    behind: float
    """Pipeline stages after the first: a prompt passes them when the first has taken the next."""

    def attention_s(self, tokens: float) -> float:
        """Return the seconds of one prompt's attention."""
        return _between(self.tokens, self.attention, tokens)

    def products_s(self, tokens: float, count: int) -> float:
        """Return the seconds that prompts of `tokens` add beside `count` sequences, but attention.

        What exceeds the budget comes in steps of its own, each with its launches.
        """
        low = 0
        if self.mixed and count:
            low = min(bisect_right(self.beside, count), len(self.beside)) - 1
        grid, values = self.tokens, self.products[low]
        full, rest = divmod(tokens * self.fresh, self.budget)
        beside = count if self.mixed else 0
        last = 0.0
        if rest or not full:
            last = self.launch_s(rest + beside) + _between(grid, values, rest)
        if not full:
            return last
        return full * (self.launch_s(self.budget) + _between(grid, values, self.budget)) + last

    def launch_s(self, rows: float) -> float:
        """Return the seconds that the launches of a step of so many tokens add."""
        if rows >= self.rows[-1]:
            return self.launches[-1]
        return _between(self.rows, self.launches, rows)


def tabulate(
    cases: Cases, prompts: Sequence[float], most: int, *, decoding_only: bool = False
) -> Times:
    """Return the times of one case for prompts of such tokens, `most` of them at once.

    Prompts of other ranks that step with this one make its decoding steps longer in the mean,
    unless they are `decoding_only`.
    """
    room, block = _room(cases)
    fitting = room / (min(prompts) + block)
    slots = int(max(1.0, min(fitting, float(cases.engine.max_sequences[0]), most)))
    longest = float(max(prompts))
    grid = np.unique(np.rint(np.geomspace(1, slots, _GRID)))
    wide = repeated(cases, len(grid))
    pp = float(cases.layout.pp[0])
    near = float(cases.load.input[0])
    far = near + max(float(cases.load.output[0]), 1.0)
    low = decode_step(wide, grid / pp, np.full(len(grid), near)).total
    high = decode_step(wide, grid / pp, np.full(len(grid), far)).total
    slope = (high - low) / (far - near) / grid
    sizes = np.arange(slots + 1)
    gain = float(cases.load.tokens_per_step[0]) / (1.0 if decoding_only else _slowed(cases))
    base = np.interp(sizes, grid, low - slope * grid * near) / gain
    mixed = bool(cases.engine.mixed[0] > 0)
    budget = float(cases.engine.prefill_tokens[0])
    beside, tokens, products, attention = _prompts(
        cases, slots if mixed else 0, max(budget, longest)
    )
    captured = max(float(cases.engine.captured_tokens[0]), 1.0)
    rows = [part * captured for part in RAMP]
    return Times(
        base=base.tolist(),
        per_token=(np.interp(sizes, grid, slope) / gain).tolist(),
        beside=beside,
        tokens=tokens,
        products=products,
        attention=attention,
        rows=rows,
        launches=(launch_seconds(repeated(cases, len(rows)), np.array(rows)) / pp).tolist(),
        fresh=1.0 - float(cases.load.hit[0]),
        slots=slots,
        room=room,
        block=block,
        admitted=float(cases.engine.admitted_output[0]),
        keeps=bool(cases.engine.keeps_freed[0] > 0),
        budget=budget,
        mixed=mixed,
        request_s=float(cases.engine.request_s[0]),
        token_s=float(cases.engine.prefill_s_per_token[0]),
        poll=max(1, round(float(cases.engine.poll_steps[0]))),
        behind=pp - 1.0,
    )


def _room(cases: Cases) -> tuple[float, float]:
    """Tokens of context that fit into a replica's caches, and those lost per sequence."""
    found = capacity(cases)
    free = found.usable - found.weights - found.activations - found.reserve
    tokens = free / np.maximum(found.cache_per_token, 1e-9)
    return float(tokens[0]), float(cases.engine.block_tokens[0]) / 2.0


def _slowed(cases: Cases) -> float:
    """Return what prompts of the other ranks in step make of a decoding step."""
    load, layout = cases.load, cases.layout
    prompt_s = prompt_seconds(cases) / layout.pp
    slots = np.minimum(capacity(cases).sequences, cases.engine.max_sequences)
    slots = np.maximum(np.floor(slots), 1.0)
    opened = bool(load.rate[0] > 0)
    running = slots if opened else np.clip(load.concurrency / layout.dp, 1.0, slots)
    step = decode_step(cases, running / layout.pp, load.input + load.output / 2.0).total
    if opened:
        # A flood leaves no more time to prompts than full slots do.
        most = most_served(cases, running, step, prompt_s * layout.pp)
        share = np.minimum(load.rate / layout.dp, most) * prompt_s
        return float(slowed_open(cases, share)[0])
    decoding = load.output / load.tokens_per_step * step
    return float(slowed_closed(cases, running * prompt_s, decoding)[0])


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
