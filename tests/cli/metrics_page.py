"""`docs/metrics.md`, read as a table: what each metric is called, its type and its labels."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(gateway_\w+)` \| (\w+) \| (.*?) \|", re.MULTILINE)

Told = dict[str, tuple[str, tuple[str, ...]]]


def told_metrics() -> Told:
    rows = ROW.findall(PAGE.read_text())
    assert len(rows) == len({name for name, _, _ in rows})
    return {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
