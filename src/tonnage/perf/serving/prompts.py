"""What prompts take of a replica's time, and how many share a step."""

from __future__ import annotations

import numpy as np

from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.attention import prefill_attention
from tonnage.perf.serving.case import ENDLESS, KINDS, Cases
from tonnage.perf.serving.step import Step, launch_seconds, prefill_step
from tonnage.workload import Arrivals


def kind_is(cases: Cases, kind: Arrivals) -> Number:
    """Return where the cases' load is of one kind."""
    return cases.load.kind == KINDS.index(kind)


def lockstep(cases: Cases) -> Number:
    """Return where equal requests of a finite closed run stay in the groups they started in."""
    load = cases.load
    finite = (load.spread <= 0.0) & (load.requests < ENDLESS)
    return finite & kind_is(cases, Arrivals.CLOSED)


def mean_context(cases: Cases) -> Number:
    """Mean context of a decoding sequence: the prompt and half of the output."""
    return cases.load.input + cases.load.output / 2.0


def one_prompt(
    cases: Cases, together: Number, joint: Number, running: Number
) -> tuple[Step, Number, Number]:
    """Time that one prompt adds: its step, its attention, and what sharing a step spared it.

    `together` prompts wait to share steps; `joint` share their launches.
    """
    load, engine = cases.load, cases.engine
    fresh = np.maximum(load.input * (1.0 - load.hit), 1.0)
    tokens = np.minimum(engine.prefill_tokens, fresh * together)
    beside = np.where(kind_is(cases, Arrivals.STATIC), 0.0, running - 1.0)
    step = prefill_step(cases, tokens, tokens / fresh, beside / cases.layout.pp)
    scale = fresh / tokens
    rows = np.minimum(engine.prefill_tokens, fresh * joint) + beside * engine.mixed
    late = launch_seconds(cases, rows) * np.maximum(budgets(cases), 1.0)
    parts = Step(
        step.products * scale, step.experts * scale, step.attention * scale,
        step.collectives * scale, step.overhead * scale + late / joint,
    )  # fmt: skip
    spared = np.where(lockstep(cases), 0.0, late * (1.0 - 1.0 / joint))
    return parts, prefill_attention(cases, np.maximum(load.input, 1.0)), spared


def prompt_seconds(cases: Cases) -> Number:
    """Seconds of device time that one prompt alone takes from a replica."""
    one = np.ones_like(cases.load.input)
    parts, attention, _ = one_prompt(cases, one, one, one)
    return parts.total + attention


def entry_seconds(cases: Cases) -> Number:
    """Seconds before the engine sees a request: interface, and tokenizer per prompt token."""
    return cases.engine.request_s + cases.load.input * cases.engine.prefill_s_per_token


def first_share(cases: Cases) -> Number:
    """Share of a finite closed run's requests that belong to its first wave, else 0."""
    load = cases.load
    share = np.minimum(np.maximum(load.concurrency, 1.0) / load.requests, 1.0)
    finite = (load.requests < ENDLESS) & kind_is(cases, Arrivals.CLOSED)
    return np.where(finite, share, 0.0)


def joint_prompts(cases: Cases, together: Number, running: Number) -> Number:
    """Prompts that share a step: those that start together, else those that come in meanwhile.

    j prompts that share a step come in P·t + C·j + A seconds (t a decoding step, P of them until
    the engine looks, C a prompt's own time, A the step's) at b / (o·t + b·(C + A/j)) a second;
    solved for j that is P·b / o, whatever the chip. Ends come at random, and a step without one
    takes no prompts: j / (1 - exp(-j)) share a step that has some.
    """
    load, engine = cases.load, cases.engine
    fresh = np.maximum(load.input * (1.0 - load.hit), 1.0)
    most = np.maximum(engine.prefill_tokens / fresh, 1.0)
    coming = where_some(engine.poll_steps * running * load.tokens_per_step / load.output)
    return np.clip(np.where(lockstep(cases), together, coming), 1.0, most)


def where_some(mean: Number) -> Number:
    """Mean of a Poisson number where it is not 0: m / (1 - exp(-m))."""
    return mean / -np.expm1(-np.maximum(mean, 1e-12))


def budgets(cases: Cases) -> Number:
    """Return how many steps' budgets one prompt takes."""
    fresh = np.maximum(cases.load.input * (1.0 - cases.load.hit), 1.0)
    return fresh / cases.engine.prefill_tokens
