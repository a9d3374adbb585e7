"""A plan for people: tables first, then what binds, the law, and what it all rests on."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tonnage.report.page import WIDTH, page, strong
from tonnage.report.plan_words import chips, dollars, law_changes, numbers_used, percent, phrase
from tonnage.study.plan_answer import Future, PlanAnswer, Replay

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

MOST_BINDING = 10
"""Limits told, those with most at stake; the JSON has all."""


def show(answer: PlanAnswer) -> None:
    """Print a plan on standard output."""
    _print(answer, page())


def summary(answer: PlanAnswer) -> str:
    """Return the plan as plain text, with every number it rests on."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=WIDTH, color_system=None, markup=False, emoji=False)
    _print(answer, console, every_number=True)
    assert isinstance(console.file, io.StringIO)
    lines = (line.rstrip() for line in console.file.getvalue().splitlines())
    return "\n".join(lines) + "\n"


def _print(answer: PlanAnswer, console: Console, every_number: bool = False) -> None:
    for part in _parts(answer, every_number):
        console.print(part)


def _parts(answer: PlanAnswer, every_number: bool) -> Iterator[RenderableType]:
    scenario = answer.world.scenario
    yield strong(f"{scenario.title}, as known on {scenario.as_of}")
    if scenario.about:
        yield scenario.about.replace("\n", " ")
    yield ""
    yield from _law(answer)
    yield from _speeds(answer)
    yield from _moves(answer)
    yield from _futures(answer)
    yield from _rests_on(answer, every_number)
    yield from _binding(answer)
    yield from _alternatives(answer)
    yield from _sensitivity(answer)
    if answer.replay is not None:
        yield from _replay(answer.replay)
    yield from _first_moves(answer)
    yield from _verdict(answer)


def _table(title: str, *columns: str, right: Iterable[int] = ()) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
                  pad_edge=False)  # fmt: skip
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index in set(right) else "left")
    return table


def _law(answer: PlanAnswer) -> Iterator[RenderableType]:
    table = _table("What the law says", "chip", "from", "in", "class", "licence", "orders")
    for row in law_changes(answer):
        table.add_row(*row)
    yield table


def _speeds(answer: PlanAnswer) -> Iterator[RenderableType]:
    works = [work.name for work in answer.world.scenario.workloads]
    table = _table("Tokens a second and chip (10th to 90th percentile)", "chip", *works,
                   right=range(1, len(works) + 1))  # fmt: skip
    for chip in answer.world.chips:
        cells = []
        for work in works:
            speed = answer.world.rates.ratings[chip, work].speed
            shown = "–" if speed is None else f"{speed.p50:.0f} ({speed.p10:.0f}–{speed.p90:.0f})"
            cells.append(shown)
        table.add_row(answer.world.prices.names[chip], *cells)
    yield table


def _moves(answer: PlanAnswer) -> Iterator[RenderableType]:
    """Yield a table for each stretch of the tree: what all futures share stands once."""
    tree = answer.world.tree
    home = {n: (f, t) for f, leaf in enumerate(tree.leaves) for t, n in enumerate(tree.path(leaf))}
    stretches: dict[str | None, list[int]] = defaultdict(list)
    for index, node in enumerate(tree.nodes):
        stretches[node.branch].append(index)
    for branch, nodes in stretches.items():
        share = tree.nodes[nodes[0]].probability
        title = "In every future" if branch is None else f"If {branch} ({percent(share)})"
        yield _stretch(answer, title, [home[node] for node in nodes])


def _stretch(answer: PlanAnswer, title: str, places: list[tuple[int, int]]) -> RenderableType:
    future = answer.futures[places[0][0]]
    serving = [name for name, rows in future.served.items() if len(rows) > 1]
    columns = ["period", "do", *serving, "spent", "MW"]
    big = max(s.power_mw for f in answer.futures for s in f.standings) >= 1.0
    columns[-1] = "MW" if big else "kW"
    table = _table(title, *columns, right=range(2, len(columns)))
    for at, period in places:
        future = answer.futures[at]
        standing = future.standings[period]
        moves = [a for a in future.actions if a.period == standing.period]
        table.add_row(
            standing.period,
            "; ".join(phrase(a, answer.world.prices.names) for a in moves) or "–",
            *(percent(future.served[name][period].share) for name in serving),
            dollars(standing.spent_usd),
            f"{standing.power_mw * (1 if big else 1000):.0f}",
        )
    return table


def _futures(answer: PlanAnswer) -> Iterator[RenderableType]:
    works = [work.name for work in answer.world.scenario.workloads]
    columns = ["future", "chance", "cost", "regret", *works]
    table = _table("Cost, and what is done of what is wanted", *columns,
                   right=range(1, len(columns)))  # fmt: skip
    for future in answer.futures:
        table.add_row(
            future.name,
            percent(future.probability),
            dollars(future.cost),
            "–" if future.regret is None else dollars(future.regret),
            *(percent(_done(future, name)) for name in works),
        )
    yield table


def _done(future: Future, name: str) -> float:
    """Return the part of a workload that is done over all periods."""
    rows = future.served[name]
    wanted = sum(row.wanted for row in rows)
    return min(sum(row.done for row in rows) / wanted, 1.0) if wanted else 1.0


def _binding(answer: PlanAnswer) -> Iterator[RenderableType]:
    if answer.binding:
        yield strong("What binds, and what one more unit of it is worth")
        yield from (f"  • {binding.says}" for binding in answer.binding[:MOST_BINDING])
        yield ""


def _alternatives(answer: PlanAnswer) -> Iterator[RenderableType]:
    if answer.alternatives:
        yield strong("Plans of nearly the same cost")
        yield from (f"  • {other.says}" for other in answer.alternatives)
        yield ""


def _sensitivity(answer: PlanAnswer) -> Iterator[RenderableType]:
    if answer.sensitivity:
        yield strong("What the first moves hang on (chips until the futures part, unrounded)")
        for row in answer.sensitivity:
            cost = "" if row.cost is None else f" ({dollars(row.cost)} in all)"
            yield f"  • {row.assumption}: {row.says}{cost}"
        yield ""


def _replay(replay: Replay) -> Iterator[RenderableType]:
    yield strong(f"Replayed against what had happened by {replay.to}")
    yield from (f"  • {line}" for line in replay.says)
    yield ""


def _first_moves(answer: PlanAnswer) -> Iterator[RenderableType]:
    table = _table("First moves: the same in every future", "period", "do", "costs", right=(2,))
    for action in answer.first_moves:
        words = phrase(action, answer.world.prices.names)
        table.add_row(action.period, words, dollars(action.usd))
    if answer.first_moves:
        yield table
    else:
        yield "First moves: none; nothing need be signed before the futures part."


def _verdict(answer: PlanAnswer) -> Iterator[RenderableType]:
    done = {
        "optimal": "proven",
        "feasible": "stopped by the time limit",
        "interrupted": "interrupted",
    }.get(answer.status, answer.status)
    yield (
        f"{done}: {dollars(answer.objective)} {_measure(answer)}, within {answer.gap:.2%} "
        f"of the best possible; {answer.seconds:.1f} s"
    )
    for name, value in answer.worth.items():
        yield f"{name}: {dollars(value)}"
    yield from answer.notes


def _measure(answer: PlanAnswer) -> str:
    """Return what the objective is, in a word or two."""
    risk = answer.plan.problem.risk
    if risk.objective == "regret":
        return "worst regret"
    return "with its bad tail" if risk.weight else "expected"


def _rests_on(answer: PlanAnswer, every_number: bool) -> Iterator[RenderableType]:
    scenario = answer.world.scenario
    used = numbers_used(answer)
    assumed = [amount for amount in used if amount.assumed]
    stated = [amount for amount in used if not amount.assumed]
    yield strong("What it rests on")
    for reference in scenario.references.values():
        numbers = [amount.field for amount in stated if amount.reason == reference.title]
        if numbers:
            yield f"  • {reference.title} ({reference.known}): {', '.join(numbers)}"
        elif reference.known <= scenario.as_of:
            yield f"  • {reference.title} ({reference.known}): named in assumptions"
    if every_number:
        yield from (f"  {a.field} = {a.shown}: assumed, {a.reason}" for a in assumed)
        yield from (f"  {a.field} = {a.shown}: {a.reason}" for a in stated)
        for item in answer.world.prices.items:
            yield f"  {item.chip}, {item.what} = {item.value:,.0f} {item.unit}: {item.source}"
    else:
        groups: dict[str, list[str]] = defaultdict(list)
        for amount in assumed:
            section, _, rest = amount.field.partition(".")
            groups[section.partition("[")[0]].append(f"{rest or section} {amount.shown}")
        yield f"  • {len(assumed)} assumptions of {chips(len(used))} numbers:"
        for section, shown in groups.items():
            yield f"    {section}: {len(shown)}"
        yield "    each with its reason in the scenario file, and with --out in numbers.csv"
    yield ""
