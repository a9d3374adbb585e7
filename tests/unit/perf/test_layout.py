"""Layouts: how they are written, and what is refused."""

import pytest

from tonnage.errors import InputError, UnknownName
from tonnage.perf import (
    Layout,
    Recompute,
    check_layout,
    fill_data_parallel,
    find_framework,
    framework_entries,
    parse_layout,
    recognize_framework,
)
from tonnage.perf.cluster import cluster_network
from tonnage.perf.layout import layouts_of
from tonnage.workload import TrainingJob, find_model


def test_a_layout_is_read_as_it_is_written() -> None:
    text = "tp=8,pp=8,vpp=3,dp=1,cp=1,ep=1,mb=1,zero=1,recompute=selective,sp=on"
    layout = parse_layout(text)
    assert layout == Layout(8, 8, 3, 1, 1, 1, 1, 1, Recompute.SELECTIVE, True)
    assert layout.chips == 64


def test_every_fault_of_a_layout_is_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        parse_layout("tp=0,depth=3,recompute=some,sp=maybe,zero=4")
    assert len(caught.value.faults) == 5


def test_data_parallel_is_filled_from_the_chips() -> None:
    assert fill_data_parallel(parse_layout("tp=4,pp=2"), 64).dp == 8
    with pytest.raises(InputError, match="must be 60"):
        fill_data_parallel(parse_layout("tp=4,pp=8"), 60)


def test_a_layout_that_does_not_suit_the_job_is_refused_with_every_reason() -> None:
    job = TrainingJob(find_model("llama-2-70b"), 4096, 64)
    with pytest.raises(InputError) as caught:
        check_layout(job, Layout(tp=3, pp=100, vpp=2, dp=5, cp=3, ep=2, mb=7))
    assert {f.field for f in caught.value.faults} == {
        "layout.tp", "layout.pp", "layout.cp", "layout.mb", "layout.ep",
    }  # fmt: skip


def test_layouts_go_to_arrays_and_back() -> None:
    pair = [Layout(tp=8, sp=True), Layout(pp=4, mb=2, sp=False, recompute=Recompute.FULL)]
    stacked = layouts_of(pair)
    assert [stacked.one(i) for i in range(2)] == pair


def test_frameworks_are_found_and_recognized() -> None:
    assert find_framework("Torchtitan (PyTorch FSDP2)").id == "torchtitan"
    assert find_framework("MEGATRON_LM").id == "megatron-lm"
    assert find_framework("FSDP").id == "torchtitan"
    assert find_framework("NeMo").id == "megatron-bridge"
    with pytest.raises(UnknownName, match="megatron-lm"):
        find_framework("caffe")
    assert (
        recognize_framework("BigScience, Megatron-DeepSpeed", "nvidia").id == "megatron-deepspeed"
    )
    assert recognize_framework("Megatron-LM", "nvidia", 2021).id == "megatron-lm-2021"
    assert recognize_framework("Megatron-LM", "nvidia", 2025).id == "megatron-lm"
    assert recognize_framework("nothing known", "huawei", 2025).id == "mindspeed"
    assert recognize_framework("nothing known", "moore threads", 2025).id == "megatron-lm"


def test_exactly_one_framework_is_the_general_default() -> None:
    assert sum("*" in entry.vendors for entry in framework_entries().values()) == 1


@pytest.mark.parametrize(
    ("words", "per_node", "gbps"),
    [
        ("8 x 200 Gb/s RoCE NICs per node", 8, 200.0),
        ("1600 Gbps node-node RoCE (table title)", 8, 200.0),
        ("RoCE 400 Gb/s per GPU, 3-layer Clos", 8, 400.0),
        ("Jean Zay: NVLink in node, 4 Omni-Path links per node", 8, 50.0),
        ("NVLINK Gen5 1800 GB/s + NVSWITCH Gen5; 4x ConnectX-8 IB XDR 800 Gb/s", 4, 800.0),
        ("NVLINK + NVSWITCH; Management: 1x Ethernet 10GB/Sec", 8, None),
        ("", None, None),
    ],
)
def test_networks_are_read_from_words(words: str, per_node: int | None, gbps: float | None) -> None:
    assert cluster_network(words, per_node) == gbps
