"""The order of events in one replica: who is admitted, who ends, who gives up its cache.

Between two changes of the batch every step differs from the last only by the growth of the
contexts, so k steps take k·t + g·k(k-1)/2 at once. A prompt is admitted while the caches hold it,
with the share of tokens still to come that the engine sets aside. Where running sequences outgrow
the caches, the one admitted last gives up its own, and is computed again from prompt and answer so
far when there is room (vLLM's documentation of preemption; SGLang calls it retraction).
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import ceil, inf, isfinite, sqrt

import numpy as np

from tonnage.perf.serving.times import Times

Lengths = tuple[list[int], list[int]]
"""Tokens of prompts and of answers, in the order of arrival."""


ENDLESS = 1 << 60
"""Steps that caches with room for all allow."""
KNOWN = 50_000
"""Steps of prompts whose time is kept."""


@dataclass(frozen=True, slots=True)
class Played:
    """When each request was sent, answered first and last, seconds."""

    sent: list[float]
    first: list[float]
    last: list[float]
    changes: int
    preempted: int


@dataclass(slots=True)
class _Batch:
    """Sequences that run, and the tokens their caches hold."""

    times: Times
    prompts: list[int]
    answers: list[int]
    made: list[int]
    """Tokens of an answer made before its cache was given up."""
    ends: list[int]
    """Step in which a running sequence ends; -1 of others."""
    running: list[tuple[int, int]] = field(default_factory=list)
    """Heap of ends and requests; entries that `ends` no longer holds are stale."""
    order: list[int] = field(default_factory=list)
    """Requests in the order of admission; those that no longer run are stale."""
    step: int = 0
    context: int = 0
    count: int = 0
    ending: int = 0
    """Sum of `ends` of those that run."""
    preempted: int = 0
    ample: bool = False
    """Whether the caches hold whatever may run at once: nothing then has to be counted."""
    written: int = 0
    """Tokens whose cache has been written so far."""
    given_up: dict[int, int] = field(default_factory=dict)
    """`written` when a waiting request gave up its cache."""
    known: dict[tuple[float, int], float] = field(default_factory=dict)
    """Seconds of `Times.products_s` by prompt tokens and batch: prompts are often alike."""

    def admits(self, k: int, group: int = 0, tokens: int = 0, ahead: int = 0) -> bool:
        """Return whether there is room for k and one more step.

        Beside a group that holds `tokens`, with `ahead` tokens still to come.
        """
        count = self.count + group
        if count >= self.times.slots:
            return False
        if not count:
            return True
        if self.ample:
            return True
        times = self.times
        held = self.context + tokens + self.prompts[k] + self.made[k]
        coming = self.ending - self.count * self.step + self.answers[k] - self.made[k] + ahead
        taken = held + (count + 1) * (times.block + 1.0) + times.admitted * coming
        return taken <= times.room

    def take(self, waiting: deque[int], alone: Sequence[float]) -> tuple[list[int], float, float]:
        """Return prompts for one step, their tokens to compute, and the seconds of attention.

        First come, first served; the first of `waiting` is known to have room. `alone` are the
        seconds of each prompt's attention; what is computed again looks back on all it has.
        """
        times, group, held, ahead, tokens, seconds = self.times, list[int](), 0, 0, 0.0, 0.0
        most = times.budget / times.fresh
        while waiting:
            k = waiting[0]
            made, prompt = self.made[k], self.prompts[k]
            new = self.again(k) if made else prompt * times.fresh
            more = new / times.fresh
            if group and (tokens + more > most or not self.admits(k, len(group), held, ahead)):
                break
            waiting.popleft()
            group.append(k)
            size = prompt + made
            tokens += more
            held += size
            ahead += self.answers[k] - made
            if made:
                kept = size - min(new, size)
                seconds += times.attention_s(size) - (times.attention_s(kept) if kept else 0.0)
            else:
                seconds += alone[k]
        return group, tokens, seconds

    def again(self, k: int) -> float:
        """Return the tokens of a request to compute that were lost since it gave up its cache."""
        times = self.times
        whole = self.prompts[k] * times.fresh + self.made[k]
        if not times.keeps:
            return whole
        return max(1.0, min(whole, self.written - self.given_up[k]))

    def grow(self, steps: int) -> None:
        """Let every running sequence gain a token in each of the steps."""
        self.step += steps
        self.context += steps * self.count
        self.written += steps * self.count

    def prompt_step(self, tokens: float, attention_s: float) -> tuple[float, float, float]:
        """Return the seconds of prompts with what rides along, of one step, and in later stages."""
        times, count = self.times, self.count
        chunks = max(1, ceil(tokens * times.fresh / times.budget))
        key = tokens, count if times.mixed else 0
        products = self.known.get(key)
        if products is None:
            products = times.products_s(tokens, count)
            if len(self.known) < KNOWN:
                self.known[key] = products
        work = products + attention_s
        further = times.behind * work
        if times.mixed and count:
            work += chunks * (times.base[count] + times.per_token[count] * self.context)
            self.grow(chunks)
        return work, work / chunks, further

    def add(self, group: list[int]) -> None:
        """Let a group run, its first token made."""
        for k in group:
            end = self.step + self.answers[k] - self.made[k] - 1
            self.ends[k] = end
            self.ending += end
            heappush(self.running, (end, k))
            self.order.append(k)
            self.context += self.prompts[k] + self.made[k]
            self.written += self.prompts[k] + self.made[k]
        self.count += len(group)

    def next_end(self) -> int:
        """Return the step in which the next sequence ends."""
        while self.ends[self.running[0][1]] != self.running[0][0]:
            heappop(self.running)
        return self.running[0][0]

    def jump(self, room: int, until: float, looked: int) -> tuple[int, float, float]:
        """Return steps to the next change of the batch, their seconds, and those of the first.

        `until` the next look at the queue after so many seconds, `looked` steps after the last one.
        """
        times, count = self.times, self.count
        ahead = min(self.next_end() - self.step, room)
        slope = times.per_token[count]
        each, growth = times.base[count] + slope * self.context, slope * count
        span = ahead * each + growth * ahead * (ahead - 1) / 2.0
        if span > until:
            soon = _steps_until(until, each, growth)
            soon += -(looked + soon) % times.poll
            if soon < ahead:
                ahead = soon
                span = ahead * each + growth * ahead * (ahead - 1) / 2.0
        return ahead, span, each

    def ended(self) -> list[int]:
        """Let go of sequences that ended by now."""
        done = list[int]()
        while self.running and self.running[0][0] <= self.step:
            end, k = heappop(self.running)
            if self.ends[k] != end:
                continue
            self.ends[k] = -1 - end
            self.ending -= end
            self.context -= self.prompts[k] + self.answers[k] - 1
            done.append(k)
        self.count -= len(done)
        return done

    def steps_of_room(self) -> int:
        """Return how many steps the caches have room for."""
        times = self.times
        if self.ample or times.admitted >= 1.0 or self.count == 1:
            return ENDLESS
        return int((times.room - self.context - times.block * self.count) // self.count)

    def evict(self) -> int:
        """Let the sequence admitted last give up its cache, and return it."""
        k = self.order.pop()
        while self.ends[k] < 0:
            k = self.order.pop()
        end = self.ends[k]
        self.ends[k] = -1
        self.ending -= end
        self.made[k] = self.answers[k] - (end - self.step)
        self.context -= self.prompts[k] + self.made[k] - 1
        self.count -= 1
        self.given_up[k] = self.written
        self.preempted += 1
        return k


def play(times: Times, sent: list[float], lengths: Lengths) -> Played:
    """Play every request; those sent at infinity are clients' next ones."""
    prompts, answers = lengths
    total = len(sent)
    batch = _Batch(times, prompts, answers, [0] * total, [-1] * total)
    longest = max(prompts) + max(answers) + times.block + 1.0
    batch.ample = times.slots * longest <= times.room
    front = [times.request_s + times.token_s * tokens for tokens in prompts]
    attention = np.interp(prompts, times.tokens, times.attention).tolist()
    known = sum(map(isfinite, sent))
    # The next one last, where taking it out costs least.
    seen = sorted((-sent[k] - front[k], -k) for k in range(known))
    first, last, late = [0.0] * total, [0.0] * total, [0.0] * total
    waiting = deque[int]()
    now, done, changes, look = 0.0, 0, 0, 0
    slots, poll = times.slots, times.poll
    while done < total:
        while seen and -seen[-1][0] <= now:
            waiting.append(-seen.pop()[1])
        count, step = batch.count, batch.step
        looks = count == 0 or (step - look) % poll == 0
        free = bool(waiting) and count < slots and batch.admits(waiting[0])
        if free and looks:
            changes += 1
            group, tokens, seconds = batch.take(waiting, attention)
            work, each, further = batch.prompt_step(tokens, seconds)
            now += work
            for k in group:
                late[k] += further
                if not batch.made[k]:
                    first[k] = now + further
            batch.add(group)
            look = batch.step
        elif count == 0:
            now = -seen[-1][0]
            continue
        else:
            room = ENDLESS if batch.ample else batch.steps_of_room()
            while room < 1:  # what gives up its cache does not fit again at once
                waiting.appendleft(batch.evict())
                changes += 1
                room = batch.steps_of_room()
            arrives = not waiting and seen and count < slots
            until = 0.0 if free else -seen[-1][0] - now if arrives else inf
            ahead, span, each = batch.jump(room, until, step - look)
            now += span
            batch.grow(ahead)
        if batch.running[0][0] > batch.step:
            continue
        for k in batch.ended():
            last[k] = now - (batch.step + 1 + batch.ends[k]) * each + late[k]
            done += 1
            changes += 1
            if known < total:
                # The engine sees a client's next request when the interface has dealt with it.
                sent[known] = last[k]
                insort(seen, (-last[k] - front[known], -known))
                known += 1
    return Played(sent, first, last, changes, batch.preempted)


def _steps_until(span: float, each: float, growth: float) -> int:
    """Return the least k with k·each + growth·k(k-1)/2 >= span."""
    if growth <= 0.0:
        return max(1, ceil(span / each))
    half = each - growth / 2.0
    return max(1, ceil((sqrt(half * half + 2.0 * growth * span) - half) / growth))
