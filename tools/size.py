"""Print the size of each room, and fail when a module or a function grows too long.

A module over 400 lines is usually two things; a function over 60 lines usually hides one.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

MODULE_LINES = 400
FUNCTION_LINES = 60
SOURCE = Path(__file__).parents[1] / "src" / "tonnage"


def main() -> int:
    over: list[str] = []
    rooms: dict[str, list[int]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        name = path.relative_to(SOURCE)
        rooms.setdefault(name.parts[0] if len(name.parts) > 1 else ".", []).append(lines)
        if lines > MODULE_LINES:
            over.append(f"{name}: {lines} lines (at most {MODULE_LINES})")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
                length = node.end_lineno - node.lineno + 1
                if length > FUNCTION_LINES:
                    over.append(f"{name}:{node.lineno} {node.name}: {length} lines")
    for room, sizes in rooms.items():
        print(f"{room:12} {len(sizes):4} modules {sum(sizes):6} lines, largest {max(sizes)}")
    print(*over, sep="\n")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
