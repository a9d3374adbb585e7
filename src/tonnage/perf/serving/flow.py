"""Steady flow of requests through a deployment: batch, rates and mean latencies.

Closed loop, offline and open arrivals share one balance: while a sequence gains its tokens, the
prompts of the others take time from it. With X requests a second per replica, S seconds of prefill
a prompt, p pipeline stages and t(b) the decode step:

    TPOT = t(b) / (1 - X'·S/p),   X = b / (TTFT + o·TPOT)

where X' leaves out the sequence's own prompt. A static batch is prefilled, then decoded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.arrivals import BUSIEST, met, most_served, open_batch, prompts_met, riding
from tonnage.perf.serving.case import Cases
from tonnage.perf.serving.memory import Capacity, capacity
from tonnage.perf.serving.prompts import (
    budgets,
    entry_seconds,
    first_share,
    joint_prompts,
    kind_is,
    lockstep,
    mean_context,
    one_prompt,
    where_some,
)
from tonnage.perf.serving.ranks import held_closed, slowed_open
from tonnage.perf.serving.step import Step, decode_step
from tonnage.workload import Arrivals

CLOSED_WAIT = 0.25
"""Wait of closed-loop clients over that of random arrivals: they send only when an answer ends, and
steps with prompts delay that. As the event simulation shows."""
LOCKSTEP = 1.15
"""Mean wait of C clients with equal requests over S·ln C: they stay in the groups in which they
started. Fitted on NVIDIA's own H100 runs with equal lengths."""


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """What a deployment does in the mean; seconds, axis [case]."""

    capacity: Capacity
    batch: Number
    """Sequences that decode at once in one replica."""
    decode: Step
    prefill: Step
    """Of one prompt, as it adds to the steps it rides in."""
    prompt_s: Number
    """S: seconds of device time that one prompt takes from a replica."""
    own_s: Number
    """From first being scheduled to the first token."""
    queue_s: Number
    """Mean wait before that, behind other prompts."""
    memory_wait_s: Number
    """Mean wait for room in the cache."""
    first_wave_s: Number
    """Mean wait in the first wave, when all clients start at once."""
    ttft_s: Number
    tpot_s: Number
    e2e_s: Number
    requests_per_s: Number
    """Of the whole deployment."""
    most_per_s: Number
    """Requests/s with every slot taken, where arrivals are open; else `requests_per_s`."""
    stalls: Number
    """Share of a decoding sequence's time spent on the prompts of others, ..."""
    met: Number
    """... how many of its own replica they are, of open arrivals, ..."""
    busy: Number
    """... and the share of a replica's time that prompts take."""
    overload: Number
    """1 where open arrivals exceed what the deployment can do."""
    turn_s: Number
    """Part of `queue_s` that every closed client waits for its turn on a busy device."""
    growth_s: Number
    """What one more sequence adds to a step of open arrivals; else 0."""


def solve(cases: Cases, room: Capacity | None = None) -> Flow:
    """Return the flow of every case; the formulas stand in the module's head."""
    load, layout = cases.load, cases.layout
    room = capacity(cases) if room is None else room
    slots = np.maximum(room.sequences, 1.0)
    offline, opened = kind_is(cases, Arrivals.OFFLINE), kind_is(cases, Arrivals.OPEN)
    asked = np.where(offline, load.requests, load.concurrency) / layout.dp
    asked = np.where(opened, slots, np.maximum(asked, 1.0))
    running = np.minimum(asked, np.where(slots > 2.0, np.floor(slots), slots))
    closed, static = kind_is(cases, Arrivals.CLOSED), kind_is(cases, Arrivals.STATIC)
    group = np.where(lockstep(cases), np.maximum(LOCKSTEP * np.log(running), 1.0), 1.0)
    # In the mean as many answers end in a step, and as many prompts come into it.
    ending = where_some(running * load.tokens_per_step / load.output)
    group = np.where(closed & ~lockstep(cases), ending, group)
    together = np.where(closed | opened, group, running)
    decode = decode_step(cases, running / layout.pp, mean_context(cases))
    joint = joint_prompts(cases, together, running)
    batch, overload, most = running, np.zeros_like(running), np.ones_like(running)
    beside = running
    if np.any(opened):
        full, extra, _ = one_prompt(cases, np.where(opened, joint, together), joint, running)
        most = most_served(cases, running, decode.total, full.total + extra)
        overload = np.where(opened & (load.rate / layout.dp > most), 1.0, 0.0)
        beside = riding(cases, running)
        together, joint = met(cases, together, joint, beside)
    prompt, attention, spared = one_prompt(cases, together, joint, beside)
    prompt_s = prompt.total + attention
    if np.any(opened):
        batch = open_batch(cases, decode, prompt_s, running, most)
    share = _decoding_share(cases, decode, prompt_s, batch)
    batch = np.where(static | opened, batch, np.maximum(batch * share, 1.0))
    # A random arrival finds the mean batch and adds itself to it.
    seen = np.where(opened, batch + 1.0, batch)
    decode = decode_step(cases, seen / layout.pp, mean_context(cases))
    growth = np.zeros_like(seen)
    if np.any(opened):
        further = decode_step(cases, (seen + 1.0) / layout.pp, mean_context(cases))
        growth = np.where(opened, np.maximum(further.total - decode.total, 0.0), 0.0)
    whole = Step(
        prompt.products, prompt.experts, prompt.attention + attention, prompt.collectives,
        prompt.overhead,
    )  # fmt: skip
    return _latencies(cases, room, running, batch, decode, whole, overload, spared, most, growth)


def _decoding_share(cases: Cases, decode: Step, prompt_s: Number, running: Number) -> Number:
    """Share of a request's stay in which it decodes, the rest being its own prefill."""
    load = cases.load
    steps = load.output / load.tokens_per_step
    own = running * prompt_s / cases.layout.pp
    held = own * held_closed(cases, own, steps * decode.total) - prompt_s / cases.layout.pp
    busy = steps * decode.total + held
    return busy / (busy + prompt_s)


def _latencies(
    cases: Cases,
    room: Capacity,
    running: Number,
    batch: Number,
    decode: Step,
    prompt: Step,
    overload: Number,
    spared: Number,
    most: Number,
    growth: Number,
) -> Flow:
    load, layout, engine = cases.load, cases.layout, cases.engine
    static, opened = kind_is(cases, Arrivals.STATIC), kind_is(cases, Arrivals.OPEN)
    steps = np.maximum(load.output / load.tokens_per_step, 1.0)
    prompt_s, share = prompt.total, prompt.total / layout.pp
    # Demand beyond memory waits; engines that set aside less than the whole output preempt.
    waves = _waves(cases, running)
    again = 1.0 + engine.preemption * np.minimum(waves - 1.0, 1.0)
    step_s = decode.total * again
    arriving = np.minimum(load.rate / layout.dp * share, BUSIEST)
    held = held_closed(cases, running * share, steps * step_s)
    fullest = np.minimum(arriving, most * share)  # a flood leaves no more time to prompts
    slowed = np.where(opened, slowed_open(cases, fullest), 1.0)
    # Prompts of all ranks that step together, but the sequence's own.
    prompts = running * share * held - share
    stall = np.where(opened, arriving, prompts / np.maximum(steps * step_s + prompts, 1e-12))
    tpot = step_s / (1.0 - np.where(static, 0.0, stall)) / load.tokens_per_step
    own, queue, first = _waits(cases, running, batch, stall, prompt_s, decode.total * slowed)
    own = own + spared  # a shared step is no shorter for each of those in it
    busy = stall
    met, extra = _stalled(cases, share, busy, step_s, slowed, queue)
    tpot = np.where(opened, (step_s + extra) / load.tokens_per_step, tpot)
    stall = np.where(opened, extra / np.maximum(step_s + extra, 1e-12), stall)
    # Prompts that a client waited for before its own do not stall it again.
    before = np.maximum(queue - first_share(cases) * first, 0.0)
    others = np.minimum(np.maximum(prompts - before, 0.0) / steps, _step_of_prompts(cases, share))
    closed = kind_is(cases, Arrivals.CLOSED) & ~lockstep(cases)
    tpot = np.where(closed, (step_s + others) / load.tokens_per_step, tpot)
    stall = np.where(closed, others / np.maximum(step_s + others, 1e-12), stall)
    # Prompts first and all clients in step: they are prefilled, then all decode undisturbed.
    paused = lockstep(cases) & (engine.mixed <= 0)
    stalled = np.maximum(prompts - queue, 0.0) / steps
    tpot = np.where(paused, step_s / load.tokens_per_step + stalled, tpot)
    stay = own + queue + np.maximum(load.output - 1.0, 0.0) * tpot
    cycle = steps * step_s + running * share * held
    cycle = np.where(opened, running / most, cycle)
    least = _round(cases, running, step_s, share)
    late = np.where(kind_is(cases, Arrivals.CLOSED), np.maximum(least - stay, 0.0), 0.0)
    queue, stay = queue + late, stay + late
    rate, memory_wait, span = _rates(cases, running, waves, stay, cycle)
    e2e = np.where(static, span, stay + memory_wait)
    tpot = np.where(load.output > 1.0, tpot, 0.0)  # the first token comes from the prompt
    return Flow(
        room, batch, decode, prompt, prompt_s, own, queue, memory_wait, first,
        own + queue + memory_wait, tpot, e2e, rate * layout.dp,
        np.where(opened, running / cycle, rate) * layout.dp, np.where(static, 0.0, stall),
        met, busy, overload, late, growth / load.tokens_per_step,
    )  # fmt: skip


def _stalled(
    cases: Cases, share: Number, busy: Number, step_s: Number, slowed: Number, queue: Number
) -> tuple[Number, Number]:
    """Prompts that an open arrival meets; what they and those of ranks in step add to a step."""
    met = prompts_met(cases, share, busy, step_s * slowed, queue)
    gained = np.maximum((cases.load.output - 1.0) / cases.load.tokens_per_step, 1e-12)
    return met, met * share / gained + (slowed - 1.0) * step_s


def _round(cases: Cases, running: Number, step_s: Number, share: Number) -> Number:
    """Least seconds of a client's round: while it waits the device serves all the others."""
    steps = cases.load.output / cases.load.tokens_per_step
    least = np.maximum(cases.load.output - 1.0, 0.0) / cases.load.tokens_per_step
    chunks = cases.engine.mixed * np.maximum(budgets(cases) - 1.0, 0.0)  # beyond one step
    least = np.maximum(least, running * chunks) * step_s + running * share
    return least + _gathered(running, np.maximum(steps, 1.0)) * entry_seconds(cases)


def _gathered(running: Number, steps: Number) -> Number:
    """How far clients have gathered, 0 to 1: the device idles while all are in the interface.

    As the event simulation shows: none where two answers end in a step, all from four.
    """
    return np.clip((running / steps - 2.0) / 2.0, 0.0, 1.0)


def _step_of_prompts(cases: Cases, share: Number) -> Number:
    """Seconds of prompts in one step at most: the budget's, where they ride along with decoding."""
    return np.where(cases.engine.mixed > 0, share / budgets(cases), np.inf)


def _asked(cases: Cases) -> Number:
    """Sequences that one replica is asked to run at once."""
    offline = kind_is(cases, Arrivals.OFFLINE)
    return np.where(offline, cases.load.requests, cases.load.concurrency) / cases.layout.dp


def _waves(cases: Cases, running: Number) -> Number:
    """Sequences asked for over those that run, at least 1.

    A static engine that sets aside whole outputs runs equal requests in whole waves. Clients that
    wait for room cost nothing: published runs beyond memory lie nearer to that (28 % against 31 %
    over 36 rows) than with the preemption that offline floods show.
    """
    waves = np.maximum(_asked(cases) / running, 1.0)
    whole = kind_is(cases, Arrivals.STATIC) & (cases.engine.reserved_output >= 1.0)
    waves = np.where(whole, np.ceil(waves - 1e-9), waves)
    flood = kind_is(cases, Arrivals.STATIC) | kind_is(cases, Arrivals.OFFLINE)
    return np.where(flood, waves, 1.0)


def _waits(
    cases: Cases, running: Number, batch: Number, stall: Number, prompt_s: Number, step_s: Number
) -> tuple[Number, Number, Number]:
    """Seconds from being scheduled to the first token, of waiting before, and of the first wave.

    Open: W = S/p·rho / (2(1-rho)) (M/D/1). Closed with random lengths: `CLOSED_WAIT` of that; a
    finite run adds its share of the first wave, (C-1)/2·S. Closed and equal: see `LOCKSTEP`.
    """
    load, layout, engine = cases.load, cases.layout, cases.engine
    static, opened = kind_is(cases, Arrivals.STATIC), kind_is(cases, Arrivals.OPEN)
    fresh = np.maximum(load.input * (1.0 - load.hit), 1.0)
    chunks = fresh / np.minimum(engine.prefill_tokens, fresh)
    # Half a running step passes before a prompt is taken, unless an arrival finds none.
    found = np.where(opened, -np.expm1(-batch), 1.0)
    beside = np.where(running > 1.5, (engine.mixed * chunks + 0.5 * found) * step_s, 0.0)
    before = entry_seconds(cases)
    own = prompt_s + beside + before
    pipelined = prompt_s * (running + layout.pp - 1.0) / layout.pp
    own = np.where(static, pipelined + engine.request_s, own)
    burst = prompt_s + engine.mixed * step_s * fresh / engine.prefill_tokens
    first = (running - 1.0) / 2.0 * burst
    busy = np.clip(stall, 0.0, BUSIEST)
    random = burst * busy / (2.0 * (1.0 - busy))
    steady = np.minimum(CLOSED_WAIT * random, first)
    # In a pipeline the next prompt starts when the first stage is done with this one.
    queue = np.where(opened, random / layout.pp, steady + (first - steady) * first_share(cases))
    group = np.minimum(running, np.maximum(engine.prefill_tokens / fresh, 1.0))
    in_turn = (running + group - 2.0) / 2.0 * prompt_s
    together = np.where(engine.mixed > 0, LOCKSTEP * burst * np.log(running), in_turn)
    queue = np.where(lockstep(cases), together, queue)
    queue = queue + _unseen(cases, running, batch, prompt_s, step_s)
    return own, np.where(static, 0.0, queue), first


def _unseen(
    cases: Cases, running: Number, batch: Number, prompt_s: Number, step_s: Number
) -> Number:
    """(P-1)/2 steps until the engine looks at its queue, and the prompts it then finds together.

    An idle engine looks at once: open arrivals meet a batch with probability 1 - exp(-b), the
    sequences in service being Poisson about their mean b.
    """
    load, steps = cases.load, cases.engine.poll_steps
    apart = np.maximum(steps - 1.0, 0.0) * step_s
    cycle = np.maximum(load.output / load.tokens_per_step * step_s + running * prompt_s, 1e-12)
    others = np.minimum(running / cycle * apart, running - 1.0)
    closed = np.where(running > 1.5, apart / 2.0 + others * prompt_s, 0.0)
    arriving = np.minimum(load.rate / cases.layout.dp * apart, running)
    met = -np.expm1(-batch) * (apart / 2.0 + arriving * prompt_s)
    return np.where(kind_is(cases, Arrivals.OPEN), met, closed)


def _rates(
    cases: Cases, running: Number, waves: Number, stay: Number, cycle: Number
) -> tuple[Number, Number, Number]:
    """Requests/s of a replica, mean wait for room in the cache, and time of a static run."""
    load, engine = cases.load, cases.engine
    static, opened = kind_is(cases, Arrivals.STATIC), kind_is(cases, Arrivals.OPEN)
    offline, asked = kind_is(cases, Arrivals.OFFLINE), _asked(cases)
    # Fewer clients than replicas leave some idle; more arrivals than can be served pile up.
    closed = running / stay * np.minimum(asked / running, 1.0)
    rate = np.where(opened, np.minimum(load.rate / cases.layout.dp, running / cycle), closed)
    rate = np.where(offline, np.minimum(running, asked) / cycle, rate)
    wait = np.where(opened | static, 0.0, np.maximum(asked - running, 0.0) / rate)
    wait = np.where(offline, asked / rate / 2.0, wait)
    again = 1.0 + engine.preemption * np.minimum(waves - 1.0, 1.0)
    span = stay * waves * np.where(static, again, 1.0)
    return np.where(static, asked / span, rate), wait, span
