"""Numbers, moves and spans of time as people write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tonnage.scenario import Amount
from tonnage.study.plan_answer import Action, PlanAnswer


def dollars(usd: float) -> str:
    """Return money with three figures at most.

    Examples
    --------
    >>> dollars(1_234_567_890), dollars(-56_000), dollars(0)
    ('$1.23 B', '-$56 k', '$0')
    """
    sign, size = ("-" if usd < 0 else ""), abs(usd)
    for scale, name in ((1e9, " B"), (1e6, " M"), (1e3, " k")):
        if size >= scale * 0.9995:
            return f"{sign}${size / scale:.3g}{name}"
    return f"{sign}${size:.0f}" if size >= 0.5 else "$0"


def chips(count: float) -> str:
    """Return a number of chips.

    Examples
    --------
    >>> chips(12345.6)
    '12,346'
    """
    return f"{count:,.0f}"


def percent(share: float) -> str:
    """Return a share in percent, without rounding up to all.

    Examples
    --------
    >>> percent(0.9996), percent(1.0), percent(0.123)
    ('99.9 %', '100 %', '12 %')
    """
    if 0.995 <= share < 0.99995:
        return f"{min(share, 0.999) * 100:.1f} %"
    return f"{share * 100:.0f} %"


def phrase(action: Action, names: Mapping[str, str] | None = None) -> str:
    """Return a move in words; `names` says what chips are called.

    Examples
    --------
    >>> phrase(Action("2024-Q1", "buy", "H20", 3200, 5e7))
    'buy 3,200 H20'
    """
    name = (names or {}).get(action.item, action.item)
    if action.kind == "port":
        part = "" if action.count > 0.95 else f"{percent(action.count)} of "
        return f"port {part}{action.detail} to {action.item}"
    if action.kind == "reserve":
        return f"reserve {chips(action.count)} {name} for {action.detail}"
    verb = "keep in stock" if action.kind == "stockpile" else action.kind
    return f"{verb} {chips(action.count)} {name}"


def law_changes(answer: PlanAnswer) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Yield the law as chip, first period, branch, class, licence, order: a row at each change.

    A branch in which a chip's answer is that of the branch before has no row.
    """
    tree = answer.world.tree
    for chip in answer.world.chips:
        for index, node in enumerate(tree.nodes):
            words = _answer_at(answer, index, chip)
            before = _answer_at(answer, node.parent, chip) if node.parent >= 0 else None
            if words != before:
                name = answer.world.prices.names[chip]
                yield name, answer.periods[node.period], node.branch or "every future", *words


def _answer_at(answer: PlanAnswer, node: int, chip: str) -> tuple[str, str, str]:
    ruling = answer.world.law.rulings[node, chip]
    verdict = ruling.verdict
    if verdict.domestic:
        return verdict.class_id, "no export", "open"
    if verdict.permitted:
        return verdict.class_id, "not required", "open"
    asked = "not known" if verdict.permitted is None else "required"
    if verdict.licence_by_notice and not verdict.licence_required:
        asked = "required by notice"
    order = f"{percent(ruling.licensed)} assumed licensed" if ruling.licensed else "closed"
    return verdict.class_id, asked, order


def numbers_used(answer: PlanAnswer) -> list[Amount]:
    """Return the scenario's numbers that the answer uses: what happened later, in a replay only."""
    return [
        amount
        for amount in answer.world.scenario.ledger
        if answer.replay is not None or not amount.field.startswith("happened")
    ]
