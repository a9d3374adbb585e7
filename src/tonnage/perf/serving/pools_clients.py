"""Closed clients of two pools, played: each sends again when its last token has come.

When a request is sent depends on those that end before it. From a guess of all times on, the pools
are played again and again with the times that the last play tells; every play fixes one more round
of the clients, and the times are those of the clients when they no longer move.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tonnage.perf.serving.pools_load import PoolsAtLoad
from tonnage.perf.serving.pools_play import BothPools, PoolsRun
from tonnage.perf.serving.simulate import drawn_lengths, hardly_equal

ROUNDS, FIRST = 8, 2
"""Requests a client, and those of them in the beginning that stay out of the answer; so does the
last."""
FEWEST = 300
"""Requests, where the clients are few."""
SETTLED = 1e-3
"""Share of a round that times may still move by."""
MOST = 4_000
"""Clients that are played; of more, all wait longer by the time to serve the others."""


def played_requests(clients: float) -> int:
    """Return how many requests of so many clients are played."""
    return max(ROUNDS * max(1, min(round(clients), MOST)), FEWEST)


def play_clients(halves: PoolsAtLoad, clients: float, rate: float, seed: int = 0) -> PoolsRun:
    """Return what the middle rounds of clients meet, `rate` requests/s being the guess."""
    random = np.random.default_rng(seed)
    among = max(1, min(round(clients), MOST))
    count = played_requests(clients)
    job = halves.decode.job
    prompts = drawn_lengths(random, job.input_tokens, job.shortest_share, count)
    if job.shortest_share < 1.0:
        answers = drawn_lengths(random, job.output_tokens, job.shortest_share, count)
    else:
        answers = hardly_equal(random, job.output_tokens, count)
    both = BothPools.of(halves, rate, (np.array(prompts, float), np.array(answers, float)))
    sent = np.arange(count) / rate
    run, *_ = both.play(sent)
    for _ in range(count // among + 1):
        ends = np.sort(sent + run.e2e_s)[: count - among]
        later = np.sort(np.concatenate([sent[:among], ends]))
        moved = float(np.max(np.abs(later - sent)))
        sent = later
        run, *_ = both.play(sent)
        if moved <= SETTLED * among / rate:
            break
    kept = slice(FIRST * among, count - among)
    late = max(clients - among, 0.0) / among * float(run.e2e_s[kept].mean())
    return replace(
        run, ttft_s=run.ttft_s[kept] + late, tpot_s=run.tpot_s[kept],
        e2e_s=run.e2e_s[kept] + late, sent_s=sent[kept],
    )  # fmt: skip
