"""`docs/reliability.md` names a test for each promise: each of them must exist, or the page has rotted."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "reliability.md"
TRAPS = "worker/test_arq_traps.py"
NAMED = re.compile(r"`(?:([a-z_/]+\.py)::)?(test_\w+)`")


def named_tests() -> set[tuple[str, str]]:
    """File and name; the table of arq's traps leaves its file out."""
    return {(file or TRAPS, name) for file, name in NAMED.findall(PAGE.read_text())}


def names_in(file: str) -> set[str]:
    path = TESTS / file
    if not path.exists():
        return set()
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_test_that_the_page_names_exists() -> None:
    named = named_tests()
    assert len(named) > 80
    assert sorted(f"{file}::{name}" for file, name in named if name not in names_in(file)) == []


def test_each_of_arqs_twenty_traps_has_a_row_with_a_test() -> None:
    rows = re.findall(r"^\| (\d+) \|.*$", PAGE.read_text(), re.MULTILINE)
    assert rows == [str(number) for number in range(1, 21)]
    assert all("`" in line for line in PAGE.read_text().splitlines() if re.match(r"\| \d+ \|", line))
