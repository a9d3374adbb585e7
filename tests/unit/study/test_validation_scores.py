"""Scores, with a predictor put in the model's place: what it answers is known exactly."""

import csv
import json
import random
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonnage.errors import InputError, NotEnoughKnown
from tonnage.provenance import Spread
from tonnage.study.measurements import Assumption
from tonnage.study.validation import Prediction, answered, score_of, validate, widened

HEADER = "id,chip,n_chips,model,seq_len,global_batch_seqs,metric,value,tp,pp,dp,micro_batch,"
HEADER += "recompute,precision,complete,source_title"


def line(ident: str, value: float, chip: str = "H100 SXM", complete: str = "yes") -> str:
    start = f"{ident},{chip},8,llama-2-7b,4096,64,iter_time_s,{value}"
    return f"{start},1,1,8,1,none,bf16,{complete},Paper {ident[0]}"


def write(tmp_path, *lines: str) -> Path:
    file = tmp_path / "t.csv"
    file.write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def ten_seconds(monkeypatch):
    """Put in a predictor that answers 8, 10, 12 s to everything, and fits unless told."""
    asked = []

    def predict(cases):
        asked.append(len(cases))
        spread = Spread(8.0, 10.0, 12.0)
        return [SimpleNamespace(iteration_time_s=spread, fits=True) for _ in cases]

    monkeypatch.setattr("tonnage.perf.predict_cases", predict, raising=False)
    return asked


def prediction(measured: float, p10: float, p50: float, p90: float) -> Prediction:
    return Prediction("i-1", 2, "i", "", "c", "m", measured, Spread(p10, p50, p90), ())


def test_scores_of_known_errors() -> None:
    items = [prediction(10, 8, 11, 12), prediction(10, 9, 9, 9), prediction(10, 5, 16, 20)]
    score = score_of(items)
    assert score.mape == pytest.approx((0.1 + 0.1 + 0.6) / 3)
    assert score.median_ape == pytest.approx(0.1)
    assert score.bias == pytest.approx((0.1 - 0.1 + 0.6) / 3)
    assert score.p90_ape == pytest.approx(0.6)
    assert score.coverage_80 == pytest.approx(2 / 3)


def test_no_predictions_have_no_score() -> None:
    score = score_of([])
    assert (score.predicted, score.mape, score.coverage_80) == (0, None, None)


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.1, 100)), min_size=1, max_size=30))
def test_scores_stay_in_their_bounds(pairs) -> None:
    score = score_of(prediction(m, p * 0.9, p, p * 1.1) for m, p in pairs)
    assert 0 <= score.median_ape <= score.p90_ape + 1e-12
    assert abs(score.bias) <= score.mape + 1e-12
    assert 0 <= score.coverage_80 <= 1


def test_a_table_is_scored_by_source_and_chip(tmp_path, ten_seconds) -> None:
    rows = [
        line("a-1", 10),
        line("a-2", 20),
        line("b-1", 8, "A100 80GB"),
        line("b-2", 5, "Mystery"),
    ]
    found = validate(write(tmp_path, *rows))
    assert (found.rows, found.score.predicted) == (4, 3)
    assert found.score.mape == pytest.approx((0 + 0.5 + 0.25) / 3)
    assert found.by_source["a"].bias == pytest.approx(-0.25)
    assert found.by_chip["nv-a100-sxm-80"].mape == pytest.approx(0.25)
    assert found.mean_over_sources == pytest.approx(0.25)
    assert [(item.id, item.line) for item in found.skipped] == [("b-2", 5)]
    assert "Mystery" in found.skipped[0].why
    assert ten_seconds == [3]


def test_the_document_has_the_stable_fields(tmp_path, ten_seconds) -> None:
    document = json.loads(json.dumps(validate(write(tmp_path, line("a-1", 10))).to_dict()))
    assert {
        "rows", "predicted", "skipped", "mape", "median_ape", "bias", "p90_ape", "coverage_80",
        "by_source", "by_chip", "by_metric", "predictions",
    } <= set(document)  # fmt: skip
    (item,) = document["predictions"]
    assert {"id", "metric", "measured", "p10", "p50", "p90", "ape"} <= set(item)


def test_rows_can_be_chosen(tmp_path, ten_seconds) -> None:
    file = write(
        tmp_path, line("a-1", 10), line("b-1", 10, "A100 80GB"), line("b-2", 10, complete="no")
    )
    assert validate(file, source="b").rows == 2
    assert validate(file, source="paper a").rows == 1
    assert validate(file, chip="a100").rows == 1
    assert validate(file, chip="nv-h100-sxm").rows == 2
    assert validate(file, chip="H100 80GB").rows == 2
    with pytest.raises(InputError, match="chip 'H10'"):
        validate(file, chip="H10")
    assert validate(file, complete_only=True).rows == 2
    with pytest.raises(InputError, match="its sources: a, b"):
        validate(file, source="nobody")


def test_a_failing_row_costs_only_itself() -> None:
    def predict(cases: list[int]) -> list[int]:
        if 7 in cases:
            raise NotEnoughKnown("seven")
        if 9 in cases:
            raise ValueError("nan")
        return [case * 10 for case in cases]

    found = answered([1, 7, 3, 9, 5], predict)
    assert [item for item in found if isinstance(item, int)] == [10, 30, 50]
    assert isinstance(found[1], NotEnoughKnown)
    assert "no finite prediction" in str(found[3])


def test_recomputation_takes_the_first_that_fits(tmp_path, monkeypatch) -> None:
    def predict(cases):
        return [
            SimpleNamespace(
                iteration_time_s=Spread.exactly(1.0 + int(case.layout.recompute)),
                fits=case.layout.recompute >= 1,
            )
            for case in cases
        ]

    monkeypatch.setattr("tonnage.perf.predict_cases", predict, raising=False)
    found = validate(write(tmp_path, line("a-1", 2).replace("none", "unknown")))
    assert found.predictions[0].predicted.p50 == 2.0


def test_latency_columns_are_scored_beside_the_headline(tmp_path, monkeypatch) -> None:
    def predict(cases):
        return [
            SimpleNamespace(
                tokens_per_s_output=Spread(90, 100, 110), tpot_ms=Spread.exactly(20.0),
                ttft_ms=Spread.exactly(300.0),
            )
            for _ in cases
        ]  # fmt: skip

    monkeypatch.setattr("tonnage.perf.predict_serving_cases", predict, raising=False)
    file = tmp_path / "s.csv"
    file.write_text(
        "id,chip,n_chips,model,input_len,output_len,metric,value,ttft_ms,tpot_ms,tp,"
        "batch_or_concurrency,weight_precision,subset\n"
        "s-1,H20,1,qwen3-8b,128,128,tokens_per_s_total_output,80,200,,1,4,bf16,J\n"
        "s-2,H20,1,qwen3-8b,128,128,tpot_ms,25,,25,1,4,bf16,J\n"
    )
    found = validate(file)
    assert [item.metric for item in found.predictions] == ["tokens_per_s_total_output", "tpot_ms"]
    assert [item.metric for item in found.latencies] == ["ttft_ms"]
    assert found.by_metric["ttft_ms"].mape == pytest.approx(0.5)
    assert found.by_metric["tpot_ms"].predicted == 1
    assert found.by_subset["J"].predicted == 2


@given(st.floats(0.01, 0.5), st.lists(st.floats(0.0, 0.5), max_size=4), st.floats(1e-3, 1e6))
def test_assumptions_only_ever_widen(sigma: float, doubts: list[float], median: float) -> None:
    spread = Spread.lognormal(median, sigma)
    found = widened(spread, [Assumption("x", doubt) for doubt in doubts])
    assert found.p50 == spread.p50
    assert found.p10 <= spread.p10 * (1 + 1e-9)
    assert found.p90 >= spread.p90 * (1 - 1e-9)
    wanted = (sigma**2 + sum(doubt**2 for doubt in doubts)) ** 0.5
    assert found.sigma == pytest.approx(wanted, rel=1e-6)


def test_rows_with_random_holes_are_predicted_or_say_what_is_missing(tmp_path) -> None:
    """Blank cells, other chips and odd degrees: a prediction or a reason, never a failure."""
    chips = ["H20", "L40S", "A100", "910B", "Gaudi2", "RTX 4090 D", "Mystery", "TPU v5p", "L2", ""]
    data = Path(__file__).parents[3] / "benchmarks" / "data"
    draw = random.Random(7)
    for name in ("training_measurements.csv", "inference_measurements.csv"):
        with (data / name).open(encoding="utf-8") as stream:
            rows = draw.sample(list(csv.DictReader(stream)), 250)
        for each in rows:
            for column in set(each) - {"id"}:
                if draw.random() < 0.1:
                    each[column] = ""
            if draw.random() < 0.4:
                each |= {"chip": draw.choice(chips), "chip_memory_gb": ""}
            for column in {"tp", "pp", "dp", "ep", "heads", "layers", "n_chips"} & set(each):
                if each[column] and draw.random() < 0.05:
                    each[column] = draw.choice(["1", "3", "64", "1000000"])
        file = tmp_path / name
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        found = validate(file)
        assert len(found.predictions) + len(found.skipped) == 250
        assert len(found.predictions) > 80
        assert all(item.why and "no finite" not in item.why for item in found.skipped)
