"""A value without its whole trail does not load, and every fault is told at once."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml

from tonnage.catalog import load_catalog
from tonnage.errors import DataError, UnknownName
from tonnage.rules import load_rules, uses
from tonnage.rules.loading import read_law, shipped
from tonnage.rules.rulebook import known_on

NEEDED = ["from", "known_from", "operator", "paragraph", "reference", "instrument", "grade",
          "enforcement"]  # fmt: skip
FILE = "774/3A090-a.yaml"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copytree(shipped(), tmp_path / "rules")
    return tmp_path / "rules"


def change(tree: Path, edit: dict[str, object], drop: str = "") -> None:
    path = tree / FILE
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    entry = document["parameters"]["3A090.a.1.tpp"]["values"][0]
    entry.update(edit)
    entry.pop(drop, None)
    path.write_text(yaml.safe_dump(document), encoding="utf-8")


def test_the_copy_loads(tree: Path) -> None:
    assert "3A090.a" in read_law(tree).rules


@pytest.mark.parametrize("name", NEEDED)
def test_a_value_without_part_of_its_trail_does_not_load(tree: Path, name: str) -> None:
    change(tree, {}, drop=name)
    with pytest.raises(DataError, match=rf"3A090\.a\.1\.tpp.*lacks {name}"):
        read_law(tree)


@pytest.mark.parametrize("name", NEEDED)
def test_an_empty_part_is_a_missing_part(tree: Path, name: str) -> None:
    change(tree, {name: None})
    with pytest.raises(DataError, match=f"lacks {name}"):
        read_law(tree)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        ({"reference": "nobody"}, "'nobody' is not in sources"),
        ({"instrument": "nobody"}, "'nobody' is not in sources"),
        ({"enforcement": "sometimes"}, "'sometimes' is not in enforcement"),
        ({"operator": "about"}, "'about' is none of"),
        ({"grade": "A"}, "none of P, Q, S, K"),
        ({"from": "2023"}, "from = '2023' is not a day"),
        ({"value": "many"}, "'many' is not a number"),
        ({"value": None}, "only an entry with operator 'ends' has no value"),
    ],
)
def test_a_wrong_part_does_not_load(tree: Path, edit: dict[str, object], says: str) -> None:
    change(tree, edit)
    with pytest.raises(DataError, match=re.escape(says)):
        read_law(tree)


def test_all_faults_are_told_at_once(tree: Path) -> None:
    change(tree, {"grade": "A", "operator": "about", "reference": "nobody"})
    with pytest.raises(DataError) as caught:
        read_law(tree)
    assert len(str(caught.value).splitlines()) == 4


def test_an_overlay_without_a_source_does_not_load(tree: Path) -> None:
    path = tree / "overlays" / "guidance.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    del document["overlays"][0]["reference"]
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(DataError, match="gp10-ascend: lacks reference"):
        read_law(tree)


def test_every_chip_that_an_overlay_names_is_in_the_catalog() -> None:
    book, catalog = load_rules(date(2026, 11, 22)), load_catalog(date(2026, 11, 22))
    named = {chip for overlay in book.overlays for chip in overlay.chips}
    assert named
    assert named <= set(catalog.by_id)


def test_every_parameter_takes_part_somewhere_or_says_that_it_is_only_shown() -> None:
    book = load_rules(date(2026, 11, 22))
    assert [name for name in book.parameters if not uses(book, name)] == []


def test_no_note_tells_what_was_not_known_yet() -> None:
    """Days named in free text are not later than the day from which the text is shown.

    Days that the text itself sets in advance are allowed: each stands in a dated value too.
    """
    law = read_law()
    announced = {"2025-05-15", "2026-11-10", "2027-04-06", "2026-12-31", "2026-04-13"}
    texts = [
        (entry.known_from, f"{entry.note} {entry.value if isinstance(entry.value, tuple) else ''}")
        for rule in law.rules.values()
        for parameter in rule.parameters.values()
        for entry in parameter.values
    ]
    texts += [(o.known_from, f"{o.says} {o.note}") for o in law.overlays]
    texts += [(s.known_from, s.note) for r in law.regimes.values() for s in r.states]
    for known, text in texts:
        for day in re.findall(r"\d{4}-\d{2}-\d{2}", text):
            assert day in announced or date.fromisoformat(day) <= known, text


def test_an_end_announced_later_is_not_known_before() -> None:
    book = known_on(read_law(), date(2023, 10, 16))
    assert book.on("3A090.2022.io_rate", date(2025, 1, 1)) is not None
    assert book.on("3A090.a.1.tpp", date(2025, 1, 1)) is None
    after = known_on(read_law(), date(2023, 10, 17))
    assert after.on("3A090.2022.io_rate", date(2023, 11, 16)) is not None
    assert after.on("3A090.2022.io_rate", date(2023, 11, 17)) is None


def test_the_affiliates_rule_is_unknown_after_its_stay() -> None:
    book = load_rules(date(2026, 11, 22))
    states = [book.state("affiliates", date(2025, m, d)) for m, d in ((10, 1), (11, 10))]
    assert states == ["enforced", "stayed"]
    assert book.state("affiliates", date(2026, 11, 9)) == "stayed"
    assert book.state("affiliates", date(2026, 11, 10)) == "unknown"
    assert "no text after that day" in book.regime_state("affiliates", date(2026, 11, 10)).note  # type: ignore[union-attr]


def test_an_unknown_parameter_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"3A090\.a\.1\.tpp"):
        load_rules(date(2026, 1, 1)).parameter("3A090.a1.tpp")


def test_every_source_is_named_by_something() -> None:
    law = read_law()
    used = {state.source.id for regime in law.regimes.values() for state in regime.states}
    used |= {overlay.source.id for overlay in law.overlays}
    for rule in law.rules.values():
        for parameter in rule.parameters.values():
            for entry in parameter.values:
                used |= {entry.reference.id, entry.instrument.id}
    assert set(law.sources) - used == set()


def test_no_instrument_is_published_long_after_it_was_known() -> None:
    """A rule is on public inspection at most some days before it is printed."""
    for rule in read_law().rules.values():
        for parameter in rule.parameters.values():
            for entry in parameter.values:
                published = entry.instrument.published
                assert published is not None
                if entry.grade != "K" and not entry.instrument.id.startswith("ecfr"):
                    assert (published - entry.known_from).days <= 31, (parameter.id, entry)
