"""Rooms import in one direction only, and only through each other's doors."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "tonnage"

LEVEL = {
    "errors": 0, "units": 0, "dates": 0, "files": 0,
    "provenance": 1, "catalog": 2, "rules": 3, "workload": 3, "perf": 4,
    "scenario": 5, "cost": 5, "planning": 6, "market": 6, "evidence": 6,
    "sweep": 7, "study": 7, "report": 8, "cli": 9, "web": 9,
}  # fmt: skip

VERBS = {"study", "report", "cli", "web"}
"""Rooms of one module a verb: each module is a door of its own."""

FORBIDDEN = {("rules", "workload"), ("workload", "rules"), ("cost", "scenario"),
             ("scenario", "cost"), ("cli", "web"), ("web", "cli")}  # fmt: skip


def imports(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return [name for name in names if name.startswith("tonnage.")]


def room(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return parts[0]


OUTSIDE = {"__init__", "__main__"}
MODULES = [path for path in sorted(SOURCE.rglob("*.py")) if room(path) not in OUTSIDE]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_left_only(path: Path) -> None:
    here = room(path)
    assert here in LEVEL, f"{here} is a room that no one drew; add it to the map"
    for name in imports(path):
        there = name.split(".")[1]
        if there in LEVEL and there != here:
            assert LEVEL[there] <= LEVEL[here], f"{path.name}: {here} imports {name}"
            assert (here, there) not in FORBIDDEN, f"{path.name}: {here} imports {name}"
            if LEVEL[here] == LEVEL[there] and LEVEL[here] > 0:
                assert (here, there) == ("study", "sweep"), f"{path.name}: {here} imports {name}"


SHARED = {"errors", "units", "dates", "files"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_another_room_is_entered_by_its_door(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    entered = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    for name in entered:
        parts = (name or "").split(".")
        if parts[0] != "tonnage" or len(parts) < 3 or parts[1] in SHARED | {room(path)}:
            continue
        assert parts[1] in VERBS, f"{path.name} enters {name} past its door"


def test_no_path_of_this_machine_and_no_registry_address() -> None:
    root = SOURCE.parents[1]
    for path in [*root.glob("requirements/*"), *SOURCE.rglob("*.py"), root / "Makefile"]:
        text = path.read_text(encoding="utf-8")
        assert "index-url" not in text, path
        assert "/root/" not in text, path
        assert "/home/" not in text, path
