"""InferenceX runs as aiconfigurator's wheel ships them, read as rows of a table of measurements.

    python benchmarks/inferencex.py                 # writes benchmarks/data/inferencex.csv anew

The written table holds every aggregated run but those of an H200, which no constant may be fitted
on. Two readings go beyond the sample's own columns, both seen from runs that it holds twice:

- Dumps multiply the tensor and the expert degree: a run that one entry calls tp 4, ep 4 stands
  beside it as tp 16 with experts split 4 x 4, with the same latencies.
- Server settings stand in the launch scripts of InferenceX (Apache-2.0), by model, chip, engine and
  date: `benchmarks/data/inferencex_recipes.csv` names script and commit for each. Which of its runs
  drafted tokens (MTP) follows from the configurations that it swept on the day of the run, and
  `inferencex_spaces.csv` holds these.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from tonnage.errors import TonnageError
from tonnage.files import write_text
from tonnage.workload import find_model

DATA = Path(__file__).parent / "data"
TABLE, RECIPES = DATA / "inferencex.csv", DATA / "inferencex_recipes.csv"
SPACES = DATA / "inferencex_spaces.csv"
BACKENDS = {"trtllm": "TensorRT-LLM", "vllm": "vLLM", "sglang": "SGLang"}
SYSTEMS = {
    "h100_sxm": ("H100 SXM", 80), "h200_sxm": ("H200 SXM", 141), "b200_sxm": ("B200 SXM", 180),
    "b300_sxm": ("B300 SXM", 288),
}  # fmt: skip
"""A GB200 run of the dumps counts the chips of several servers as one tensor group: left out."""
SAME = 1.05
"""Latencies of one configuration that differ by more belong to settings no column tells."""
SOURCE = (
    "aiconfigurator silicon_sample.csv (measured TTFT/TPOT)",
    (
        "https://github.com/ai-dynamo/aiconfigurator/blob/095f58a51c4ca8e61b66ec108d86f223f8d559ce/"
        "aic-core/src/aiconfigurator_core/systems/silicon_sample.csv"
    ),
)
WARM_FROM = "2026-01-21"
"""Runs before this day met a server without a warm-up (InferenceX commit d053ae24e adds one)."""
SHARE_DRAWN, ROUNDS, WAITS_APART = 0.9, 10.0, 0.5
"""Mean length over the nominal one; requests a client; and how near to the mean wait of requests
sent at once, in answers, a run counts as such."""
COLUMNS = [
    "id", "source_title", "source_url", "year", "software", "software_version", "chip",
    "chip_memory_gb", "n_chips", "model", "n_params_b", "weight_precision", "act_precision",
    "kv_precision", "tp", "pp", "dp", "ep", "batch_or_concurrency", "input_len", "output_len",
    "phase", "metric", "value", "unit", "ttft_ms", "tpot_ms", "prefill_tokens", "memory_fraction",
    "poll_steps", "captured_tokens", "draft_tokens", "note", "complete", "subset",
]  # fmt: skip

SET = ("kv_precision", "prefill_tokens", "memory_fraction", "poll_steps", "captured_tokens")
"""Columns that launch scripts fill."""


def sample() -> list[dict[str, str]]:
    """Return the aggregated runs that aiconfigurator ships, as they stand.

    Raises
    ------
    ImportError
        If `aiconfigurator_core` is not installed.
    """
    import aiconfigurator_core  # type: ignore[import-not-found]

    path = Path(aiconfigurator_core.__file__).parent / "systems" / "silicon_sample.csv"
    with path.open(newline="", encoding="utf-8") as stream:
        return [r for r in csv.DictReader(stream) if r["mode"] == "agg" and r["system"] in SYSTEMS]


def layout(cells: Mapping[str, str]) -> tuple[int, int, int, int]:
    """Return tp, pp, dp and ep of a run (see the head of this file)."""
    names = ("tp_size", "pp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size")
    tp, pp, dp, split, ep = (max(1, int(float(cells[name] or 1))) for name in names)
    if not of_a_dump(cells):
        # Experts spread over more chips than attention is said to: all of them hold both.
        tp = max(tp, split * ep // dp)
        return tp, pp, dp, ep if (tp * dp) % ep == 0 else tp * dp
    if split == ep > 1 and tp * dp == split * ep:
        tp, dp = (split, dp) if tp > 1 else (1, split)
    elif tp == dp > 1 and ep == tp * dp:
        dp, ep = 1, tp
    elif split > 1 and tp * dp == 1:
        tp = split
    return tp, pp, dp, ep if (tp * dp) % ep == 0 else tp * dp


def of_a_dump(cells: Mapping[str, str]) -> bool:
    """Return whether a run stems from a dump of InferenceX, not from a study with equal lengths."""
    told = cells["silicon_data_source"]
    return told.startswith("db-dump") or bool(re.match(r"source_file=[^/]+;", told))


def clients(cells: Mapping[str, str]) -> int:
    """Return how many requests were in flight."""
    told = re.search(r"silicon_concurrency=(\d+)", cells["silicon_data_source"])
    dp = max(1, int(float(cells["attention_dp_size"] or 1)))
    return int(told.group(1)) if told else int(float(cells["batch_size"])) * dp


def weights(cells: Mapping[str, str]) -> str:
    """Return the stored format of the weights."""
    if "gpt-oss" in cells["model_path"]:
        return "mxfp4"
    if cells["precision"] == "int4":
        return "int4"
    named = cells["gemm_quant_mode"] or cells["precision"]
    return {"fp8_block": "fp8", "fp8": "fp8", "nvfp4": "nvfp4", "fp4": "nvfp4"}.get(named, "bf16")


def measured_on(cells: Mapping[str, str]) -> str:
    """Return the day of a run, or nothing."""
    told = re.search(r"measured=(\d{4}-\d\d-\d\d)", cells["silicon_data_source"])
    return told.group(1) if told else ""


@lru_cache(maxsize=1)
def recipes() -> tuple[Mapping[str, str], ...]:
    """Return the settings of InferenceX's launch scripts."""
    with RECIPES.open(newline="", encoding="utf-8") as stream:
        return tuple(csv.DictReader(stream))


def settings(cells: Mapping[str, str]) -> dict[str, str]:
    """Return the columns of server settings where a script has them.

    `fit` is what TensorRT-LLM's scripts take: one prompt and every client's token, rounded up to
    64; `fit8192` at least 8192; `twice` two prompts. `10/30` polls each 10 steps, each 30 from 16
    clients.
    """
    empty = dict.fromkeys(SET, "")
    if not of_a_dump(cells):
        return empty
    day, prompt, count = measured_on(cells) or "2026-03-25", int(cells["isl"]), clients(cells)
    model, tensor = find_model(cells["model_path"].split("/")[-1]).id, layout(cells)[0]
    for row in recipes():
        fits = (
            model in row["model"].split()
            and weights(cells) in row["weights"].split()
            and cells["system"].split("_")[0] in row["chips"].split()
            and row["software"] == cells["backend"]
            and row["tp"] in ("", str(tensor))
        )
        if not fits or not row["from"] <= day <= row["until"]:
            continue
        fit = (count + prompt + 64 + 63) // 64 * 64
        tokens = {"fit": fit, "fit8192": max(fit, 8192), "twice": 2 * prompt}
        few, many = (row["poll_steps"].split("/") * 2)[:2]
        return {
            "kv_precision": row["kv"],
            "prefill_tokens": str(tokens.get(row["prefill_tokens"], row["prefill_tokens"])),
            "memory_fraction": row["memory_fraction"],
            "poll_steps": few if count < 16 else many,
            "captured_tokens": row["captured_tokens"],
        }
    return empty


SHORT = {
    "deepseek-r1": "dsr1", "deepseek-v3": "dsr1", "qwen3.5-397b-a17b": "qwen3.5", "glm-5": "glm5",
    "gpt-oss-120b": "gptoss", "minimax-m2": "minimaxm2.5", "kimi-k2": "kimik2.5",
    "llama-3.1-70b": "70b",
}  # fmt: skip
"""Models as InferenceX's configurations call them."""
DRAFTS = {("trtllm", "dsr1"): 3, ("sglang", "dsr1"): 2, ("sglang", "qwen3.5"): 3}
"""Drafted tokens a step in the scripts with MTP; TensorRT-LLM's draft one under attention DP."""


@lru_cache(maxsize=1)
def spaces() -> tuple[Mapping[str, str], ...]:
    """Return the configurations that InferenceX swept, with the days on which it did."""
    with SPACES.open(newline="", encoding="utf-8") as stream:
        return tuple(csv.DictReader(stream))


def swept(cells: Mapping[str, str]) -> tuple[set[str], bool]:
    """Return the kinds ("0" plain, "1" MTP) of sweeps that hold a run; and whether MTP ran then."""
    day = measured_on(cells)
    tp, _, dp, ep = layout(cells)
    mine = [
        s for s in spaces()
        if s["model"] == SHORT.get(find_model(cells["model_path"].split("/")[-1]).id)
        and s["precision"] == cells["precision"] and s["chip"] == cells["system"].split("_")[0]
        and s["software"] == cells["backend"] and s["from"] <= day <= s["until"]
    ]  # fmt: skip
    held = [
        s for s in mine
        if (s["input_len"], s["output_len"]) == (cells["isl"], cells["osl"])
        and int(s["tp"]) == tp * dp and (int(s["ep"]) == ep or ep == 1)
        and int(s["first"]) <= clients(cells) <= int(s["last"])
    ]  # fmt: skip
    kinds = {s["mtp"] for s in held}
    if len(kinds) == 2:
        exact = {s["mtp"] for s in held if s["version"] == cells["backend_version"]}
        kinds = exact if len(exact) == 1 else kinds
    return kinds, any(s["mtp"] == "1" for s in mine)


def drafted(runs: Sequence[Mapping[str, str]]) -> list[str]:
    """Return for each run its drafted tokens a step, "0", or "?" where that cannot be told.

    A dump keeps the newest result of a configuration: where both kinds were swept and another entry
    shows the plain result of an earlier day, the newer one drafted.
    """
    plain: dict[tuple[str, ...], set[str]] = defaultdict(set)
    kinds = [swept(cells) if of_a_dump(cells) else (set(), False) for cells in runs]
    for cells, (kind, possible) in zip(runs, kinds, strict=True):
        if kind == {"0"} or not possible:
            plain[_configuration(cells)].add(measured_on(cells))
    found = []
    for cells, (kind, possible) in zip(runs, kinds, strict=True):
        key = (cells["backend"], SHORT.get(find_model(cells["model_path"].split("/")[-1]).id, ""))
        drafts = 1 if layout(cells)[2] > 1 else DRAFTS.get(key, 0)
        earlier = any(day < measured_on(cells) for day in plain[_configuration(cells)])
        if kind == {"1"} or (possible and kind != {"0"} and earlier):
            found.append(str(drafts))
        else:
            found.append("?" if possible and kind != {"0"} else "0")
    return found


def _configuration(cells: Mapping[str, str]) -> tuple[str, ...]:
    model = find_model(cells["model_path"].split("/")[-1]).id
    names = ("backend", "system", "precision", "isl", "osl")
    return (SHORT.get(model, model), str(clients(cells)), *(cells[name] for name in names))


def sent_at_once(cells: Mapping[str, str]) -> bool:
    """Return whether a run's clients sent all their requests at once to a server of fewer slots.

    Ten requests a slot wait for (10 - 1) / 2 answers in the mean. Nine runs stand out so, each
    with a time per token of few sequences beside 512 clients.
    """
    tokens = float(cells["osl"]) * SHARE_DRAWN
    waits = float(cells["silicon_ttft_ms"]) / (float(cells["silicon_tpot_ms"]) * tokens)
    return abs(waits - (ROUNDS - 1.0) / 2.0) < WAITS_APART


def row(cells: Mapping[str, str], number: int, drafts: str) -> dict[str, str]:
    """Return one run in the columns of a table of measurements."""
    tp, pp, dp, ep = layout(cells)
    chip, memory = SYSTEMS[cells["system"]]
    day, dump = measured_on(cells), of_a_dump(cells)
    note = f"published row id {cells['id']}"
    if dump:
        note += (
            f"; InferenceX run{' measured ' + day if day else ''}; lengths drawn uniformly in "
            "[0.8, 1.0] of the nominal ones"
        )
        note += "; server without warm-up" if day and day < WARM_FROM else ""
    else:
        note += "; gap-analysis run of equal lengths"
    note += "; may have drafted tokens" if drafts == "?" else ""
    routed = "dynamo_version=" in cells["silicon_data_source"]
    note += "; behind a router (NVIDIA Dynamo), its replicas not told" if routed else ""
    once = dump and sent_at_once(cells)
    note += (
        "; ten requests a running one were sent together, and how many ran is not told"
        if once
        else ""
    )
    given = dict.fromkeys(COLUMNS, "") | settings(cells)
    return given | {
        "id": f"ix-{number:04d}", "source_title": SOURCE[0], "source_url": SOURCE[1],
        "year": day[:4] or "2026", "software": BACKENDS[cells["backend"]],
        "software_version": cells["backend_version"], "chip": chip,
        "chip_memory_gb": str(memory), "n_chips": str(tp * pp * dp),
        "model": cells["model_path"].split("/")[-1], "weight_precision": weights(cells),
        "tp": str(tp), "pp": str(pp), "dp": str(dp), "ep": str(ep),
        "batch_or_concurrency": str(clients(cells)), "input_len": cells["isl"],
        "output_len": cells["osl"], "phase": "decode", "metric": "tpot_ms",
        "value": f"{float(cells['silicon_tpot_ms']):.4f}", "unit": "ms",
        "ttft_ms": f"{float(cells['silicon_ttft_ms']):.3f}",
        "tpot_ms": f"{float(cells['silicon_tpot_ms']):.4f}",
        "draft_tokens": "" if drafts in ("0", "?") else drafts,
        "note": note, "complete": "yes" if drafts == "0" and not routed and not once else "no",
    }  # fmt: skip


_ALIKE = (
    "software", "software_version", "draft_tokens", "chip", "model", "weight_precision", "n_chips",
    "tp", "pp", "dp", "ep", "batch_or_concurrency", "input_len", "output_len",
)  # fmt: skip


def single(rows: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Give each run once; where one configuration has several results, none is complete.

    DeepSeek-V3 and R1 are one configuration: dumps use either name for the same run.
    """
    groups: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
    for one in rows:
        key = [one[name] for name in _ALIKE]
        key[4] = re.sub(r"DeepSeek-(V3|R1).*", "DeepSeek", key[4])
        groups[tuple(key)].append(one)
    for alike in groups.values():
        kept: list[dict[str, str]] = []
        for one in alike:
            if all(_differ(one, other) for other in kept):
                kept.append(one)
        for one in kept:
            if any(_ratio(one, other) > SAME for other in kept):
                one["complete"] = "no"
                one["note"] += "; the same configuration has other results too"
            yield one


def _ratio(one: Mapping[str, str], other: Mapping[str, str]) -> float:
    a, b = float(one["tpot_ms"]), float(other["tpot_ms"])
    return max(a, b) / min(a, b)


def _differ(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    first = float(one["ttft_ms"]) / float(other["ttft_ms"])
    return _ratio(one, other) > 1.001 or not 0.999 < first < 1.001


def main() -> None:
    """Write the table of all runs but those of an H200."""
    found = []
    runs = sample()
    for number, (cells, drafts) in enumerate(zip(runs, drafted(runs), strict=True)):
        if cells["system"] == "h200_sxm":
            continue
        try:
            found.append(row(cells, number, drafts))
        except TonnageError as reason:
            print(f"left out: {cells['id']}: {reason}")
    rows = list(single(found))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda one: one["id"]))
    write_text(TABLE, stream.getvalue())
    complete = sum(one["complete"] == "yes" for one in rows)
    print(f"{len(found)} runs, {len(rows)} different, {complete} of them with one result")


if __name__ == "__main__":
    main()
