"""The example of the planner's page runs as it stands."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "planning.md"


def test_the_example_of_the_page_runs(capsys):
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    exec(compile(code.group(1), "planning.md", "exec"), {})
    assert capsys.readouterr().out.startswith("[2224.    0.]")
