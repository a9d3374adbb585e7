"""Open arrivals: whom they meet, the batch they settle at, and the most that can be served."""

from __future__ import annotations

import numpy as np

from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.case import Cases
from tonnage.perf.serving.prompts import budgets, kind_is, mean_context, one_prompt
from tonnage.perf.serving.ranks import held_closed, slowed_open
from tonnage.perf.serving.step import Step, decode_step
from tonnage.workload import Arrivals

BUSIEST = 0.98
"""Largest share of time that prefill may take of an open system before it counts as overload."""


def riding(cases: Cases, running: Number) -> Number:
    """Sequences that a prompt meets: of open arrivals those that a light load keeps, and itself."""
    load, opened = cases.load, kind_is(cases, Arrivals.OPEN)
    if not np.any(opened):
        return running
    alone = decode_step(cases, np.ones_like(running), mean_context(cases)).total
    kept = load.rate / cases.layout.dp * load.output / load.tokens_per_step * alone
    return np.where(opened, np.minimum(kept + 1.0, running), running)


def met(cases: Cases, together: Number, joint: Number, beside: Number) -> tuple[Number, Number]:
    """Prompts that a random arrival shares its step with: itself, and λ·w that come in w seconds.

    w is the step that runs meanwhile: of decoding, or, in the share of time that prompts take, of
    prompts, j of which take A + C·j.
    """
    load, layout, engine = cases.load, cases.layout, cases.engine
    opened, rate = kind_is(cases, Arrivals.OPEN), load.rate / layout.dp
    ones = np.ones_like(beside)
    alone, attention, _ = one_prompt(cases, ones, ones, beside)
    pair, _, _ = one_prompt(cases, 2.0 * ones, 2.0 * ones, beside)
    each = np.maximum(2.0 * pair.total - alone.total, 0.0)
    fixed = np.maximum(alone.total - each, 0.0)
    each = each + attention
    step_s = decode_step(cases, beside / layout.pp, mean_context(cases)).total
    met = ones
    for _ in range(3):
        prompts_s = (fixed + each * met) / layout.pp
        busy = np.minimum(rate * prompts_s / met, BUSIEST)
        meanwhile = (1.0 - busy) * step_s + busy * (prompts_s + engine.mixed * step_s)
        met = np.clip(1.0 + rate * meanwhile, 1.0, np.maximum(1.0 / budgets(cases), 1.0))
    return np.where(opened, met, together), np.where(opened, met, joint)


def most_served(cases: Cases, running: Number, step_s: Number, prompt_s: Number) -> Number:
    """Requests/s of a replica with every slot taken, and steps as long as that makes them."""
    decoding = cases.load.output / cases.load.tokens_per_step * step_s
    prompts = running * prompt_s / cases.layout.pp
    return running / (decoding + prompts * held_closed(cases, prompts, decoding))


def open_batch(cases: Cases, decode: Step, prompt_s: Number, slots: Number, most: Number) -> Number:
    """Batch at which as many requests leave as arrive, or all slots; `most` leave then."""
    load, layout = cases.load, cases.layout
    rate = load.rate / layout.dp
    busy = rate * prompt_s / layout.pp
    slowed = slowed_open(cases, np.minimum(busy, most * prompt_s / layout.pp))
    steps = load.output / load.tokens_per_step
    slack = np.maximum(1.0 - busy, 1.0 - BUSIEST) / slowed
    batch = np.minimum(rate * steps * decode.total / slack, slots)
    for _ in range(6):
        step = decode_step(cases, (batch + 1.0) / layout.pp, mean_context(cases))
        batch = np.minimum(rate * steps * step.total / slack, slots)
    return np.where(kind_is(cases, Arrivals.OPEN), np.maximum(batch, 1e-6), slots)


def prompts_met(
    cases: Cases, share: Number, busy: Number, step_s: Number, waited: Number
) -> Number:
    """Prompts of others that stall a random arrival from its first token to its last.

    N = M·(1 - exp(-m/M)), m = λ·(S + W/n + d·t) / (1 - rho·(1 - 1/M)): those that came while it was
    in its own prompt, or waited for that and had no room in its step of n; and those that come
    while it decodes, longer for them. Where prompts ride along each takes a step, or as many as
    budgets: of d steps M = d over budgets at most.
    """
    load = cases.load
    steps = np.maximum(load.output - 1.0, 0.0) / load.tokens_per_step
    each = budgets(cases)
    rate = busy / np.maximum(share, 1e-12)
    coming = rate * (share + waited * np.minimum(each, 1.0) + steps * step_s)
    room = np.where(cases.engine.mixed > 0, steps / each, 1e12)
    some = np.maximum(room, 1.0)
    # Where one prompt outlasts the answer, those that come meanwhile stall it no more.
    again = np.maximum(1.0 - busy * (1.0 - 1.0 / some), 1.0 - BUSIEST)
    capped = -some * np.expm1(-coming / again / some)
    return np.where(steps > 0, capped * np.minimum(room, 1.0), 0.0)
