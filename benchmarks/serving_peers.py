"""Drive the peers of the serving model over the same measured rows. No peer code is here.

Each driver returns a function from one row to what the peer says of it, or `None` where the peer
is not installed. A checkout is named by its folder, as InferSim and LLM-Viewer are no packages.
Run by itself it says which peers are at hand.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import io
import json
import logging
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Cells = Mapping[str, str]
Seconds = Callable[[Cells], float]

SCORED = {
    "aiconfigurator": "TPOT MAPE 23.5 % median 13.3 %, TTFT 51.3 % / 46.1 %, 74 % answered",
    "InferSim": "mean error 10.2 % on its six H20 and H800 points",
    "GenZ": "MAPE 49.9 % at efficiency 1 (22.4 % at 0.6) on 574 static batches",
    "LLM-Viewer": "MAPE 42.4 % on 574 static batches",
}
"""What each scored when we ran it in November 2026, quoted where it is not installed."""

SHIPPED_AS = {
    "meta-llama/Llama-3.1-70B": "meta-llama/Meta-Llama-3.1-70B",
    "meta-llama/Llama-3.1-8B-Instruct": "meta-llama/Meta-Llama-3.1-8B",
    "nvidia/Llama-3.1-8B-Instruct-FP8": "meta-llama/Meta-Llama-3.1-8B",
    "meta-llama/Meta-Llama-3-70B": "meta-llama/Meta-Llama-3.1-70B",
    "meta-llama/Meta-Llama-3-8B": "meta-llama/Meta-Llama-3.1-8B",
}
"""Models that aiconfigurator's rows or ours name differently than its own configurations do."""

SHAPES = {
    "Llama-2-7b": (4096, 11008, 32, 32, 32, 32000),
    "Llama-2-70b": (8192, 28672, 80, 64, 8, 32000),
    "Llama-3-8B": (4096, 14336, 32, 32, 8, 128256),
    "Llama-3-70B": (8192, 28672, 80, 64, 8, 128256),
}
"""Width, feed-forward width, layers, heads, key-value heads, vocabulary (the models' own files)."""


def missing(name: str) -> None:
    """Say that a peer is not installed, and what it scored when we ran it."""
    print(f"{name} is not installed here; when we ran it (November 2026): {SCORED[name]}")


def aiconfigurator_latencies() -> Callable[[Cells], tuple[float, float] | None] | None:
    """Ask aiconfigurator (measured tables) for TTFT and TPOT of an InferenceX row, in ms.

    With the row's version of the engine, or its newest where it has no tables for that one.
    """
    estimate = _aiconfigurator()
    if estimate is None:
        return None

    def ask(cells: Cells) -> tuple[float, float] | None:
        given = _asked(cells)
        for version in (cells["backend_version"] or None, None):
            with _silence(), contextlib.suppress(Exception):  # whatever it raises is its refusal
                found = estimate(**given, backend_version=version)
                return (found.ttft, found.tpot) if min(found.ttft, found.tpot) > 0 else None
        return None

    return ask


def _asked(cells: Cells) -> dict[str, Any]:
    names = ("batch_size", "tp_size", "pp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size")
    given: dict[str, Any] = {n: int(float(cells[n])) for n in names if cells[n]}
    return given | {
        "model_path": SHIPPED_AS.get(cells["model_path"], cells["model_path"]),
        "system_name": cells["system"], "mode": "agg", "backend_name": cells["backend"],
        "isl": int(cells["isl"]), "osl": int(cells["osl"]), "database_mode": "SILICON",
        "gemm_quant_mode": cells["gemm_quant_mode"] or None,
        "moe_quant_mode": cells["moe_quant_mode"] or None,
    }  # fmt: skip


def _aiconfigurator() -> Callable[..., Any] | None:
    if not importlib.util.find_spec("aiconfigurator"):
        return None
    for name in ("aiconfigurator_core.sdk.perf_database", "aiconfigurator.sdk.perf_database"):
        with contextlib.suppress(ImportError):
            module = importlib.import_module(name)
            for look_up in ("get_supported_databases", "get_latest_database_version"):
                # Read anew from hundreds of files at every call; remembered, it answers the same.
                if hasattr(module, look_up):
                    setattr(module, look_up, functools.lru_cache(None)(getattr(module, look_up)))
    found: Callable[..., Any] = importlib.import_module("aiconfigurator.cli.api").cli_estimate
    return found


def aiconfigurator_batches() -> Seconds | None:
    """Ask aiconfigurator for the seconds of a whole static batch."""
    estimate = _aiconfigurator()
    if estimate is None:
        return None
    folder = Path(tempfile.mkdtemp())

    def ask(cells: Cells) -> float:
        prompt, answer = int(cells["input_len"]), int(cells["output_len"])
        with _silence():
            found = estimate(
                model_path=SHIPPED_AS.get(cells["model"]) or _config(folder, cells["model"]),
                system_name="a100_sxm" if "A100" in cells["chip"] else "h100_sxm", mode="static",
                backend_name={"vLLM": "vllm", "TensorRT-LLM": "trtllm"}[cells["engine"]],
                isl=prompt, osl=answer, batch_size=int(cells["batch"]),
                tp_size=int(cells["num_chips"]), database_mode="SILICON",
            )  # fmt: skip
        return float(found.ttft + (answer - 1) * found.tpot) / 1e3

    return ask


def genz() -> Seconds | None:
    """Ask GenZ, at efficiency 1, for the seconds of a whole static batch."""
    if not importlib.util.find_spec("GenZ"):
        return None
    from GenZ import decode_moddeling, prefill_moddeling  # type: ignore[import-not-found]

    names = {"Llama-2-7b": "llama-2-7b", "Llama-2-70b": "llama-2-70b",
             "Llama-3-8B": "Llama-3.1-8B", "Llama-3-70B": "Llama-3.1-70B"}  # fmt: skip

    def ask(cells: Cells) -> float:
        a100 = "A100" in cells["chip"]
        system = {"Flops": 312 if a100 else 989, "Memory_size": 400 if a100 else 800,
                  "Memory_BW": 1555 if a100 else 3350, "ICN": 300 if a100 else 450,
                  "real_values": True}  # fmt: skip
        common = {"model": f"meta-llama/{names[_shape(cells['model'])]}", "bits": "bf16",
                  "batch_size": int(cells["batch"]), "system_name": system,
                  "tensor_parallel": int(cells["num_chips"])}  # fmt: skip
        prompt, answer = int(cells["input_len"]), int(cells["output_len"])
        with _silence():
            first = prefill_moddeling(input_tokens=prompt, **common)["Latency"]
            step = decode_moddeling(input_tokens=prompt, output_tokens=answer // 2, Bb=1, **common)
        return float(first + answer * step["Latency"]) / 1e3

    return ask


def llm_viewer(folder: str | None) -> Seconds | None:
    """Ask LLM-Viewer for the seconds of a whole static batch, split over chips without loss."""
    if folder is None:
        return None
    if folder not in sys.path:
        sys.path.insert(0, folder)
    with _silence(), contextlib.chdir(folder):  # it names its files relative to the checkout
        analyzer = importlib.import_module("model_analyzer").ModelAnalyzer
    models = Path(tempfile.mkdtemp())

    @functools.cache
    def of(model: str, chip: str) -> Any:
        chip = "nvidia_A100_40G" if "A100" in chip else "nvidia_H100_SXM"
        return analyzer(_config(models, model), chip, config_file="configs/Llama.py")

    def ask(cells: Cells) -> float:
        prompt, answer, batch = (int(cells[n]) for n in ("input_len", "output_len", "batch"))
        with _silence(), contextlib.chdir(folder):
            model = of(cells["model"], cells["chip"])
            told = [
                model.analyze(length, batch, use_flashattention=True)["total_results"][stage]
                for length, stage in ((prompt, "prefill"), (prompt + answer // 2, "decode"))
            ]
        first, step = (stage["inference_time"] for stage in told)
        return float(first + answer * step) / int(cells["num_chips"])

    return ask


def infersim(folder: str | None) -> Callable[[str, str], float] | None:
    """Ask a checkout of InferSim for tokens/s of a chip: its configuration's name, its options."""
    if folder is None:
        return None

    def ask(config: str, options: str) -> float:
        command = [sys.executable, "main.py", "--config-path", f"hf_configs/{config}_config.json",
                   "--device-type", *options.split()]  # fmt: skip
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        told = re.search(r"Throughput \(TGS[^)]*\):\s+(\d+)", run.stdout)
        if told is None:
            message = "InferSim printed no throughput"
            raise RuntimeError(message)
        return float(told.group(1))

    return ask


def _shape(model: str) -> str:
    return next(name for name in SHAPES if name in model)


def _config(folder: Path, model: str) -> str:
    """Write a `config.json` of one of the four models; return its folder."""
    width, inner, layers, heads, shared, words = SHAPES[_shape(model)]
    home = folder / model.replace("/", "--")
    home.mkdir(exist_ok=True)
    told = {
        "hidden_size": width, "intermediate_size": inner, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": shared, "vocab_size": words,
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "torch_dtype": "bfloat16",
        "max_position_embeddings": 8192, "hidden_act": "silu", "rms_norm_eps": 1e-5,
        "rope_theta": 1e4,
    }  # fmt: skip
    (home / "config.json").write_text(json.dumps(told), encoding="utf-8")
    return str(home)


@contextlib.contextmanager
def _silence() -> Any:
    logging.disable(logging.CRITICAL)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
    logging.disable(logging.NOTSET)


if __name__ == "__main__":
    for peer, module in (("aiconfigurator", "aiconfigurator"), ("GenZ", "GenZ")):
        if importlib.util.find_spec(module):
            print(f"{peer} is installed")
        else:
            missing(peer)
