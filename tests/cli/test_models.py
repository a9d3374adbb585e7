"""`tonnage models` as a user meets it."""

import json

import pytest

from tonnage.cli import run


def test_list_as_json_has_counts(capsys) -> None:
    assert run(["models", "list", "--json"]) == 0
    out = capsys.readouterr()
    assert out.err == ""
    models = {item["id"]: item for item in json.loads(out.out)["models"]}
    assert len(models) >= 80
    assert models["llama-2-70b"]["parameters"] == 68_976_648_192
    assert models["mixtral-8x7b"]["parameters_active"] < models["mixtral-8x7b"]["parameters"]


def test_list_as_of_a_day_knows_nothing_later(capsys) -> None:
    assert run(["models", "list", "--as-of", "2020-12-31", "--json"]) == 0
    models = json.loads(capsys.readouterr().out)["models"]
    assert {item["family"] for item in models} == {"GPT"}


def test_list_of_a_family(capsys) -> None:
    assert run(["models", "list", "--family", "pangu"]) == 0
    out = capsys.readouterr().out
    assert "pangu-ultra-135b" in out
    assert "llama" not in out
    assert max(len(line) for line in out.splitlines() if "pangu" in line) <= 80


def test_show_in_words(capsys) -> None:
    assert run(["models", "show", "DeepSeek-V3"]) == 0
    out = capsys.readouterr().out
    assert "256 experts" in out
    assert "671.0" in out
    assert "Source:" in out


def test_show_says_what_a_query_meets(capsys) -> None:
    assert run(["models", "show", "glm-5.2"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "in 78 layers a query meets at most 2,048 tokens, chosen by 21 indexers" in said
    assert run(["models", "show", "gemma-4-31b"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "50 of them see 1,024 tokens only, with 32 heads of 256 over 16" in said


def test_cache_of_a_sparse_model_counts_its_keys(capsys) -> None:
    assert run(["models", "show", "deepseek-v3.2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kv_cache_bytes_per_token_16bit"] == 61 * (2 * 576 + 132)
    assert found["shape"]["attention"]["indexer"]["topk"] == 2048


def test_show_a_file(tmp_path, capsys) -> None:
    file = tmp_path / "config.json"
    file.write_text(
        json.dumps(
            {
                "model_type": "llama", "hidden_size": 2048, "intermediate_size": 8192,
                "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
                "vocab_size": 128256, "tie_word_embeddings": True,
            }
        )
    )  # fmt: skip
    assert run(["models", "show", str(file), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["parameters"] == pytest.approx(1.236e9, rel=1e-3)
    assert shown["parameters_published"] is None
    assert str(tmp_path) not in json.dumps(shown)


@pytest.mark.parametrize(
    "arguments",
    [
        ["models", "show", "llama"],
        ["models", "show", "no-such-model-9b"],
        ["models", "show", "missing/config.json"],
        ["models", "show", "llama-2-70b", "--as-of", "2023-01-01"],
        ["models", "list", "--family", "Nobody"],
        ["models", "list", "--as-of", "yesterday"],
    ],
)
def test_bad_input_is_one_message_and_exit_2(arguments: list[str], capsys) -> None:
    assert run(arguments) == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err.startswith("tonnage: ")
    assert "Traceback" not in out.err


@pytest.mark.parametrize("command", [["models"], ["models", "list"], ["models", "show"]])
def test_help_has_an_example(command: list[str], capsys) -> None:
    assert run([*command, "--help"]) == 0
    assert "Example: tonnage models" in capsys.readouterr().out
