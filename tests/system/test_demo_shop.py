"""
`gateway demo shop` on a running gateway: the whole story goes well, and docs/demo-shop.md shows what it says.

Slow: a gateway of its own, since others' tests may have registered as often as one address may.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.conftest import running
from tests.system.running import GATEWAY, ROOT, Gateway
from tests.system.test_openapi_holds import key_of

PAGE = ROOT / "docs" / "demo-shop.md"
PATIENCE_SECONDS = 120.0  # each wait within gives up after 30 s and says which

pytestmark = pytest.mark.system

# What is another each time, or elsewhere on another machine.
UNSTEADY = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"demo-[0-9a-f]{8}@"), "demo@"),
    (re.compile(r"/r/[A-Za-z0-9_-]{16}"), "/r/CODE"),
    (re.compile(r"/stripe/pay/\w+"), "/stripe/pay/CHECKOUT"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://HERE"),
    (re.compile(r"(mug\.png|image/webp), \d+ bytes"), r"\1, N bytes"),
    (re.compile(r"/media/[0-9a-f]{64}\.webp"), "/media/PICTURE.webp"),
)


def steady(said: str) -> list[str]:
    for unsteady, name in UNSTEADY:
        said = unsteady.sub(name, said)
    lines = said.strip().splitlines()
    return [line for line, before in zip(lines, ["", *lines], strict=False) if line != before]  # asked for again


def shown_in(page: Path) -> str:
    """The block of the page that shows the run."""
    return page.read_text().partition("$ gateway demo shop\n")[2].partition("```")[0]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    yield from running(Gateway(tmp_path / "shop", {"workers": 1}))


def test_the_whole_story_goes_well_and_the_page_shows_it(gateway: Gateway) -> None:
    environment = {**os.environ, "GATEWAY_API_KEY": key_of(gateway)}
    told = subprocess.run(
        [GATEWAY, "demo", "shop", "--url", gateway.url],
        env=environment,
        cwd=gateway.home,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "stock before 5 = stock after 3 + sold 2" in told.stdout
    assert key_of(gateway) not in told.stdout + told.stderr
    assert steady(told.stdout) == steady(shown_in(PAGE))
