"""How the catalog looks: JSON, one table of many chips, one sheet of a single chip."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from tonnage.catalog import QUANTITIES, Chip
from tonnage.provenance import Sourced
from tonnage.study.chips import ChipList, ChipSheet

if TYPE_CHECKING:
    from rich.table import Table

UNKNOWN = "–"
_COLUMNS = (
    ("fp16_tflops", "FP16"),
    ("fp8_tflops", "FP8"),
    ("int8_tops", "INT8"),
    ("memory_gb", "GB"),
    ("memory_bandwidth_gbs", "GB/s"),
    ("scale_up_gbs", "link"),
    ("tdp_w", "W"),
)
_TITLES = ("id", "chip", "HQ", *(title for _, title in _COLUMNS), "TPP", "density")
WIDEST = 135
_NARROW = (
    (85, frozenset({"chip", "HQ", "FP8", "INT8", "link", "W"})),
    (110, frozenset({"chip", "INT8"})),
    (WIDEST, frozenset({"chip"})),
)
"""Below so many characters, the columns that are left out."""
_SHEET_NARROW = 110


def list_to_json(answer: ChipList) -> dict[str, Any]:
    """Return the document of `chips list --json`."""
    return {
        "as_of": answer.as_of.isoformat(),
        "chips": [sheet_to_json(sheet) for sheet in answer.sheets],
    }


def sheet_to_json(sheet: ChipSheet) -> dict[str, Any]:
    """Return one chip; a quantity that is not known is null."""
    chip = sheet.chip
    past = {q: [_stated(s) for s in stated] for q, stated in sheet.history.items()}
    return {
        "chip": chip.id,
        "id": chip.id,
        "name": chip.name,
        "vendor": chip.vendor,
        "family": chip.family,
        "headquarters": chip.headquarters,
        "aliases": list(chip.aliases),
        "note": chip.note or None,
        "as_of": sheet.as_of.isoformat(),
        "tpp": _rounded(sheet.tpp),
        "performance_density": _rounded(sheet.performance_density),
        "values": {q: _stated(chip.values.get(q)) for q in QUANTITIES},
        "unknown": list(sheet.unknown),
        **({"history": past} if past else {}),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _stated(found: Sourced[Any] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    value = found.value.isoformat() if isinstance(found.value, date) else found.value
    return {
        "value": value,
        "low": found.low,
        "high": found.high,
        "unit": found.unit,
        "confidence": found.confidence.value,
        "source": found.source.title,
        "source_id": found.source.id,
        "source_url": found.source.url or None,
        "known_from": found.known_from.isoformat(),
        "note": found.note or None,
    }


def list_table(answer: ChipList, width: int = WIDEST) -> Table:
    """Return one row a chip: rates (TFLOP/s, TOP/s), memory, link, power, TPP and density.

    A narrow terminal (`width` in characters) gets fewer columns rather than cut numbers.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    left_out = next((titles for most, titles in _NARROW if width < most), frozenset[str]())
    grid = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    # One row of tall cells: rich lays out twelve of them far sooner than fourteen hundred.
    tall = []
    columns = zip(*(_cells(sheet) for sheet in answer.sheets), strict=True)
    for title, column in zip(_TITLES, columns, strict=True):
        if title not in left_out:
            text = title in _TITLES[:3]
            grid.add_column(title, justify="left" if text else "right", no_wrap=True)
            tall.append("\n".join(column))
    grid.add_row(*tall)
    return grid


def _cells(sheet: ChipSheet) -> list[str]:
    chip = sheet.chip
    numbers = [_number(_cell(chip, quantity)) for quantity, _ in _COLUMNS]
    computed = [_number(sheet.tpp), _number(sheet.performance_density, 2)]
    return [chip.id, chip.name, chip.headquarters, *numbers, *computed]


def _cell(chip: Chip, quantity: str) -> float | None:
    value = chip.number(quantity)
    return chip.number("bf16_tflops") if value is None and quantity == "fp16_tflops" else value


def list_text(answer: ChipList) -> str:
    """Return what the table leaves to say."""
    if not answer.sheets:
        which = f" with {' and '.join(answer.asked)}" if answer.asked else ""
        return f"No chip of the catalog{which} was public on {answer.as_of}."
    return (
        f"{len(answer.sheets)} chips as known on {answer.as_of}. Rates are dense: FP16 (or BF16) "
        "and FP8 in TFLOP/s with FP32 accumulation, INT8 in TOP/s; link is all chip-to-chip links, "
        "both directions, in GB/s.\n"
        f"TPP and performance density (TPP per mm2) are computed; {UNKNOWN} is not public. "
        "`tonnage chips show ID` gives each number's source."
    )


def sheet_table(sheet: ChipSheet, width: int = WIDEST) -> Table:
    """Return one row a stated value, with confidence, day and source.

    In a narrow terminal (`width` in characters) the unit stands beside its value and the
    confidence before the source.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    chip = sheet.chip
    title = (
        f"{chip.name} ({chip.id}), {chip.vendor}, {chip.headquarters}, as known on {sheet.as_of}"
    )
    grid = Table(box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    grid.add_column("quantity", no_wrap=True)
    narrow = width < _SHEET_NARROW
    grid.add_column("value", justify="right", overflow="fold", min_width=10)
    if not narrow:
        grid.add_column("unit", no_wrap=True)
        grid.add_column("confidence", no_wrap=True)
    grid.add_column("known from", no_wrap=True)
    grid.add_column("source and note", overflow="fold")
    stated = [
        (q, each) for q, found in chip.values.items() for each in sheet.history.get(q, (found,))
    ]
    for quantity, found in stated:
        note = f"; {found.note}" if found.note else ""
        origin, sure, day = f"{found.source.id}{note}", found.confidence.value, found.known_from
        if narrow:
            with_unit = f"{_shown(found)} {found.unit}".strip()
            grid.add_row(quantity, with_unit, day.isoformat(), f"{sure}: {origin}")
        else:
            grid.add_row(quantity, _shown(found), found.unit, sure, day.isoformat(), origin)
    for name, value, unit in (
        ("tpp", sheet.tpp, "TOPS x bit"),
        ("performance_density", sheet.performance_density, "TPP/mm2"),
    ):
        shown, notes = _number(value, 2), "3A090 technical notes"
        if narrow:
            grid.add_row(name, f"{shown} {unit}", "", f"computed: {notes}")
        else:
            grid.add_row(name, shown, unit, "computed", "", notes)
    return grid


def compare_table(answer: ChipList) -> Table:
    """Return one column a chip and one row a quantity that any of them states."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    grid = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    grid.add_column("quantity", no_wrap=True)
    for sheet in answer.sheets:
        grid.add_column(sheet.chip.name, justify="right")
    grid.add_column("unit", no_wrap=True)
    for name, quantity in QUANTITIES.items():
        stated = [sheet.chip.values.get(name) for sheet in answer.sheets]
        if any(stated):
            shown = [UNKNOWN if found is None else _shown(found) for found in stated]
            grid.add_row(name, *shown, quantity.unit)
    grid.add_row("tpp", *(_number(s.tpp) for s in answer.sheets), "TOPS x bit")
    densities = (_number(s.performance_density, 2) for s in answer.sheets)
    grid.add_row("performance_density", *densities, "TPP/mm2")
    return grid


def compare_text(answer: ChipList) -> str:
    """Return what the table leaves to say."""
    ids = ", ".join(sheet.chip.id for sheet in answer.sheets)
    return (
        f"As known on {answer.as_of}: {ids}. {UNKNOWN} is not public. "
        "`tonnage chips show ID` gives each number's source."
    )


def sheet_text(sheet: ChipSheet) -> str:
    """Return the note, the sources and what is not public."""
    chip = sheet.chip
    lines = [chip.note] if chip.note else []
    if chip.aliases:
        lines.append(f"Also called {', '.join(chip.aliases)}.")
    every = [*chip.values.values(), *(s for stated in sheet.history.values() for s in stated)]
    sources = {found.source.id: found.source for found in every}
    lines += [f"[{name}] {source}" for name, source in sorted(sources.items())]
    if sheet.unknown:
        lines.append(f"Not stated anywhere we know of: {', '.join(sheet.unknown)}.")
    return "\n".join(lines)


def _shown(found: Sourced[Any]) -> str:
    if isinstance(found.value, bool):
        return "yes" if found.value else "no"
    if not isinstance(found.value, float):
        return str(found.value)
    if found.low is None and found.high is None:
        return _number(found.value, 2)
    ends = [found.value if end is None else end for end in (found.low, found.high)]
    return f"{_number(found.value, 2)} ({_number(ends[0], 2)} to {_number(ends[1], 2)})"


def _number(value: float | None, places: int = 1) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:,.{places}f}".rstrip("0").rstrip(".") if value % 1 else f"{value:,.0f}"
