"""Run the commands that README.md shows and write their real output under them.

A block is a comment `<!-- run: tonnage … -->` and the fenced text below it. `--check` changes
nothing and fails if an output is no longer what the command prints.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- run: (?P<command>[^\n]+?) -->\n```text\n)(?P<output>.*?)(```\n)", re.S)
WIDTH = "100"


def output_of(command: str) -> str:
    words = shlex.split(command)
    words[0] = str(Path(sys.executable).parent / words[0])
    environment = {**os.environ, "COLUMNS": WIDTH, "NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=ROOT, env=environment, check=False
    )
    if done.returncode not in (0, 1):
        sys.exit(f"{command}: exit code {done.returncode}\n{done.stderr}")
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())


def main() -> int:
    text = README.read_text(encoding="utf-8")
    fresh = BLOCK.sub(
        lambda found: found.group(1) + output_of(found["command"]) + "\n" + found.group(4), text
    )
    if "--check" not in sys.argv:
        README.write_text(fresh, encoding="utf-8")
        return 0
    changed = difflib.unified_diff(text.splitlines(), fresh.splitlines(), "README.md", "now")
    lines = list(changed)
    print(*lines, sep="\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
