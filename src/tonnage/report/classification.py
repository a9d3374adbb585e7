"""Verdicts as a table, in plain words, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from tonnage.report.page import WIDTH, page
from tonnage.rules import Measure, Test, Verdict, country_name
from tonnage.study.classification import Classified

if TYPE_CHECKING:
    from rich.console import RenderableType

NOT_ADVICE = (
    "A reading of public rules for analysis and screening: not legal advice, never a clearance. "
    "Listed parties, end uses and embargoes are not examined."
)
NARROW = 100
"""Below so many characters tables save blanks."""
NAMES = {
    "tpp": "TPP",
    "processing_sum": "processing sum",
    "performance_density": "performance density",
    "io_rate": "I/O rate",
    "interconnect_bandwidth": "interconnect bandwidth",
    "dram_bandwidth": "DRAM bandwidth",
    "bandwidth_sum": "DRAM and interconnect bandwidth",
    "die_area_mm2": "die area",
    "io_bidirectional_gbs": "I/O rate",
    "memory_bandwidth_gbs": "DRAM bandwidth",
}
"""Quantity → how a sentence calls it."""


def to_json(answer: Classified) -> dict[str, Any]:
    """Return the document of `tonnage classify --json`."""
    chips = []
    for verdict in answer:
        document = verdict.to_dict()
        order = answer.orders.get(verdict.chip)
        if order is not None:
            document["order"] = {
                "count": order.count,
                "tpp_total": order.tpp_total,
                "limits": [limit.to_dict() for limit in order.limits],
            }
        chips.append(document)
    return {"format": "tonnage.classify/1", "chips": chips, "not_legal_advice": NOT_ADVICE}


def show(answer: Classified) -> None:
    """Print the table, then each verdict in words."""
    console = page()
    for part in parts(answer, console.width):
        console.print(part)


def parts(answer: Classified, width: int = WIDTH) -> Iterator[RenderableType]:
    """Yield the table, narrower in a terminal of few characters, then each verdict in words."""
    from rich.table import Table
    from rich.text import Text

    first = answer[0]
    table = Table(
        title=_title(first),
        title_justify="left",
        show_edge=False,
        pad_edge=False,
        padding=padding(width),
    )
    table.add_column("chip", no_wrap=True)
    for name in ("class", "licence", "exceptions", "review", "binding margin"):
        table.add_column(name, overflow="fold")
    for verdict in answer:
        table.add_row(
            verdict.chip,
            _class(verdict),
            _licence(verdict),
            ", ".join(found.id for found in verdict.exceptions) or "–",
            (verdict.review_policy or "–").partition(", otherwise")[0],
            _margin(verdict),
        )
    yield table
    yield ""
    for verdict in answer:
        yield Text.assemble((verdict.name, "bold"), f": {' '.join(sentences(verdict))}")
    yield from _overlays(answer)
    yield from _orders(answer)
    yield ""
    notes = dict.fromkeys(v.enforcement_note for v in answer if v.enforcement_note)
    for note in notes:
        yield f"Enforcement: {note}"
    yield f"Not decided here: {'; '.join(first.limbs)}."
    yield NOT_ADVICE


def padding(width: int) -> tuple[int, int]:
    """Return a table's padding: none beside the rules where few characters are to be had."""
    return (0, 0) if width < NARROW else (0, 1)


def _title(verdict: Verdict) -> str:
    place = country_name(verdict.destination)
    text = f"To {place} ({verdict.destination}) from {verdict.exporter}, law of {verdict.on}"
    if verdict.headquarters:
        text += f", parent in {verdict.headquarters}"
    text += f", as known on {verdict.as_of}"
    return f"{text}, with reform: {verdict.reform}" if verdict.reform else text


def _class(verdict: Verdict) -> str:
    if verdict.class_id == "none" and verdict.paragraph:
        return "none (Note 2)"
    if not verdict.paragraph or verdict.class_id == verdict.paragraph:
        return verdict.class_id
    return f"{verdict.class_id} ({_short(verdict.paragraph)})"


def _short(paragraph: str) -> str:
    return paragraph.replace("3A090.", "").replace(" and ", ", ")


def _licence(verdict: Verdict) -> str:
    law = {True: "required", False: "not required", None: "unknown"}[verdict.licence_required]
    if verdict.licence_by_notice is None:
        return f"{law}; by notice: unknown"
    return f"{law}; by notice: required" if verdict.licence_by_notice else law


def _margin(verdict: Verdict) -> str:
    found = binding(verdict)
    if found is None or found.margin is None:
        return "–"
    name = NAMES.get(found.quantity, found.quantity)
    return f"{name} {found.margin:+.1f} % of {found.threshold:g}"


def binding(verdict: Verdict) -> Test | None:
    """Return the comparison that the class hangs on.

    Paragraphs are alternatives: a chip in a class hangs on the one it meets most widely, and there
    on the narrowest leg. For a chip outside it is the leg that keeps it out of the nearest
    paragraph, for one left out by Note 2 the line of that note.
    """
    tests = [test for test in verdict.tests if test.margin is not None]
    if verdict.class_id == "none" and verdict.paragraph:
        return next((test for test in tests if test.parameter == "3A090.note2.tpp"), None)
    clauses = _by_clause(test for test in tests if test.clause.startswith(("3A090", "proposed")))
    if verdict.class_id not in ("none", "unknown"):
        mine = [legs for legs in clauses if _clause_is_of(legs[0].clause, verdict)]
        narrowest = [min(legs, key=_distance) for legs in mine if all(leg.met for leg in legs)]
        return max(narrowest, key=_distance, default=None)
    keeping = [
        max((t for t in legs if t.met is False), key=_distance, default=None) for legs in clauses
    ]
    return min((t for t in keeping if t is not None), key=_distance, default=None)


def _clause_is_of(clause: str, verdict: Verdict) -> bool:
    return clause.startswith((verdict.class_id, "proposed"))


def _by_clause(tests: Iterable[Test]) -> list[list[Test]]:
    found: dict[str, list[Test]] = {}
    for test in tests:
        found.setdefault(test.clause, []).append(test)
    return list(found.values())


def _distance(test: Test) -> float:
    return abs(test.margin or 0.0)


def sentences(verdict: Verdict) -> Iterator[str]:
    """Yield a verdict in plain words: class with margins, licence, exceptions, what is open."""
    yield _class_sentence(verdict)
    yield from _licence_sentences(verdict)
    if verdict.licence_by_notice is not False:
        yield "A company notice asks for a licence; see below."
    for duty in verdict.tariff:
        if duty.applies:
            yield f"Import into the US: {duty.rate:.0%} duty ({duty.band}, {duty.cited.paragraph})."
    for decision in verdict.unknown:
        name = NAMES.get(decision.quantity, decision.quantity)
        yield f"Not settled: {name} ({decision.would_decide}); ask {decision.ask}."


def _orders(answer: Classified) -> Iterator[str]:
    for chip, order in answer.orders.items():
        if order.tpp_total is None:
            yield f"\nAn order of {order.count:,} {chip}: aggregate TPP unknown."
            continue
        total = f"{order.tpp_total:,.0f}"
        yield f"\nAn order of {order.count:,} {chip} has an aggregate TPP of {total}."
        for limit in order.limits:
            yield (
                f"- {limit.share:.1%} of {limit.limit_tpp:,.0f} TPP: {limit.says} "
                f"({limit.cited.paragraph}, {limit.cited.enforcement})."
            )


_LABELS = {
    "notice": "Company notices",
    "guidance": "Guidance",
    "practice": "Practice",
    "buyer_side": "Buyer side, as reported; no part of the export rules",
}


def _overlays(answer: Classified) -> Iterator[RenderableType]:
    """Yield each notice, guidance and buyer-side measure once, with the chips it reaches."""
    from rich.text import Text

    found: dict[str, tuple[Measure, list[str]]] = {}
    for verdict in answer:
        for measure in (
            *verdict.notices,
            *verdict.guidance,
            *verdict.practice,
            *verdict.buyer_side,
        ):
            sure = "" if measure.applies else " (perhaps)"
            found.setdefault(measure.id, (measure, []))[1].append(verdict.chip + sure)
    for kind, label in _LABELS.items():
        mine = [pair for pair in found.values() if pair[0].kind == kind]
        if mine:
            yield Text(f"\n{label}", style="bold")
        for measure, chips in mine:
            whom = f" to {', '.join(measure.addressees)}" if measure.addressees else ""
            note = f" {measure.note}" if measure.note else ""
            yield (
                f"- from {measure.effective}{whom}: {measure.says} ({_source(measure)}).{note}"
                f" Reaches {', '.join(chips)}."
            )


def _class_sentence(verdict: Verdict) -> str:
    if verdict.class_id == "unknown":
        return f"class unknown ({verdict.reason})."
    if verdict.class_id != "none":
        mine = [test for test in verdict.tests if _clause_is_of(test.clause, verdict)]
        met = [legs for legs in _by_clause(mine) if all(leg.met for leg in legs)]
        said = [f"{_against(min(legs, key=_distance))} ({legs[0].paragraph})" for legs in met]
        return f"{verdict.class_id}: {', '.join(said)}."
    found = binding(verdict)
    closest = f"; {_against(found)} ({found.paragraph})" if found is not None else ""
    return f"not in 3A090: {verdict.reason}{closest}."


def _against(test: Test) -> str:
    name = NAMES.get(test.quantity, test.quantity)
    if test.value is None:
        low = "?" if test.low is None else f"{test.low:.5g}"
        return f"{name} of at least {low} against {test.threshold:g}"
    side = "over" if (test.margin or 0) >= 0 else "under"
    return f"{name} {test.value:.5g} is {abs(test.margin or 0):.1f} % {side} {test.threshold:g}"


def _licence_sentences(verdict: Verdict) -> Iterator[str]:
    if verdict.licence_required is False:
        yield "No licence by 3A090."
        return
    grounds = dict.fromkeys(f"{c.paragraph} ({c.why})" for c in verdict.licence_basis)
    word = (
        "Licence required by" if verdict.licence_required else "Licence unknown; it would rest on"
    )
    yield f"{word} {' and '.join(grounds)}."
    if " ask from " in verdict.assumption:
        yield f"This is for {verdict.assumption}."
    if verdict.exceptions:
        yield f"May go under {', '.join(e.id for e in verdict.exceptions)} if the conditions hold."
    if verdict.review:
        policy = verdict.review[0]
        yield f"Review: {policy.policy} ({policy.cited.paragraph})."


def _source(measure: Measure) -> str:
    return f"{measure.source.note or measure.source.title}, grade {measure.grade.value}"
