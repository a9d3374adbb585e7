"""Parameter counts computed from the shape against the counts that the makers publish."""

import pytest

from tonnage.workload import count_parameters, load_models

ENTRIES = list(load_models())

ROUNDED = {"megatron-1.7b": 0.05e9, "megatron-3.6b": 0.05e9}
"""Half a unit of the last digit, where the source prints too few digits for one percent."""


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.model.id)
def test_count_from_shape_is_the_published_count(entry) -> None:
    counted = count_parameters(entry.model).total
    allowed = max(0.01 * entry.published_params, ROUNDED.get(entry.model.id, 0.0))
    assert abs(counted - entry.published_params) <= allowed


@pytest.mark.parametrize(
    ("name", "published"),
    [
        # Exact counts, from the tensor headers of the released weights.
        ("llama-2-7b", 6_738_415_616),
        ("llama-2-70b", 68_976_648_192),
        ("llama-3.1-8b", 8_030_261_248),
        ("llama-3.1-70b", 70_553_706_496),
        ("mixtral-8x7b", 46_702_792_704),
        ("bloom-176b", 176_247_271_424),
        ("gpt2", 124_439_808),
        ("gpt-j-6b", 6_050_882_784),
        ("qwen2-7b", 7_615_616_512),
        ("qwen3-30b-a3b", 30_532_122_624),
        ("deepseek-v3", 671_026_419_200),
    ],
)
def test_exact_counts(name: str, published: int) -> None:
    assert count_parameters(load_models().find(name).model).total == pytest.approx(
        published, rel=2e-6
    )


@pytest.mark.parametrize(
    ("name", "published_b", "without_embedding"),
    [
        ("mixtral-8x7b", 12.9, False),
        ("deepseek-v2", 21.0, True),
        ("deepseek-v3", 37.0, True),
        ("gpt-oss-120b", 5.13, True),
        ("gpt-oss-20b", 3.61, True),
        ("qwen3-30b-a3b", 3.3, False),
        ("qwen3-235b-a22b", 22.0, False),
        ("llama-4-maverick", 17.0, False),
        ("kimi-k2", 32.0, True),
        ("pangu-pro-moe-72b", 16.5, False),
        ("gemma-4-26b-a4b", 3.8, False),
        ("mimo-v2-flash", 15.0, True),
        ("llama-4-scout", 17.0, False),
        ("qwen3.5-397b-a17b", 17.0, False),
        ("nemotron-3-nano-30b-a3b", 3.6, False),
    ],
)
def test_active_parameters(name: str, published_b: float, without_embedding: bool) -> None:
    # Makers differ in whether the embedding rows that a token does not read are active.
    count = count_parameters(load_models().find(name).model)
    active = count.active - (count.embedding if without_embedding else 0)
    assert active / 1e9 == pytest.approx(published_b, rel=0.025)


def test_at_least_eighty_models_and_each_has_a_source() -> None:
    assert len(ENTRIES) >= 80
    for entry in ENTRIES:
        assert entry.source.title or entry.source.url, entry.model.id
        assert entry.source.published == entry.released
        assert entry.maker, entry.model.id
        assert entry.family, entry.model.id


def test_cache_of_deepseek_v3_is_576_numbers_a_token_and_layer() -> None:
    # DeepSeek-V3, arXiv 2412.19437, section 4.2: latent of 512 and rotary key of 64; 61 layers.
    from tonnage.workload import kv_cache_elements

    assert kv_cache_elements(load_models().find("deepseek-v3").model, 1000) == 576 * 61 * 1000


def test_megatron_flops_formula() -> None:
    # Narayanan et al. 2021, arXiv 2104.04473, equation 3 without its recomputation (factor 3/4).
    from tonnage.workload import training_flops_per_token

    model = load_models().find("megatron-175b").model
    layers, h, s, vocab = 96, 12288, 2048, 51200
    printed = 72 * layers * h * h * (1 + s / (6 * h) + vocab / (12 * layers * h))
    assert training_flops_per_token(model, s) == pytest.approx(printed, rel=1e-3)
