"""`tonnage predict serve`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from tonnage.cli.options import common, print_json
from tonnage.errors import NO, InputError

if TYPE_CHECKING:
    from tonnage.study.serving import ServingPrediction
    from tonnage.workload import Speculation


@click.command("serve")
@click.option("--model", required=True, help="Name, or path to a Hugging Face config.json.")
@click.option("--chip", help="Name as in `tonnage chips list`.")
@click.option("--chip-file", type=str, help="A chip described in a file instead.")
@click.option("--chips", type=int, required=True, help="Number of chips.")
@click.option("--input", "prompt", type=float, required=True, help="Tokens of a prompt.")
@click.option("--output", "answer", type=float, required=True, help="Tokens of an answer.")
@click.option("--concurrency", type=float, help="Requests in flight.")
@click.option("--request-rate", type=float, help="Requests a second.")
@click.option("--ttft-ms", type=float, help="Limit on the time to first token.")
@click.option("--tpot-ms", type=float, help="Limit on the time per output token.")
@click.option("--weights", default="bf16", show_default=True, help="bf16, fp8, int8, int4, nvfp4 …")
@click.option("--kv", help="Format of the cache (default: what the engine takes).")
@click.option("--framework", help="vllm, sglang, tensorrt-llm, mindie … (default: the usual one).")
@click.option("--layout", help="tp=8,pp=1,dp=1,ep=1 (default: the best is searched).")
@click.option("--prefix-hit", type=float, default=0.0, help="Share of prompts found in the cache.")
@click.option("--draft-tokens", type=int, help="Speculative decoding: drafted tokens a step.")
@click.option("--acceptance", type=float, help="Share of drafted tokens that is accepted.")
@common
def command(
    model: str,
    chip: str | None,
    chip_file: str | None,
    chips: int,
    prompt: float,
    answer: float,
    concurrency: float | None,
    request_rate: float | None,
    ttft_ms: float | None,
    tpot_ms: float | None,
    weights: str,
    kv: str | None,
    framework: str | None,
    layout: str | None,
    prefix_hit: float,
    draft_tokens: int | None,
    acceptance: float | None,
    as_of: date,
    as_json: bool,
) -> int:
    """Predict what a serving deployment delivers; without --layout, find the best layout.

    With neither --concurrency nor --request-rate, the load with most tokens a second within the
    limits is found.

    Example: tonnage predict serve --model llama-3.1-70b --chip H20 --chips 8 --input 2048
    --output 512 --concurrency 64 --weights fp8
    """
    from tonnage.study.serving import chip_from_file, predict_serving

    if (chip is None) == (chip_file is None):
        raise InputError.of("chip", chip, "give either --chip or --chip-file")
    device = chip_from_file(chip_file, as_of) if chip_file else chip
    assert device is not None
    found = predict_serving(
        model,
        device,
        chips,
        input=prompt,
        output=answer,
        concurrency=concurrency,
        request_rate=request_rate,
        ttft_ms=ttft_ms,
        tpot_ms=tpot_ms,
        weights=weights.lower(),
        kv=kv.lower() if kv else None,
        framework=framework,
        layout=layout,
        prefix_hit_rate=prefix_hit,
        speculation=_speculation(draft_tokens, acceptance),
        as_of=as_of,
    )
    return _show(found, as_json)


def _show(found: ServingPrediction, as_json: bool) -> int:
    from tonnage.report import serving as report

    if as_json:
        print_json(report.to_json(found))
    else:
        from rich.console import Console

        console = Console()
        console.print(report.table(found))
        console.print(report.parts_table(found))
        console.print(report.text(found), markup=False, highlight=False)
    if not found.estimate.fits:
        click.echo(f"tonnage: {found.estimate.reason}", err=True)
        return NO
    return 0


def _speculation(drafts: int | None, acceptance: float | None) -> Speculation | None:
    from tonnage.workload import Speculation

    if drafts is None and acceptance is None:
        return None
    if drafts is None or not 1 <= drafts <= 32:
        raise InputError.of("draft-tokens", drafts, "1 to 32, together with --acceptance")
    if acceptance is None or not 0 <= acceptance < 1:
        raise InputError.of("acceptance", acceptance, "a share in [0, 1)")
    return Speculation(drafts, acceptance)
