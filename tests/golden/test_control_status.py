"""Statuses that companies and agencies stated, against what the rules room computes.

`control_status.csv` holds each statement with its source; `expected` says what of the answer must
agree, `explanation` why a statement cannot be tested as it stands or what stands for it.
"""

import csv
from datetime import date
from pathlib import Path

import pytest

from tonnage.catalog import load_catalog
from tonnage.rules import Measures, Verdict, classify, load_rules
from tonnage.rules.classify import class_and_licence
from tonnage.rules.licence import Deal
from tonnage.rules.metrics import Interval

TABLE = Path(__file__).parent / "control_status.csv"
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
KNOWN = date(2026, 11, 22)


def expectations(row: dict[str, str]) -> dict[str, str]:
    return dict(part.split("=", 1) for part in row["expected"].split("; ") if part)


def found_in(verdict: Verdict) -> dict[str, set[str]]:
    return {
        "class": {verdict.class_id},
        "paragraph": {verdict.paragraph},
        "licence": {{True: "true", False: "false", None: "unknown"}[verdict.licence_required]},
        "exceptions": {found.id for found in verdict.exceptions},
        "review": {verdict.review_policy or "none"},
        "notice": {n.id for n in verdict.notices if n.applies}
        or ({"perhaps"} if verdict.notices else {"none"}),
        "guidance": {found.id for found in verdict.guidance},
        "practice": {found.id for found in verdict.practice},
        "buyer": {found.id for found in verdict.buyer_side},
        "tariff": {duty.band for duty in verdict.tariff if duty.applies},
    }


TESTABLE = [row for row in ROWS if row["catalog_id"]]


@pytest.mark.parametrize("row", TESTABLE, ids=lambda r: f"{r['chip'][:24]} {r['date_from']}")
def test_a_stated_status_agrees(row: dict[str, str]) -> None:
    expected = expectations(row)
    verdict = classify(
        load_catalog(KNOWN).by_id[row["catalog_id"]],
        expected.pop("to", "CN"),
        date.fromisoformat(row["date_from"]),
        headquarters=expected.pop("headquarters", None),
        book=load_rules(KNOWN),
    )
    found = found_in(verdict)
    for part, value in expected.items():
        assert value in found[part], (part, row["source_url"])


def test_a_stated_score_agrees() -> None:
    row = next(row for row in ROWS if row["expected"].startswith("tpp="))
    expected = expectations(row)
    measures = Measures(
        tpp=Interval.exactly(float(expected["tpp"])), datacenter=expected["datacenter"] == "yes"
    )
    deal = Deal("CN", "US", None, date.fromisoformat(row["date_from"]))
    class_id, licence = class_and_licence(measures, deal, load_rules(KNOWN))
    assert class_id == expected["class"]
    assert licence is False


def test_every_statement_is_tested_or_says_why_not() -> None:
    for row in ROWS:
        assert row["source_url"].startswith("http")
        assert row["expected"] or row["explanation"].startswith("not testable"), row["chip"]
    assert sum(bool(row["expected"]) for row in ROWS) >= 40
