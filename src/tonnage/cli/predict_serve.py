"""`tonnage predict serve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tonnage.cli.options import common, print_json
from tonnage.errors import NO, Fault, InputError

if TYPE_CHECKING:
    from tonnage.catalog import Chip
    from tonnage.perf import Traffic
    from tonnage.study.serving_trace import Trace
    from tonnage.workload import Speculation

_APART = ("prefill_chip", "decode_chip", "prefill_chips", "decode_chips")
_SETTINGS = ("max_sequences", "prefill_tokens", "memory_fraction")
_OPTIONS = {
    "prefix_hit_rate": "prefix-hit", "shortest_share": "shortest",
    "prompt": "input", "answer": "output",
}  # fmt: skip
"""Arguments whose option has another name."""


@click.command("serve")
@click.option("--model", required=True, help="Name, or path to a Hugging Face config.json.")
@click.option("--chip", help="Name as in `tonnage chips list`.")
@click.option("--chip-file", type=str, help="A chip described in a file instead.")
@click.option("--chips", type=int,
              help="Number of chips; with --request-rate it may be left out.")  # fmt: skip
@click.option("--input", "prompt", type=float, help="Tokens of a prompt.")
@click.option("--output", "answer", type=float, help="Tokens of an answer.")
@click.option("--shortest", type=float, default=1.0,
              help="Lengths vary from this share of the given ones to all.")  # fmt: skip
@click.option("--concurrency", type=float, help="Requests in flight.")
@click.option("--request-rate", type=float, help="Requests a second.")
@click.option("--burstiness", type=float, default=1.0,
              help="Of --request-rate: 1 Poisson, above it bursts.")  # fmt: skip
@click.option("--trace", type=str,
              help="CSV: arrival_s, input_tokens, output_tokens.")  # fmt: skip
@click.option("--simulate", is_flag=True, help="Play the load event by event.")
@click.option("--requests", type=int,
              help="Requests of one replica that are played (default: 20,000), or of the trace "
                   "(default: all).")  # fmt: skip
@click.option("--ttft-ms", type=float, help="Limit on the time to first token.")
@click.option("--tpot-ms", type=float, help="Limit on the time per output token.")
@click.option("--weights", default="bf16", show_default=True, help="bf16, fp8, int8, int4, nvfp4 …")
@click.option("--kv", help="Format of the cache (default: what the engine takes).")
@click.option("--framework", help="vllm, sglang, tensorrt-llm, mindie … (default: the usual one).")
@click.option("--max-sequences", type=int, help="Server: requests at once on a replica.")
@click.option("--prefill-tokens", type=int, help="Server: prompt tokens of one step.")
@click.option("--memory-fraction", type=float, help="Server: share of memory it takes.")
@click.option("--layout", help="tp=8,pp=1,dp=1,ep=1 (default: the best is searched).")
@click.option("--prefix-hit", type=float, default=0.0, help="Share of prompts found in the cache.")
@click.option("--draft-tokens", type=int, help="Speculative decoding: drafted tokens a step.")
@click.option("--acceptance", type=float, help="Share of drafted tokens that is accepted.")
@click.option("--pareto", is_flag=True,
              help="All that no other layout and load beats for user and chip.")  # fmt: skip
@click.option("--disaggregate", is_flag=True,
              help="Prefill and decode in pools of their own; best split.")  # fmt: skip
@click.option("--prefill-chip", help="Kind of chip of the prefill pool (default: --chip).")
@click.option("--decode-chip", help="Kind of chip of the decoding pool (default: --chip).")
@click.option("--prefill-chips", type=int, help="Chips of the prefill pool.")
@click.option("--decode-chips", type=int, help="Chips of the decoding pool.")
@common
def command(as_json: bool, **given: Any) -> int:
    """Predict what a serving deployment delivers; without --layout, find the best layout.

    With neither --concurrency nor --request-rate, the load with most tokens a second within the
    limits is found. With --request-rate and no --chips, the fewest chips that serve it. Busy open
    arrivals, bursts and traces are played event by event.

    \b
    Examples:
      tonnage predict serve --model llama-3.1-70b --chip H20 --chips 8 \\
          --input 2048 --output 512 --concurrency 64 --weights fp8
      tonnage predict serve --model llama-3.1-70b --chip H20 --request-rate 20 \\
          --input 2048 --output 512 --weights fp8 --tpot-ms 60
      tonnage predict serve --model llama-3.1-70b --chip H20 --chips 8 --pareto \\
          --input 2048 --output 512 --weights fp8
      tonnage predict serve --model deepseek-v3 --prefill-chip H800 --decode-chip H20 \\
          --chips 64 --input 4096 --output 1024 --weights fp8 --tpot-ms 50
    """  # noqa: D301 - click reads the backspace
    from tonnage.study.serving_question import faults_as_options

    try:
        return _answer(as_json, given)
    except InputError as error:
        spelled = {name: name.replace("_", "-") for name in given} | _OPTIONS
        raise faults_as_options(error, spelled) from None


def _answer(as_json: bool, given: dict[str, Any]) -> int:
    if given["disaggregate"] or any(given[name] is not None for name in _APART):
        return _pools(given, as_json)
    if given["pareto"]:
        return _front(given, as_json)
    sized = given["chips"] is None and given["request_rate"] is not None
    if sized and given["trace"] is None and given["layout"] is None:
        return _size(given, as_json)
    return _together(given, as_json)


def _together(given: dict[str, Any], as_json: bool) -> int:
    from tonnage.report import serving as report
    from tonnage.study.serving import predict_serving, unplayed
    from tonnage.study.serving_trace import told_of

    trace, traffic = _arrivals(given)
    if given["chips"] is None:
        raise InputError.of("chips", None, "the number of chips, such as --chips 8")
    found = predict_serving(
        given["model"],
        _device(given),
        given["chips"],
        request_rate=given["request_rate"],
        concurrency=given["concurrency"],
        layout=given["layout"],
        traffic=traffic,
        **_shared(given, trace),
    )
    if trace:
        found = told_of(trace, found)
    elif given["requests"] is not None:
        found = unplayed(found, given["requests"])
    if as_json:
        print_json(report.to_json(found))
    else:
        _print(*report.tables(found), report.text(found))
    return _end(found.estimate.reason)


def _arrivals(given: dict[str, Any]) -> tuple[Trace | None, Traffic]:
    """Return the trace that was given, and how requests come."""
    from tonnage.study.serving_trace import read_trace

    traffic = _traffic(given, None)  # its faults come before those of the file
    if given["trace"] is None:
        return None, traffic
    trace = read_trace(given["trace"], given["requests"])
    _check_trace(given, trace)
    return trace, _traffic(given, trace)


def _check_trace(given: dict[str, Any], trace: Trace) -> None:
    """Raise for every option that the trace answers itself."""
    unset: list[tuple[str, Any]] = [
        ("request_rate", None), ("concurrency", None), ("burstiness", 1.0)
    ]  # fmt: skip
    unset += [("prompt", None)] if trace.input_tokens else []
    unset += [("answer", None)] if trace.output_tokens else []
    unset += [("shortest", 1.0)] if trace.input_tokens and trace.output_tokens else []
    _leave_out(given, "beside --trace, which says it", *unset)


def _size(given: dict[str, Any], as_json: bool) -> int:
    from tonnage.report import serving_capacity as report
    from tonnage.study.serving_capacity import size_serving

    _leave_out(given, "without --chips", ("simulate", False), ("burstiness", 1.0),
               ("concurrency", None), ("requests", None))  # fmt: skip
    found = size_serving(
        given["model"], _device(given), request_rate=given["request_rate"], **_shared(given, None)
    )
    if as_json:
        print_json(report.size_json(found))
    else:
        _print(report.size_text(found))
    return 0


def _front(given: dict[str, Any], as_json: bool) -> int:
    from tonnage.report import serving_capacity as report
    from tonnage.study.serving_capacity import serving_front

    _leave_out(given, "beside --pareto", ("layout", None), ("trace", None), ("simulate", False),
               ("burstiness", 1.0), ("concurrency", None), ("request_rate", None),
               ("requests", None))  # fmt: skip
    if given["chips"] is None:
        raise InputError.of("chips", None, "the number of chips, such as --chips 8")
    found = serving_front(given["model"], _device(given), given["chips"], **_shared(given, None))
    if as_json:
        print_json(report.front_json(found))
    else:
        table = [report.front_table(found)] if found.points else []
        _print(*table, report.front_text(found))
    return _end(found.reason)


def _pools(given: dict[str, Any], as_json: bool) -> int:
    from tonnage.report import serving_pools as report
    from tonnage.study.serving import predict_pools, unplayed
    from tonnage.study.serving_trace import told_of_pools

    _leave_out(given, "beside --disaggregate", ("layout", None), ("pareto", False))
    if given["prefill_chip"] is not None and given["decode_chip"] is not None:
        both = "beside --prefill-chip and --decode-chip, which name the chips of both pools"
        _leave_out(given, both, ("chip", None), ("chip_file", None))
    _check_pool_chips(given)
    trace, traffic = _arrivals(given)
    found = predict_pools(
        given["model"],
        given["prefill_chip"] or _device(given),
        given["decode_chip"] or _device(given),
        _pool_sizes(given),
        request_rate=given["request_rate"],
        concurrency=given["concurrency"],
        traffic=traffic,
        **_shared(given, trace),
    )
    if trace:
        found = told_of_pools(trace, found)
    elif given["requests"] is not None:
        found = unplayed(found, given["requests"])
    if as_json:
        print_json(report.to_json(found))
    else:
        _print(*report.tables(found), report.text(found))
    return _end(found.estimate.reason)


def _check_pool_chips(given: dict[str, Any]) -> None:
    """Raise where one pool's chip is named and nothing says the other's."""
    names = {"prefill-chip": given["prefill_chip"], "decode-chip": given["decode_chip"]}
    absent = [name for name, chip in names.items() if chip is None]
    if len(absent) == 1 and given["chip"] is None and given["chip_file"] is None:
        raise InputError.of(absent[0], None, "the other pool's chip, or --chip for it")


def _pool_sizes(given: dict[str, Any]) -> int | tuple[int, int]:
    """Return the total to split, or the sizes of both pools."""
    total, first, second = given["chips"], given["prefill_chips"], given["decode_chips"]
    if first is None and second is None:
        if total is None:
            mend = "a total to split, or both --prefill-chips and --decode-chips"
            raise InputError.of("chips", None, mend)
        return int(total)
    for name, other in (("prefill_chips", second), ("decode_chips", first)):
        if given[name] is None:
            option = "--decode-chips" if name == "decode_chips" else "--prefill-chips"
            mend = f"give {option} too, {other} is the other pool's; or --chips alone"
            raise InputError.of(name, None, mend)
    if total not in (None, first + second):
        raise InputError.of("chips", total, "the sum of both pools, or nothing")
    return int(first), int(second)


def _leave_out(given: dict[str, Any], where: str, *unset: tuple[str, Any]) -> None:
    """Raise for every option that has no meaning there."""
    faults = [
        Fault(n, given[n], f"leave it out {where}") for n, usual in unset if given[n] != usual
    ]
    if faults:
        raise InputError(faults)


def _shared(given: dict[str, Any], trace: Trace | None) -> dict[str, Any]:
    """Return the arguments that all forms take."""
    lengths = {"input": given["prompt"], "output": given["answer"]}
    if trace:
        told = {"input": trace.input_tokens, "output": trace.output_tokens}
        lengths |= {n: sum(v) / len(v) for n, v in told.items() if v}
    absent = [
        Fault(n, None, f"tokens, such as --{n} 1024") for n, v in lengths.items() if v is None
    ]
    if absent:
        raise InputError(absent)
    return lengths | {
        "ttft_ms": given["ttft_ms"],
        "tpot_ms": given["tpot_ms"],
        "weights": given["weights"].lower(),
        "kv": given["kv"].lower() if given["kv"] else None,
        "framework": given["framework"],
        "prefix_hit_rate": given["prefix_hit"],
        "speculation": _speculation(given["draft_tokens"], given["acceptance"]),
        "shortest_share": given["shortest"],
        "settings": {name: given[name] for name in _SETTINGS if given[name] is not None},
        "as_of": given["as_of"],
    }


def _device(given: dict[str, Any]) -> Chip:
    from tonnage.study.chosen import chosen_chip

    if given["chip"] is not None and given["chip_file"] is not None:
        raise InputError.of("chip", given["chip"], "one of --chip and --chip-file, not both")
    return chosen_chip(given["chip"], given["chip_file"], given["as_of"])


def _traffic(given: dict[str, Any], trace: Trace | None) -> Traffic:
    from tonnage.perf import Traffic

    asked = {} if given["requests"] is None else {"requests": given["requests"]}
    return Traffic(
        burstiness=given["burstiness"],
        arrival_s=trace.arrival_s if trace else None,
        input_tokens=trace.input_tokens if trace else None,
        output_tokens=trace.output_tokens if trace else None,
        simulate=given["simulate"],
        **asked,
    )


def _print(*parts: Any) -> None:
    from tonnage.report.page import page

    console = page()
    for part in parts:
        console.print(part)


def _end(reason: str) -> int:
    if reason:
        click.echo(f"tonnage: {reason}", err=True)
        return NO
    return 0


def _speculation(drafts: int | None, acceptance: float | None) -> Speculation | None:
    from tonnage.workload import Speculation

    if drafts is None and acceptance is None:
        return None
    if drafts is None or not 1 <= drafts <= 32:
        raise InputError.of("draft_tokens", drafts, "1 to 32, together with --acceptance")
    if acceptance is None or not 0 <= acceptance < 1:
        raise InputError.of("acceptance", acceptance, "a share in [0, 1)")
    return Speculation(drafts, acceptance)
