"""`tonnage predict train`."""

from __future__ import annotations

from datetime import date

import click

from tonnage.cli.options import common, print_json
from tonnage.errors import NO, InputError

_SUFFIX = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


class _Count(click.ParamType[float]):
    """A large number of tokens, such as 300e9 or 15T."""

    name = "number"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or raise the one message that says how to write it."""
        del ctx
        text = str(value).strip().lower().replace(",", "")
        scale = _SUFFIX.get(text[-1:], 1.0)
        try:
            number = float(text[:-1] if scale > 1 else text) * scale
        except ValueError:
            number = 0.0
        if not 0 < number < 1e20:
            name = param.opts[-1].lstrip("-") if param else "number"
            raise InputError.of(name, value, "a number of tokens above 0, such as 300e9 or 15T")
        return number


@click.command("train")
@click.option("--model", required=True, help="Name, or path to a Hugging Face config.json.")
@click.option("--chip", help="Name as in `tonnage chips list`.")
@click.option("--chip-file", type=str, help="A chip of your own, as YAML.")
@click.option("--chips", type=int, required=True, help="Number of chips.")
@click.option("--seq", type=int, required=True, help="Tokens per sequence.")
@click.option("--global-batch", type=int, required=True, help="Sequences per step, over all chips.")
@click.option("--precision", default="bf16", show_default=True, help="bf16, fp8, mxfp8, nvfp4 …")
@click.option("--framework", help="megatron-lm, torchtitan, mindspeed … (default: usual one).")
@click.option("--layout", help="tp=8,pp=8,vpp=3,mb=1,… (default: the best is searched).")
@click.option("--tokens", type=_Count(), help="Tokens of the whole run, for days and chip-hours.")
@click.option("--nic-gbps", type=float, help="Network port per chip (default: the usual one).")
@common
def command(
    model: str,
    chip: str | None,
    chip_file: str | None,
    chips: int,
    seq: int,
    global_batch: int,
    precision: str,
    framework: str | None,
    layout: str | None,
    tokens: float | None,
    nic_gbps: float | None,
    as_of: date,
    as_json: bool,
) -> int:
    """Predict how long one training step takes; without --layout, find the best layout.

    Example: tonnage predict train --model llama-2-70b --chip h100-sxm --chips 256 --seq 4096
    --global-batch 1024 --tokens 2T
    """
    from tonnage.report import training as report
    from tonnage.study.chosen import chosen_chip
    from tonnage.study.training import predict_training

    if nic_gbps is not None and not 0 < nic_gbps < 1e6:
        raise InputError.of("nic-gbps", nic_gbps, "gigabits per second and chip, above 0")
    device = chosen_chip(chip, chip_file, as_of)
    answer = predict_training(
        model,
        device,
        chips,
        seq=seq,
        global_batch=global_batch,
        precision=precision,
        framework=framework,
        layout=layout,
        tokens=tokens,
        nic_gbps=nic_gbps,
        as_of=as_of,
    )
    if as_json:
        print_json(report.to_json(answer))
    else:
        from tonnage.report.page import page

        console = page()
        console.print(report.table(answer))
        console.print(report.parts_table(answer))
        console.print(report.text(answer))
    if not answer.estimate.fits:
        click.echo(f"tonnage: does not fit: {answer.estimate.reason}", err=True)
        return NO
    return 0
