"""Rules, their trails, diffs and sweeps as tables, in words, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tonnage.report.classification import NOT_ADVICE, padding
from tonnage.report.page import page
from tonnage.rules import Dated, Overlay, Parameter
from tonnage.study.rulebook import Changed, Diff, Listed, Shown
from tonnage.study.rulebook_flips import Flip
from tonnage.study.rulebook_sweep import Sweep

if TYPE_CHECKING:
    from rich.console import RenderableType


Ahead = Sequence[tuple[Parameter, Dated]]
"""Entries that take effect later, next first."""


def list_to_json(rules: Sequence[Listed], ahead: Ahead) -> dict[str, Any]:
    """Return the document of `tonnage rules list --json`."""
    return {
        "ahead": [{"id": parameter.id, **entry.to_dict()} for parameter, entry in ahead],
        "rules": [
            {
                "id": found.rule.id,
                "title": found.rule.title,
                "effective_from": _day(found.effective_from),
                "enforcement": found.enforcement,
                "citation": found.rule.citation,
                "parameters": list(found.rule.parameters),
                "in_force": list(found.in_force),
            }
            for found in rules
        ],
    }


def shown_to_json(shown: Shown) -> dict[str, Any]:
    """Return the document of `tonnage rules show --json`."""
    document: dict[str, Any] = {
        "id": shown.id,
        "title": shown.title,
        "effective_from": _day(shown.effective_from),
        "enforcement": shown.enforcement,
        "citation": shown.citation,
        "parameters": [_parameter(p, shown) for p in shown.parameters],
    }
    if shown.overlay is not None:
        document["overlay"] = _overlay(shown.overlay)
    if shown.regime is not None:
        document["states"] = [
            {
                "effective_from": state.effective.isoformat(),
                "known_from": state.known_from.isoformat(),
                "state": state.state,
                "source": state.source.note,
                "source_url": state.source.url,
                "grade": state.grade.value,
                "note": state.note,
            }
            for state in shown.regime.states
        ]
    return document


def _parameter(parameter: Parameter, shown: Shown) -> dict[str, Any]:
    return {
        "id": parameter.id,
        "says": parameter.says,
        "quantity": parameter.quantity,
        "unit": parameter.unit,
        "linked": list(parameter.linked),
        "used_in": list(shown.used_in.get(parameter.id, ())),
        "values": [entry.to_dict() for entry in parameter.values],
    }


def _overlay(overlay: Overlay) -> dict[str, Any]:
    return {
        "kind": overlay.kind,
        "addressees": list(overlay.addressees),
        "chips": list(overlay.chips),
        "from": overlay.effective.isoformat(),
        "to": _day(overlay.until),
        "known_from": overlay.known_from.isoformat(),
        "says": overlay.says,
        "source": overlay.source.note,
        "source_url": overlay.source.url,
        "grade": overlay.grade.value,
        "note": overlay.note,
    }


def diff_to_json(diff: Diff) -> dict[str, Any]:
    """Return the document of `tonnage rules diff --json`."""
    return {
        "from": diff.first.isoformat(),
        "to": diff.second.isoformat(),
        "destination": diff.destination,
        "reform": diff.reform,
        "changes": [_changed(changed) for changed in diff.changed],
        "begun": [{"id": o.id, **_overlay(o)} for o in diff.begun],
        "ended": [{"id": o.id, **_overlay(o)} for o in diff.ended],
        "flips": [_flip(flip) for flip in diff.flips],
    }


def _changed(changed: Changed) -> dict[str, Any]:
    new = [(entry or old) for _, old, entry, _, _ in changed.parameters]
    days = [entry.effective for entry in new if entry is not None]
    return {
        "id": changed.rule.id,
        "effective_from": _day(max(days, default=None)),
        "enforcement": "; ".join(dict.fromkeys(state for *_, state in changed.parameters)),
        "citation": changed.rule.citation,
        "parameters": [
            {
                "id": parameter.id,
                "before": None if old is None else old.to_dict(),
                "after": None if entry is None else entry.to_dict(),
                "enforcement_before": before,
                "enforcement_after": after,
            }
            for parameter, old, entry, before, after in changed.parameters
        ],
    }


def _flip(flip: Flip) -> dict[str, str]:
    return {"chip": flip.chip, "what": flip.what, "from": flip.before, "to": flip.after}


def sweep_to_json(sweep: Sweep) -> dict[str, Any]:
    """Return the document of `tonnage rules sweep --json`."""
    return {
        "parameter": sweep.parameter,
        "moved": list(sweep.moved),
        "unit": sweep.unit,
        "from": sweep.start,
        "to": sweep.stop,
        "in_force": sweep.in_force,
        "destination": sweep.destination,
        "on": sweep.on.isoformat(),
        "reform": sweep.reform,
        "steps": [
            {"value": s.value, "beyond": s.beyond, "flips": [_flip(flip) for flip in s.flips]}
            for s in sweep.steps
        ],
    }


def show(parts: Iterable[RenderableType]) -> None:
    """Print what one of the functions below yields."""
    from rich.table import Table

    console = page()
    for part in parts:
        if isinstance(part, Table):
            part.padding = padding(console.width)
        console.print(part)
    console.print(NOT_ADVICE)


def list_parts(rules: Sequence[Listed], ahead: Ahead) -> Iterator[RenderableType]:
    """Yield the rules as a table, then what is known to change later."""
    table = _table(None, "rule", "title", "since", "enforcement", "citation")
    for found in rules:
        rule = found.rule
        since = _day(found.effective_from) or "–"
        table.add_row(rule.id, rule.title, since, found.enforcement, rule.citation)
    yield table
    for parameter, entry in ahead:
        yield f"Ahead, {entry.effective}: {parameter.id} {value(entry)} ({entry.paragraph})."
    yield "`tonnage rules show RULE` gives its parameters, their values over time and who set them."


def shown_parts(shown: Shown) -> Iterator[RenderableType]:
    """Yield one rule with every dated value of its parameters."""
    from rich.text import Text

    yield Text.assemble((shown.id, "bold"), f": {shown.title}")
    yield f"{shown.citation}; since {_day(shown.effective_from) or '–'}; {shown.enforcement}"
    for parameter in shown.parameters:
        table = _table(
            f"{parameter.id}: {parameter.says}",
            "in force from",
            "known from",
            "value",
            "paragraph",
            "put in force by",
            "grade",
            "enforcement",
        )
        for entry in parameter.values:
            table.add_row(
                _span(entry),
                entry.known_from.isoformat(),
                value(entry) if entry.value is None else f"{value(entry)} {parameter.unit}".strip(),
                entry.paragraph,
                entry.instrument.note,
                entry.grade.value,
                entry.enforcement,
            )
        yield table
        notes = "; ".join(entry.note for entry in parameter.values if entry.note)
        used = ", ".join(shown.used_in.get(parameter.id, ())) or "nothing yet"
        yield f"Used in: {used}.{' ' + notes if notes else ''}"
    if shown.overlay is not None:
        yield _overlay_line(shown.overlay)
    if shown.regime is not None:
        for state in shown.regime.states:
            yield f"from {state.effective}: {state.state} ({state.source.note}) {state.note}"


def _overlay_line(overlay: Overlay) -> str:
    until = f" to {overlay.until}" if overlay.until else ""
    to = ", ".join(overlay.addressees) or "–"
    return (
        f"{overlay.kind.replace('_', ' ')} from {overlay.effective}{until}; addressee: {to}; "
        f"{overlay.source.note}, grade {overlay.grade.value} {overlay.note}"
    )


def diff_parts(diff: Diff) -> Iterator[RenderableType]:
    """Yield what changed between two days, then the chips that flip."""
    title = f"From {diff.first} to {diff.second}{_under(diff.reform)}"
    table = _table(title, "parameter", "before", "after", "paragraph", "put in force by")
    for changed in diff.changed:
        for parameter, old, new, before, after in changed.parameters:
            last = new or old
            table.add_row(
                parameter.id,
                _with_state(old, before),
                _members_changed(old, new) or _with_state(new, after),
                last.paragraph if last else "–",
                last.instrument.note if last else "–",
            )
    yield table if diff.changed else f"{title}: no parameter of the law differs."
    for word, overlays in (("Began", diff.begun), ("Ended", diff.ended)):
        for overlay in overlays:
            yield f"{word}: {overlay.id}: {overlay.says}."
    yield ""
    yield from _flip_parts(diff)


def _flip_parts(diff: Diff) -> Iterator[RenderableType]:
    chips: dict[str, dict[str, Flip]] = {}
    for flip in diff.flips:
        chips.setdefault(flip.chip, {})[flip.what] = flip
    if not chips:
        yield f"No chip of the catalog flips for {diff.destination}."
        return
    columns = [c for c in _FLIP_COLUMNS if any(c in flips for flips in chips.values())]
    names = [c.replace("_", " ") for c in columns]
    alike: dict[tuple[str, ...], list[str]] = {}
    for chip, flips in chips.items():
        alike.setdefault(tuple(_arrow(flips.get(c)) for c in columns), []).append(chip)
    title = f"{len(chips)} chips flip for {diff.destination}"
    table = _table(title, "chips", *names)
    for row, same in alike.items():
        table.add_row(", ".join(same), *row)
        table.add_section()
    yield table


_FLIP_COLUMNS = (
    "class",
    "licence_required",
    "licence_by_notice",
    "review_policy",
    "exceptions",
    "enforcement",
    "tariff",
    "buyer_side",
)


def _arrow(flip: Flip | None) -> str:
    return "" if flip is None else f"{flip.before} → {flip.after}"


def sweep_parts(sweep: Sweep) -> Iterator[RenderableType]:
    """Yield the values at which chips flip, in the order of the sweep."""
    title = f"{sweep.parameter} from {sweep.start:g} to {sweep.stop:g} {sweep.unit}"
    law = f"law of {sweep.on}{_under(sweep.reform)}"
    table = _table(f"{title}, {sweep.destination}, {law}", "at", "chip", "flips")
    for step in sweep.steps:
        at = f"{'past ' if step.beyond else ''}{step.value:.6g}"
        by_chip: dict[str, list[str]] = {}
        for flip in step.flips:
            what = flip.what.replace("_", " ")
            by_chip.setdefault(flip.chip, []).append(f"{what}: {flip.before} → {flip.after}")
        for chip, said in by_chip.items():
            table.add_row(at, chip, "; ".join(said))
    yield table if sweep.steps else f"{title}: no chip of the catalog flips."
    if len(sweep.moved) > 1:
        others = ", ".join(sweep.moved[1:])
        yield f"Moved together, as they state the same number: {others} (--alone moves one only)."
    state = "Under the reform" if sweep.reform else "In force"
    yield f"{state}: {sweep.in_force:g} {sweep.unit}. Chips are those of the catalog as published."


def _under(reform: str) -> str:
    return f", with reform: {reform}" if reform else ""


_WHOLE = frozenset({"rule", "parameter", "chip", "since", "known from"})
"""Columns of ids and days, which a narrow terminal does not break."""


def _table(title: str | None, *columns: str) -> Any:
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
    return table


def value(entry: Dated) -> str:
    """Return an entry's value with its operator, for people."""
    if entry.value is None:
        return "ends"
    if isinstance(entry.value, tuple):
        return ", ".join(entry.value)
    text = f"{entry.value:g}" if isinstance(entry.value, float) else str(entry.value)
    return f"{entry.operator} {text}" if entry.operator in (">=", ">", "<", "<=") else text


def _with_state(entry: Dated | None, state: str) -> str:
    if entry is None:
        return "–"
    return _short(entry) if state == "enforced" else f"{_short(entry)} ({state})"


def _short(entry: Dated) -> str:
    """Return an entry's value for a table of changes: lists by their length."""
    if isinstance(entry.value, tuple) and len(entry.value) > 1:
        return f"{len(entry.value)} {'countries' if entry.operator == 'in' else 'conditions'}"
    return value(entry)


def _members_changed(old: Dated | None, new: Dated | None) -> str:
    if old is None or new is None or old.operator != "in" or new.operator != "in":
        return ""
    if not (isinstance(old.value, tuple) and isinstance(new.value, tuple)):
        return ""
    joined = [f"+{name}" for name in new.value if name not in old.value]
    left = [f"-{name}" for name in old.value if name not in new.value]
    return ", ".join([*joined, *left])


def _span(entry: Dated) -> str:
    if entry.compliance == entry.effective:
        return entry.effective.isoformat()
    return f"{entry.effective} (comply {entry.compliance})"


def _day(day: Any) -> str | None:
    return None if day is None else day.isoformat()
