"""What the law says of each chip in each period and future, and so what may be ordered.

A purchase is open where the rules room finds no licence requirement on the first and on the last
day of the period. Where a licence is required, or the answer is unknown, it is open only as far as
the scenario states that licences are assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from tonnage.catalog import Catalog, Chip
from tonnage.rules import Rulebook, Verdict, classify, load_rules, read_reform
from tonnage.scenario import Change, Scenario, Tree


@dataclass(frozen=True, slots=True)
class Ruling:
    """The verdict on one chip at one node, and what the plan makes of it."""

    chip: str
    node: int
    verdict: Verdict
    licensed: float
    """Part of the cap that may be ordered: 1 where no licence is needed."""

    @property
    def allowed(self) -> bool:
        """Tell whether anything may be ordered."""
        return self.licensed > 0.0


@dataclass(frozen=True, slots=True)
class Law:
    """Every ruling of a scenario, by node and chip."""

    rulings: Mapping[tuple[int, str], Ruling]

    def allowed(self, node: int, chip: str) -> bool:
        """Tell whether a chip may be ordered, or come, at a node."""
        return self.rulings[node, chip].allowed

    def licensed_share(self, node: int, chip: str) -> float:
        """Return the part of a chip's cap that may be ordered at a node."""
        return self.rulings[node, chip].licensed


def law_of(scenario: Scenario, tree: Tree, catalog: Catalog, as_of: date) -> Law:
    """Return the ruling on every option at every node, by the rules known on `as_of`."""
    books = _Books(scenario, as_of)
    chips = {option.chip: _chip(scenario, catalog, option.chip) for option in scenario.options}
    found: dict[tuple[date, str, str], Verdict] = {}
    rulings = {}
    for node in range(len(tree.nodes)):
        for name, chip in chips.items():
            verdict = _strictest(scenario, tree, node, chip, books, found)
            share = _licensed(scenario, tree, node, name, verdict)
            rulings[node, name] = Ruling(name, node, verdict, share)
    return Law(rulings)


def _chip(scenario: Scenario, catalog: Catalog, name: str) -> Chip:
    option = scenario.option(name)
    return catalog.find(option.roadmap.like if option and option.roadmap else name)


class _Books:
    """Rulebooks by reform file, read once each."""

    def __init__(self, scenario: Scenario, as_of: date) -> None:
        self._folder, self._as_of = Path(scenario.folder), as_of
        self._books: dict[str, Rulebook] = {}

    def at(self, reform: str) -> Rulebook:
        """Return the rulebook under a reform file, or as it stands for an empty name."""
        if reform not in self._books:
            patch = read_reform(self._folder / reform) if reform else None
            self._books[reform] = load_rules(self._as_of, reform=patch)
        return self._books[reform]


def _strictest(
    scenario: Scenario,
    tree: Tree,
    node: int,
    chip: Chip,
    books: _Books,
    found: dict[tuple[date, str, str], Verdict],
) -> Verdict:
    """Return the less lenient of the verdicts on the first and the last day of a node."""
    buyer, verdicts = scenario.buyer, []
    domestic = chip.headquarters == buyer.country
    for day in (tree.start(node), tree.end(node) - timedelta(days=1)):
        reform = reform_on(tree.nodes[node].changes, day)
        key = (day, chip.id, reform)
        if key not in found:
            found[key] = classify(
                chip,
                buyer.country,
                on=day,
                headquarters=buyer.headquarters,
                exporter=buyer.country if domestic else "US",
                book=books.at(reform),
            )
        verdicts.append(found[key])
    first, last = verdicts
    return first if _open(first) <= _open(last) else last


def reform_on(changes: tuple[Change, ...], day: date) -> str:
    """Return the reform file that holds on a day, the one begun last, empty for none."""
    held = [change for change in changes if change.kind == "rules" and change.holds(day)]
    return max(held, key=lambda change: change.on).detail if held else ""


def _open(verdict: Verdict) -> float:
    """1 open, 0.5 not known, 0 closed; what is made and sold at home is no export."""
    if verdict.domestic or verdict.permitted:
        return 1.0
    return 0.5 if verdict.permitted is None else 0.0


def _licensed(scenario: Scenario, tree: Tree, node: int, chip: str, verdict: Verdict) -> float:
    if _open(verdict) == 1.0:
        return 1.0
    day, option = tree.start(node), scenario.option(chip)
    held = [
        change
        for change in tree.nodes[node].changes
        if change.kind == "licence" and chip in change.names and change.holds(day)
    ]
    if held:
        amount = max(held, key=lambda change: change.on).amount
        return amount.value if amount else 0.0
    return option.licence.on(day) if option and option.licence else 0.0
