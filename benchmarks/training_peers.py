"""Drive installed peers of the training model over the same measured runs. No peer code is here.

Each driver returns a function from a `TrainingCase` to seconds, or `None` where the peer is not
importable. A peer that cannot run a case raises; the accuracy benchmark counts such rows apart.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tonnage.perf import Recompute, TrainingCase

Predict = Callable[[TrainingCase], float]


def micro_batches(case: TrainingCase) -> int:
    """Return micro batches of one step on one pipeline."""
    return case.job.global_batch // (case.layout.dp * case.layout.mb)


def llm_analysis(efficiency: float = 0.5) -> Predict | None:
    """Return a driver for llm-analysis 0.2.2, at the efficiency that its README advises."""
    try:
        analysis = importlib.import_module("llm_analysis.analysis")
        config = importlib.import_module("llm_analysis.config")
    except ImportError:
        return None
    logging.disable(logging.CRITICAL)
    gpus = {
        "nv-a100-sxm-80": "a100-sxm-80gb", "nv-a100-sxm-40": "a100-sxm-40gb",
        "nv-h100-sxm": "h100-sxm-80gb",
    }  # fmt: skip
    again = analysis.ActivationRecomputation
    kinds = {Recompute.NONE: again.NONE, Recompute.SELECTIVE: again(1), Recompute.FULL: again.FULL}

    def predict(case: TrainingCase) -> float:
        model, layout = case.job.model, case.layout
        shape = config.ModelConfig(
            name=model.id, max_seq_len=case.job.seq_len, num_layers=model.layers,
            n_head=model.attention.heads, hidden_dim=model.hidden, vocab_size=model.vocab,
            ffn_embed_dim=model.ffn_hidden,
        )  # fmt: skip
        spread = config.ParallelismConfig(
            tp_size=layout.tp, pp_size=layout.pp, dp_size=layout.dp,
            sp_size=layout.tp if layout.sp else 1,
        )  # fmt: skip
        tool = analysis.LLMAnalysis(
            shape,
            config.get_gpu_config_by_name(gpus[case.chip.id]),
            config.get_dtype_config_by_name("w16a16e16"),
            spread,
            flops_efficiency=efficiency,
        )
        full = layout.zero == 3
        found = tool.training(
            batch_size_per_gpu=layout.mb,
            gradient_accumulation_steps=micro_batches(case),
            seq_len=case.job.seq_len,
            total_num_tokens=None,
            activation_recomputation=kinds[layout.recompute],
            ds_zero=analysis.DSZeRO(3) if full else analysis.DSZeRO.NONE,
            flash_attn=full,
        )
        return float(found["latency_per_iter"])

    return predict


def calculon(checkout: Path | None) -> Predict | None:
    """Return a driver for a Calculon checkout, its A100 system file used as shipped."""
    if checkout is None:
        return None
    sys.path.insert(0, str(checkout))
    try:
        importlib.import_module("calculon")
        llm = importlib.import_module("calculon.llm.llm").Llm
        system = importlib.import_module("calculon.system").System
    except ImportError:
        return None
    files = {"nv-a100-sxm-80": "a100_80g", "nv-h100-sxm": "h100_80g_nvl8"}
    systems: dict[str, Any] = {}
    for chip, name in files.items():
        text = (checkout / "systems" / f"{name}.json").read_text(encoding="utf-8")
        document = json.loads(text)
        # Its memory check refuses many runs that were made; time alone is compared here.
        document["mem1"]["GiB"] = 10**6
        systems[chip] = system(document)
    log = logging.Logger("calculon")

    def predict(case: TrainingCase) -> float:
        model = case.job.model
        heads = model.attention.heads
        application = llm.Application({
            "hidden": model.hidden, "feedforward": model.ffn_hidden, "seq_size": case.job.seq_len,
            "attn_heads": heads, "attn_size": model.hidden // heads, "num_blocks": model.layers,
        })  # fmt: skip
        execution = llm.Execution.from_json(_calculon_execution(case))
        run = llm(application, log)
        run.compile(systems[case.chip.id], execution)
        run.run(systems[case.chip.id])
        return float(run.get_stats_json(False)["total_time"])

    return predict


def _calculon_execution(case: TrainingCase) -> Mapping[str, Any]:
    layout = case.layout
    outside = 0 if case.chips <= 8 else 1
    full = layout.zero == 3 and layout.dp > 1
    kinds = {Recompute.NONE: "none", Recompute.SELECTIVE: "attn_only", Recompute.FULL: "full"}
    return {
        "num_procs": case.chips, "tensor_par": layout.tp, "pipeline_par": layout.pp,
        "data_par": layout.dp, "tensor_par_net": 0 if layout.tp <= 8 else 1,
        "pipeline_par_net": outside, "data_par_net": outside,
        "batch_size": case.job.global_batch, "microbatch_size": layout.mb, "datatype": "float16",
        "fused_activation": False, "attention_type": "multihead",
        "activation_recompute": kinds[layout.recompute],
        "pipeline_interleaving": layout.vpp, "optimizer_sharding": full,
        "tensor_par_comm_type": "rs_ag" if layout.sp else "ar", "tensor_par_overlap": "none",
        "seq_par_ag_redo": layout.sp, "data_par_overlap": full, "weight_offload": False,
        "activations_offload": False, "optimizer_offload": False, "training": True,
    }  # fmt: skip


def simumax(checkout: Path | None) -> Predict | None:
    """Return a driver for a SimuMax checkout.

    It ships no A100-SXM system: its measured A100-PCIe operators are used with the network block
    of its documentation's template (300 GB/s in a node, 200 GB/s per node, efficiency 0.5).
    """
    if checkout is None:
        return None
    sys.path.insert(0, str(checkout))
    try:
        config = importlib.import_module("simumax.core.config")
        tool = importlib.import_module("simumax.core.perf_llm").PerfLLM
    except ImportError:
        return None
    path = checkout / "configs" / "system" / "a100_pcie.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["networks"] = {
        "intra_with_pcie": False, "low_intra_node": _simumax_net(300, 10),
        "high_intra_node": _simumax_net(300, 10), "inter_node": _simumax_net(200, 30),
    }  # fmt: skip

    def predict(case: TrainingCase) -> float:
        if case.chip.id != "nv-a100-sxm-80":
            raise KeyError(case.chip.id)
        with contextlib.redirect_stdout(io.StringIO()):
            run = tool()
            run.configure(
                strategy_config=config.StrategyConfig.init_from_dict(_simumax_strategy(case)),
                model_config=config.ModelConfig.init_from_dict(_simumax_model(case)),
                system_config=config.SystemConfig.init_from_dict(json.loads(json.dumps(document))),
            )
            run.run_estimate()
            text = run.analysis_cost().data["duration_time_per_iter"]
        if isinstance(text, (int, float)):
            return float(text) / 1e3
        number, unit = text.split()[:2]
        return float(number) * {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0}[unit]

    return predict


def _simumax_net(gbps: float, latency_us: float) -> dict[str, Any]:
    ring = {"scale": 1, "offset": -1}
    operators = {
        "all_reduce": {"scale": 2, "offset": -1}, "all_gather": ring, "reduce_scatter": ring,
        "p2p": {"scale": 1, "offset": 0}, "all2all": ring,
    }  # fmt: skip
    bandwidth = {"efficient_factor": 0.5, "gbps": gbps, "latency_us": latency_us}
    return {"processor_usage": 0.0, "op": operators, "bandwidth": bandwidth}


def _simumax_strategy(case: TrainingCase) -> dict[str, Any]:
    layout = case.layout
    full = layout.zero == 3
    selective = layout.recompute is Recompute.SELECTIVE
    strategy: dict[str, Any] = {
        "seq_len": case.job.seq_len, "micro_batch_size": layout.mb,
        "micro_batch_num": micro_batches(case), "dtype": "bf16", "world_size": case.chips,
        "tp_size": layout.tp, "pp_size": layout.pp, "ep_size": 1, "etp_size": 1,
        "moe_dispatcher_policy": "all2all", "enable_sequence_parallel": layout.sp,
        "interleaving_size": layout.vpp, "zero_state": 1 if full else 0, "enable_dropout": True,
        "use_fused_norm": True, "use_math_sdp": not full, "use_flash_sdp": full,
        "use_fp32_accum_grad": True, "mem_factor": 0.94,
        "enable_recompute": layout.recompute is not Recompute.NONE,
        "recompute_layer_num": -(-case.job.model.layers // layout.pp),
        "recompute_granularity": "sdp_only" if selective else "full_block",
    }  # fmt: skip
    if layout.vpp > 1:
        strategy["pp_comm_async"] = False
    return strategy


def _simumax_model(case: TrainingCase) -> dict[str, Any]:
    model = case.job.model
    heads = model.attention.heads
    return {
        "hidden_size": model.hidden, "head_num": heads, "kv_head_num": model.attention.kv_heads,
        "head_size": model.hidden // heads, "intermediate_size": model.ffn_hidden,
        "layer_num": model.layers, "vocab_size": model.vocab, "use_swiglu": model.gated,
        "model_name": model.id,
    }  # fmt: skip
