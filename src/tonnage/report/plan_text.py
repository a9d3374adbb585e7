"""A plan for people: tables first, then what binds, the law, and what it all rests on."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tonnage.report.plan_words import chips, dollars, percent, phrase, spans
from tonnage.study.plan_answer import Action, Future, PlanAnswer, Replay

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

WIDTH = 110
MOST_BINDING = 10
"""Limits told, those with most at stake; the JSON has all."""


def show(answer: PlanAnswer) -> None:
    """Print a plan on standard output."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH, soft_wrap=False)
    _print(answer, console)


def summary(answer: PlanAnswer) -> str:
    """Return the plan as plain text, with every number it rests on."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    _print(answer, console, every_number=True)
    assert isinstance(console.file, io.StringIO)
    lines = (line.rstrip() for line in console.file.getvalue().splitlines())
    return "\n".join(lines) + "\n"


def _print(answer: PlanAnswer, console: Console, every_number: bool = False) -> None:
    for part in _parts(answer, every_number):
        console.print(part)


def _parts(answer: PlanAnswer, every_number: bool) -> Iterator[RenderableType]:
    scenario = answer.world.scenario
    yield f"[bold]{scenario.title}[/bold], as known on {scenario.as_of}"
    if scenario.about:
        yield scenario.about.replace("\n", " ")
    yield ""
    yield from _law(answer)
    yield from _speeds(answer)
    for future in answer.futures:
        yield from _future(future)
    yield from _rests_on(answer, every_number)
    yield from _binding(answer)
    yield from _alternatives(answer)
    yield from _sensitivity(answer)
    if answer.replay is not None:
        yield from _replay(answer.replay)
    yield from _first_moves(answer)
    yield from _verdict(answer)


def _table(title: str, *columns: str, right: Iterable[int] = ()) -> RenderableType:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
                  pad_edge=False)  # fmt: skip
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index in set(right) else "left")
    return table


def _law(answer: PlanAnswer) -> Iterator[RenderableType]:
    table = _table("What the law says", "chip", "future", "periods", "class", "licence", "order")
    for row in spans(answer):
        table.add_row(*row)  # type: ignore[union-attr]
    yield table


def _speeds(answer: PlanAnswer) -> Iterator[RenderableType]:
    works = [work.name for work in answer.world.scenario.workloads]
    columns = range(1, len(works) + 1)
    table = _table("Tokens a second and chip (10th to 90th percentile)", "chip", *works,
                   right=columns)  # fmt: skip
    for chip in answer.world.chips:
        cells = []
        for work in works:
            speed = answer.world.rates.ratings[chip, work].speed
            shown = "–" if speed is None else f"{speed.p50:.0f} ({speed.p10:.0f}–{speed.p90:.0f})"
            cells.append(shown)
        table.add_row(chip, *cells)  # type: ignore[union-attr]
    yield table


def _future(future: Future) -> Iterator[RenderableType]:
    regret = "" if future.regret is None else f", regret {dollars(future.regret)}"
    title = f"{future.name} ({percent(future.probability)}): {dollars(future.cost)}{regret}"
    serving = [name for name, rows in future.served.items() if len(rows) > 1]
    columns = ["period", "do", *serving, "spent", "MW"]
    table = _table(title, *columns, right=range(2, len(columns)))
    by_period: dict[str, list[Action]] = defaultdict(list)
    for action in future.actions:
        by_period[action.period].append(action)
    for index, standing in enumerate(future.standings):
        shares = [percent(future.served[name][index].share) for name in serving]
        table.add_row(  # type: ignore[union-attr]
            standing.period,
            "; ".join(phrase(action) for action in by_period[standing.period]) or "–",
            *shares,
            dollars(standing.spent_usd),
            f"{standing.power_mw:.0f}",
        )
    yield table
    for name, rows in future.served.items():
        if len(rows) == 1:
            row = rows[0]
            by = ", ".join(f"{c} {percent(n / max(row.done, 1))}" for c, n in row.by.items())
            yield f"  {name}: {percent(row.share)} of its tokens by {row.period} ({by or 'none'})"
    yield ""


def _binding(answer: PlanAnswer) -> Iterator[RenderableType]:
    if answer.binding:
        yield "[bold]What binds, and what one more unit of it is worth[/bold]"
        yield from (f"  • {binding.says}" for binding in answer.binding[:MOST_BINDING])
        yield ""


def _alternatives(answer: PlanAnswer) -> Iterator[RenderableType]:
    if answer.alternatives:
        yield "[bold]Plans of nearly the same cost[/bold]"
        yield from (f"  • {other.says}" for other in answer.alternatives)
        yield ""


def _sensitivity(answer: PlanAnswer) -> Iterator[RenderableType]:
    if answer.sensitivity:
        yield "[bold]What the first moves hang on[/bold] (chips ordered before the futures part)"
        for row in answer.sensitivity:
            cost = "" if row.cost is None else f" ({dollars(row.cost)} in all)"
            yield f"  • {row.assumption}: {row.says}{cost}"
        yield ""


def _replay(replay: Replay) -> Iterator[RenderableType]:
    yield f"[bold]Replayed against what had happened by {replay.to}[/bold]"
    yield from (f"  • {line}" for line in replay.says)
    yield ""


def _first_moves(answer: PlanAnswer) -> Iterator[RenderableType]:
    table = _table("First moves: the same in every future", "period", "do", "costs", right=(2,))
    for action in answer.first_moves:
        table.add_row(action.period, phrase(action), dollars(action.usd))  # type: ignore[union-attr]
    if answer.first_moves:
        yield table
    else:
        yield "First moves: none; the fleet in hand is enough until the futures part."


def _verdict(answer: PlanAnswer) -> Iterator[RenderableType]:
    done = {
        "optimal": "proven",
        "feasible": "stopped by the time limit",
        "interrupted": "interrupted",
    }.get(answer.status, answer.status)
    yield (
        f"{done}: {dollars(answer.objective)} expected, within {answer.gap:.2%} of the best "
        f"possible; {answer.seconds:.1f} s"
    )
    for name, value in answer.worth.items():
        yield f"{name}: {dollars(value)}"
    yield from answer.notes


def _rests_on(answer: PlanAnswer, every_number: bool) -> Iterator[RenderableType]:
    scenario = answer.world.scenario
    assumed = [amount for amount in scenario.ledger if amount.assumed]
    stated = [amount for amount in scenario.ledger if not amount.assumed]
    yield "[bold]What it rests on[/bold]"
    for reference in scenario.references.values():
        used = sum(amount.reason == reference.title for amount in stated)
        yield f"  • {reference.title} ({reference.known}): {used} numbers"
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
        yield f"  • {len(assumed)} assumptions ({chips(len(scenario.ledger))} numbers in all); "
        for section, shown in groups.items():
            yield f"    {section}: {len(shown)}"
        yield "    each with its reason in the scenario file, and with --out in numbers.csv"
    yield ""
