"""Time `tonnage match` on four chips against 1,024 A100, and `tonnage cost`, against their limits.

Each command runs in a fresh interpreter; the median of several runs counts. Exit code 1 if one is
over its limit. Usage: `python benchmarks/match_speed.py [RUNS]`.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from time import perf_counter

CALL = "from tonnage.cli import main; main()"
MATCH = (
    "match",
    "--from",
    "A100-80GB:1024",
    "--to",
    "H20,Ascend-910B-B3,A800,RTX 4090 D",
    "--json",
)
CASES: dict[str, tuple[tuple[str, ...], float]] = {
    "match, GPT-3 175B training": (
        (*MATCH, "--kind", "train", "--model", "gpt3-175b", "--seq", "2048",
         "--global-batch", "1536"), 5.0,
    ),
    "match, Llama-2-70B serving": (
        (*MATCH, "--kind", "serve", "--model", "llama-2-70b", "--input", "1024", "--output", "256",
         "--ttft-ms", "2000", "--tpot-ms", "60"), 5.0,
    ),
    "cost, 1,024 H20": (("cost", "H20", "--chips", "1024", "--json"), 1.5),
}  # fmt: skip


def once(words: tuple[str, ...]) -> float:
    start = perf_counter()
    subprocess.run([sys.executable, "-c", CALL, *words], stdout=subprocess.DEVNULL, check=True)
    return perf_counter() - start


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    over = False
    for name, (words, limit) in CASES.items():
        median = statistics.median(once(words) for _ in range(runs))
        over |= median > limit
        print(f"{name:30} {median:6.2f} s, limit {limit:.1f} s")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
