"""Numbers, moves and spans of time as people write them."""

from __future__ import annotations

from collections.abc import Iterator

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


def phrase(action: Action) -> str:
    """Return a move in words.

    Examples
    --------
    >>> phrase(Action("2024-Q1", "buy", "H20", 3200, 5e7))
    'buy 3,200 H20'
    """
    if action.kind == "port":
        part = "" if action.count > 0.95 else f"{percent(action.count)} of "
        return f"port {part}{action.detail} to {action.item}"
    if action.kind == "reserve":
        return f"reserve {chips(action.count)} {action.item} for {action.detail}"
    return f"{action.kind} {chips(action.count)} {action.item}"


def spans(answer: PlanAnswer) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Yield the law as rows of chip, future, periods, class, licence and what may be ordered.

    Periods that follow each other with the same answer are one row; what all futures share stands
    once.
    """
    tree = answer.world.tree
    for chip in answer.world.chips:
        rows: dict[tuple[str, str, tuple[str, str, str]], list[int]] = {}
        for leaf, name in zip(tree.leaves, tree.futures, strict=True):
            for node in tree.path(leaf):
                future = name if tree.nodes[node].branch else "every"
                key = (chip, future, _answer_at(answer, node, chip))
                rows.setdefault(key, [])
                if tree.nodes[node].period not in rows[key]:
                    rows[key].append(tree.nodes[node].period)
        for (shown, future, words), periods in _merged(rows, len(tree.futures)):
            first, last = answer.periods[periods[0]], answer.periods[periods[-1]]
            yield shown, future, first if first == last else f"{first} – {last}", *words


def _merged(
    rows: dict[tuple[str, str, tuple[str, str, str]], list[int]], futures: int
) -> Iterator[tuple[tuple[str, str, tuple[str, str, str]], list[int]]]:
    """Yield the rows of a chip, as one where every future has the same answer throughout."""
    answers = {words for _, _, words in rows}
    if len(answers) == 1 and futures >= 1:
        chip = next(iter(rows))[0]
        periods = sorted({p for found in rows.values() for p in found})
        yield (chip, "every", answers.pop()), periods
        return
    yield from rows.items()


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
