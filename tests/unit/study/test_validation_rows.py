"""What a row is taken to mean: chip, model, layout, load, and the metric it is scored in."""

from datetime import date
from pathlib import Path

import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import Recompute
from tonnage.provenance import Spread
from tonnage.study.measurements import Row, read_table
from tonnage.study.measurements_labels import Unusable, chip_of, format_of
from tonnage.study.measurements_serving import serving_question
from tonnage.study.measurements_training import as_metric, counted_flops, training_question
from tonnage.workload import Arrivals, Convention, training_flops_per_token

CATALOG = load_catalog(date(2026, 11, 1))
DATA = Path(__file__).parents[3] / "benchmarks" / "data"
TABLE = {
    row.id: row
    for name in ("training_measurements.csv", "inference_measurements.csv")
    for row in read_table(DATA / name).rows
}

TRAIN = {
    "chip": "H100 SXM", "n_chips": "64", "model": "llama-2-70b", "seq_len": "4096",
    "global_batch_seqs": "128", "metric": "iter_time_s", "value": "10", "precision": "bf16",
    "tp": "8", "pp": "4", "dp": "2", "micro_batch": "1", "recompute": "none", "year": "2024",
}  # fmt: skip
SERVE = {
    "chip": "H100 SXM", "n_chips": "4", "model": "Llama-3.1-70B", "input_len": "1024",
    "output_len": "128", "metric": "tpot_ms", "value": "20", "software": "vLLM",
    "weight_precision": "fp8", "tp": "4", "batch_or_concurrency": "16",
}  # fmt: skip


def row(cells: dict[str, str], **changes: str) -> Row:
    return Row("x-1", 2, {**cells, **changes})


def train(**changes: str):
    return training_question(row(TRAIN, **changes), CATALOG)


def serve(**changes: str):
    return serving_question(row(SERVE, **changes), CATALOG)


@pytest.mark.parametrize(
    ("label", "memory", "ident"),
    [
        ("A100 80GB", "", "nv-a100-sxm-80"), ("A100 40GB", "40", "nv-a100-sxm-40"),
        ("A100", "80", "nv-a100-sxm-80"), ("A100", "40", "nv-a100-sxm-40"),
        ("A100 PCIe", "", "nv-a100-pcie-80"), ("A100 PCIe", "40", "nv-a100-pcie-40"),
        ("A100 (variant not stated)", "80.0", "nv-a100-sxm-80"),
        ('A100 (paper: "Ampere GPUs")', "", "nv-a100-sxm-80"),
        ('Ascend 910B class ("Ascend NPUs")', "", "hw-910b3"),
        ("Ascend 910B (Atlas 900 A2 PODc)", "", "hw-910b3"), ("Ascend 910B", "32", "hw-910b4"),
        ("Ascend 910B3", "", "hw-910b3"), ("H20", "96", "nv-h20-96"),
        ("H20", "141", "nv-h20-141"), ("B200", "179", "nv-b200"),
        ("TPU v6e (Trillium)", "32", "goog-v6e"), ("H800", "80", "nv-h800-sxm"),
        ("8xH100", "", "nv-h100-sxm"), ("8 x H100 SXM5", "", "nv-h100-sxm"),
        ("16*H800", "", "nv-h800-sxm"), ("4 × RTX 4090", "", "nv-rtx4090"),
        ("MI300X OAM", "", "amd-mi300x"), ("L40S GPUs", "", "nv-l40s"),
        ("Ascend910B3", "", "hw-910b3"), ("NVIDIA GeForce RTX 4090 D", "", "nv-rtx4090d"),
    ],
)  # fmt: skip
def test_chips_by_the_labels_of_sources(label: str, memory: str, ident: str) -> None:
    found = chip_of(row(TRAIN, chip=label, chip_memory_gb=memory), CATALOG)
    assert found.chip.id == ident


def test_every_chip_of_the_published_tables_is_known_but_the_unnamed() -> None:
    unknown = set()
    for each in TABLE.values():
        try:
            chip_of(each, CATALOG)
        except Unusable:
            unknown.add(each.text("chip"))
    assert all("unnamed" in label for label in unknown), unknown


def test_memory_and_bandwidth_that_a_source_states_are_used() -> None:
    cells = row(TRAIN, chip_memory_gb="96", note="96GB HBM2e 2.4 TB/s part at 500 W")
    found = chip_of(cells, CATALOG)
    assert found.chip.number("memory_gb") == 96
    assert found.chip.number("memory_bandwidth_gbs") == 2400
    assert found.assumed


def test_the_source_tells_an_open_label() -> None:
    cells = row(SERVE, chip="A100", source_title="LLM-Inference-Bench (Argonne)")
    assert chip_of(cells, CATALOG).chip.id == "nv-a100-sxm-40"


@pytest.mark.parametrize("chip", ["", "unnamed reference accelerator", "Mystery 9000"])
def test_a_chip_that_is_not_there_names_itself(chip: str) -> None:
    with pytest.raises(Unusable, match="chip"):
        train(chip=chip)


def test_a_chip_that_is_not_there_is_told_its_neighbours() -> None:
    with pytest.raises(Unusable, match=r"'BW1000' is not in the catalog; nearest: .*100"):
        serve(chip="BW1000")


@pytest.mark.parametrize(
    ("spelling", "name"),
    [("FP16", "fp16"), ("w8a8", "int8"), ("AWQ", "int4"), ("mxfp8", "mxfp8"), ("fp7", None)],
)
def test_number_formats(spelling: str, name: str | None) -> None:
    assert format_of(spelling) == name


def test_columns_go_before_the_name() -> None:
    model = train(layers="12", vocab="99000", kv_heads="16").cases[0].job.model
    assert (model.layers, model.vocab, model.attention.kv_heads) == (12, 99000, 16)
    assert model.ffn_hidden == 28672


def test_a_trimmed_mixture_keeps_its_kind() -> None:
    question = training_question(TABLE["simumax-008"], CATALOG)
    model = question.cases[0].job.model
    assert (model.layers, model.expert_layers, model.dense_layers) == (4, 3, 1)
    assert model.attention.latent is not None


def test_an_unknown_gpt_is_made_from_its_columns() -> None:
    question = training_question(TABLE["maxtext-001"], CATALOG)
    model = question.cases[0].job.model
    assert model.gated
    assert model.attention.head_dim == 128
    assert (model.hidden, model.ffn_hidden) == (4096, 28672)


def test_layers_follow_from_the_parameters_where_they_are_blank() -> None:
    question = train(
        model="GPT X", hidden="12288", ffn_hidden="49152", heads="96", n_params_b="175",
        vocab="51200", layers="",
    )  # fmt: skip
    assert question.cases[0].job.model.layers == 96
    assert any("layers" in each.text for each in question.assumed)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "Unheard Of"}, "layers, hidden, ffn_hidden, heads, vocab are blank"),
        ({"seq_len": ""}, "seq_len is blank"),
        ({"global_batch_seqs": ""}, "global_batch_seqs is blank"),
        ({"value": ""}, "value is blank"),
        ({"metric": "happiness"}, "metric 'happiness'"),
        ({"metric": "gpu_hours"}, "convergence"),
        ({"precision": "fp7"}, "precision 'fp7'"),
        ({"tp": "", "pp": ""}, "tp, pp are blank"),
        ({"n_chips": "7"}, "does not divide"),
        ({"n_chips": "", "tp": ""}, "n_chips is blank"),
    ],
)
def test_a_training_row_is_skipped_only_with_the_missing_thing(changes, words: str) -> None:
    with pytest.raises(Unusable, match=words):
        train(**changes)


def test_what_can_be_inferred_is_and_says_so() -> None:
    question = train(dp="", zero_stage="", micro_batch="", sequence_parallel="", n_chips="64")
    layout = question.cases[0].layout
    assert (layout.dp, layout.zero, layout.mb, layout.sp) == (2, 1, 1, True)
    assert len(question.assumed) == 5
    assert all(each.doubt >= 0 for each in question.assumed)


def test_a_layout_that_is_not_stated_is_searched_when_asked_for() -> None:
    blank = row(TRAIN, tp="", pp="", dp="")
    with pytest.raises(Unusable, match="layout is not stated"):
        training_question(blank, CATALOG)
    question = training_question(blank, CATALOG, search=True)
    (case,) = question.cases
    assert case.layout.chips == case.chips == 64
    assert any("fastest" in each.text and each.doubt > 0 for each in question.assumed)
    with pytest.raises(Unusable, match="global_batch_seqs"):
        training_question(row(TRAIN, tp="", pp="", global_batch_seqs=""), CATALOG, search=True)


def test_chunks_of_a_pipeline_are_supposed_where_interleaving_could_be() -> None:
    assert train(vpp="", pp="4", year="2024").cases[0].layout.vpp == 10
    assert train(vpp="", pp="4", year="2021").cases[0].layout.vpp == 1
    assert train(vpp="2", pp="4").cases[0].layout.vpp == 2
    assert train(vpp="", pp="1", dp="8", n_chips="64").cases[0].layout.vpp == 1


def test_chips_follow_from_the_degrees() -> None:
    assert train(n_chips="").cases[0].chips == 64


def test_recomputation_that_is_not_stated_is_tried_from_the_least() -> None:
    kinds = [case.layout.recompute for case in train(recompute="unknown").cases]
    assert kinds == list(Recompute)


def test_fully_sharded_data_parallel_is_read_from_the_note() -> None:
    assert train(note="torchtitan FSDP2", pp="1", dp="8").cases[0].layout.zero == 3
    assert train(note="torchtitan FSDP2").cases[0].layout.zero == 1


def test_adapters_are_told_from_the_label() -> None:
    assert train(model="Llama2-70B LoRA (MLPerf)").cases[0].job.lora_rank == 16
    assert train().cases[0].job.lora_rank is None


def test_the_second_metric_stands_in_for_hours_to_a_target() -> None:
    question = train(metric="gpu_hours", metric2="tokens_per_s_per_gpu", value2="1500")
    assert (question.metric, question.measured) == ("tokens_per_s_per_gpu", 1500)


def test_metrics_of_one_step_agree_with_each_other() -> None:
    step = Spread(9.0, 10.0, 11.0)
    tokens = 128 * 4096 / 64
    found = {}
    for metric in ("iter_time_s", "tokens_per_s_per_gpu", "tflops_per_gpu", "mfu", "samples_per_s"):
        told = "full attention; recompute not counted"
        question = train(metric=metric, value="0.4", flops_convention=told)
        found[metric] = as_metric(question, question.cases[0], step)
    assert found["iter_time_s"] == step
    assert found["tokens_per_s_per_gpu"].p50 == pytest.approx(tokens / 10)
    assert found["tokens_per_s_per_gpu"].p10 == pytest.approx(tokens / 11)
    assert found["samples_per_s"].p50 == pytest.approx(12.8)
    model = train().cases[0].job.model
    flops = training_flops_per_token(model, 4096, Convention.FULL)
    assert found["tflops_per_gpu"].p50 == pytest.approx(tokens / 10 * flops / 1e12)
    assert found["mfu"].p50 == pytest.approx(found["tflops_per_gpu"].p50 / 989.4, rel=1e-3)


def test_printed_peak_is_used_for_utilization() -> None:
    plain = train(metric="mfu")
    told = train(metric="mfu", note="printed peak 2450 TFLOP/s used for MFU")
    step = Spread.exactly(10.0)
    ratio = as_metric(plain, plain.cases[0], step).p50 / as_metric(told, told.cases[0], step).p50
    assert ratio == pytest.approx(2450 / 989.4, rel=1e-3)


def test_flops_as_narayanan_counts_them() -> None:
    # Table 1 of arXiv 2104.04473 counts recomputation of the layers: 96·B·s·l·h²·(…).
    question = training_question(TABLE["megatron21-007"], CATALOG)
    layers, h, s, vocab = 80, 12288, 2048, 51200
    printed = 96 * layers * h * h * (1 + s / (6 * h) + vocab / (16 * layers * h))
    assert counted_flops(question.row, question.cases[0]) == pytest.approx(printed, rel=2e-3)


@pytest.mark.parametrize(
    ("source", "models"),
    [
        ("mosaic", {"MPT-70b", "MPT-30b", "MPT-13b", "MPT-7b"}),
        ("mbridge", {"LLAMA3_8B", "LLAMA3_70B", "LLAMA3.1_405B", "Qwen3_235B_a22B"}),
        ("nemo2407", {"GPT3-175B", "LLAMA2-7B", "LLAMA2-70B", "LLAMA3-70B", "Nemotron-340B"}),
    ],
)
def test_flop_conventions_reproduce_rows_that_print_both(source: str, models: set[str]) -> None:
    ratios = []
    for each in TABLE.values():
        printed = (each.text("metric"), each.text("metric2"))
        if each.source != source or each.text("model") not in models:
            continue
        if printed == ("tokens_per_s_per_gpu", "tflops_per_gpu"):
            question = training_question(each, CATALOG)
            flops = each.number("value") * counted_flops(each, question.cases[0]) / 1e12
            ratios.append(flops / each.number("value2"))
    assert len(ratios) >= 5
    assert sorted(ratios)[len(ratios) // 2] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("changes", "arrivals"),
    [
        ({}, Arrivals.CLOSED),
        ({"batch_or_concurrency": ""}, Arrivals.OFFLINE),
        ({"note": "static batch, whole batch in then out"}, Arrivals.STATIC),
        ({"note": "all requests sent at once (batch cell = number of requests)"}, Arrivals.OFFLINE),
        ({"phase": "prefill", "output_len": "", "metric": "ttft_ms"}, Arrivals.STATIC),
        ({"software": "llama.cpp"}, Arrivals.STATIC),
    ],
)
def test_how_requests_come(changes: dict[str, str], arrivals: Arrivals) -> None:
    assert serve(**changes).case.job.arrivals is arrivals


def test_a_serving_row_as_a_job() -> None:
    job = serve(note="InferenceX; lengths drawn uniformly in [0.8,1.0] of the nominal").case.job
    assert (job.concurrency, job.shortest_share, job.requests) == (16, 0.8, 160)
    assert (job.weights, job.kv) == ("fp8", "bf16")


def test_tokens_per_device_give_the_batch_of_a_prefill_run() -> None:
    job = serve(
        n_chips="32", tp="1", dp="32", ep="32", phase="prefill", output_len="",
        batch_or_concurrency="", input_len="4096", note="16,384 tokens per device",
    ).case.job  # fmt: skip
    assert job.concurrency == 128


def test_a_tuned_model_without_a_name_here_is_read_by_its_size() -> None:
    question = serve(model="SomeTune-70B", n_params_b="70.6")
    assert question.case.job.model.layers == 80
    assert any("SomeTune-70B" in each.text for each in question.assumed)
    with pytest.raises(Unusable, match="is not known"):
        serve(model="SomeTune-MoE-70B", n_params_b="70.6")
    with pytest.raises(Unusable, match="is not known"):
        serve(model="Odd-100B", n_params_b="100")


def test_accepted_length_is_speculation() -> None:
    speculation = serve(note="accept length 1.8-1.9").case.job.speculation
    assert speculation is not None
    assert 1 + speculation.draft_tokens * speculation.acceptance == pytest.approx(1.85)
    assert serve(note="no MTP").case.job.speculation is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input_len": ""}, "input_len is blank"),
        ({"output_len": ""}, "output_len is blank"),
        ({"model": "Nobody-7B"}, "Nobody-7B"),
        ({"metric": "joy"}, "metric 'joy'"),
        ({"n_chips": "", "tp": ""}, "n_chips and tp are blank"),
        ({"tp": "3"}, "does not divide"),
        ({"weight_precision": "fp3"}, "weight_precision 'fp3'"),
        ({"value": ""}, "value is blank"),
    ],
)
def test_a_serving_row_is_skipped_only_with_the_missing_thing(changes, words: str) -> None:
    with pytest.raises(Unusable, match=words):
        serve(**changes)


def test_blank_weights_are_supposed_from_the_words_around() -> None:
    assert serve(weight_precision="", note="checkpoint W8A8").case.job.weights == "int8"
    assert serve(weight_precision="", model="DeepSeek-V3").case.job.weights == "fp8"
    assert serve(weight_precision="").case.job.weights == "bf16"


def test_a_share_above_one_is_a_percentage() -> None:
    asked = train(metric="mfu", value="45")
    part = as_metric(asked, asked.cases[0], Spread.exactly(10.0)).p50
    whole = train(metric="mfu", value="0.45")
    assert part == pytest.approx(100 * as_metric(whole, whole.cases[0], Spread.exactly(10.0)).p50)
    assert any("percentage" in item.text for item in asked.assumed)
