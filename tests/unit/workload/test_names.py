from datetime import date

import pytest

from tonnage.errors import AmbiguousName, UnknownName
from tonnage.workload import find_model, load_models, resolve_model


@pytest.mark.parametrize(
    ("name", "ident"),
    [
        ("gpt3-175b", "gpt3-175b"), ("GPT-3 175B", "gpt3-175b"), ("GPT3-175B", "gpt3-175b"),
        ("llama-2-70b", "llama-2-70b"), ("Llama2-70B", "llama-2-70b"),
        ("LLAMA3.1_405B", "llama-3.1-405b"), ("LLAMA3_70B", "llama-3-70b"),
        ("meta-llama/Llama-3.1-70B-Instruct", "llama-3.1-70b"),
        ("Meta-Llama-3-8B-Instruct", "llama-3-8b"), ("llama-405b", "llama-3.1-405b"),
        ("deepseek-v3", "deepseek-v3"), ("DeepSeekV3", "deepseek-v3"),
        ("DeepSeek-R1-0528", "deepseek-r1"), ("Qwen3-30B-A3B", "qwen3-30b-a3b"),
        ("Qwen3_235B_a22B", "qwen3-235b-a22b"), ("Qwen/Qwen3-32B-FP8", "qwen3-32b"),
        ("Qwen2.5-7B-Instruct-GPTQ-Int4", "qwen2.5-7b"), ("GPT OSS 120B", "gpt-oss-120b"),
        ("Kimi_K2", "kimi-k2"), ("Mixtral 8x7B", "mixtral-8x7b"), ("turing-530B", "mt-nlg-530b"),
        ("GPT-J-6B", "gpt-j-6b"), ("Grok1 314B", "grok-1"), ("MiniMax-M2.5", "minimax-m2"),
        ("Llama4 Maverick 400B", "llama-4-maverick"), ("Falcon-180B", "falcon-180b"),
        ("Bloom-7B1", "bloom-7b1"), ("Gemma-2B", "gemma-2b"), ("Gemma2-27B", "gemma-2-27b"),
        ("Nemotron-H-56B-Base-8K", "nemotron-h-56b"),
        ("Nemotron_3_Super", "nemotron-3-super-120b-a12b"),
        ("megatron-22B", "megatron-22b"), ("Nemotron4 340B", "nemotron-4-340b"),
    ],
)  # fmt: skip
def test_names_are_forgiving(name: str, ident: str) -> None:
    assert find_model(name).id == ident


@pytest.mark.parametrize("name", ["llama", "70b", "qwen3", "deepseek", "falcon"])
def test_a_name_for_several_lists_them(name: str) -> None:
    with pytest.raises(AmbiguousName) as caught:
        find_model(name)
    assert "," in str(caught.value)


@pytest.mark.parametrize("name", ["gpt-5", "lama-2-70", "", "   ", "/", "日本"])
def test_an_unknown_name_offers_near_ones(name: str) -> None:
    with pytest.raises((UnknownName, AmbiguousName)) as caught:
        find_model(name)
    assert "model" in str(caught.value)


def test_a_typing_slip_is_offered_the_right_name() -> None:
    with pytest.raises(UnknownName) as caught:
        find_model("lama-2-70")
    assert "llama-2-70b" in str(caught.value)


def test_every_id_name_and_alias_finds_its_own_entry() -> None:
    models = load_models()
    for entry in models:
        for name in (entry.model.id, entry.model.name, *entry.aliases):
            assert models.find(name) is entry, name


def test_nothing_later_leaks() -> None:
    day = date(2023, 1, 1)
    assert all(entry.released <= day for entry in load_models(day))
    assert load_models(day).find("gpt3-175b")
    with pytest.raises((UnknownName, AmbiguousName)):
        load_models(day).find("llama-2-70b")


def test_a_path_is_read_and_a_slash_alone_makes_none(tmp_path) -> None:
    assert resolve_model("Qwen/Qwen3-8B").id == "qwen3-8b"
    with pytest.raises(LookupError):
        resolve_model("nobody/nothing-1b-xyz")
