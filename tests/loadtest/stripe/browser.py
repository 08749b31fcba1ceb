"""A headless Chromium, driven by W3C WebDriver: JSON over plain HTTP to chromedriver, with no library between."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

import httpx

CHROMEDRIVER, CHROMIUM = which("chromedriver"), which("chromium") or which("google-chrome")
PATIENCE = 20_000  # ms, for an element that is on its way
ABSENT = "chromedriver and chromium are not both on PATH"

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # it calls nobody else
)
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # W3C WebDriver, 12.2: what an element's id goes by


@dataclass(frozen=True)
class Browser:
    """Elements are named by CSS; one that is not there yet is waited for."""

    session: httpx.Client

    def open(self, url: str) -> None:
        self._ask("POST", "url", {"url": url})

    @property
    def url(self) -> str:
        return str(self._ask("GET", "url"))

    def read(self, css: str) -> str:
        return str(self._ask("GET", f"element/{self._find(css)}/text"))

    def fill(self, css: str, text: str) -> None:
        found = self._find(css)
        self._ask("POST", f"element/{found}/clear", {})
        self._ask("POST", f"element/{found}/value", {"text": text})

    def press(self, css: str) -> None:
        """The page that it was on is gone when this returns: chromedriver may miss that a form leads elsewhere."""
        found = self._find(css)
        self._ask("POST", f"element/{found}/click", {})
        while self.session.get(f"element/{found}/enabled").status_code == 200:
            pass

    def _find(self, css: str) -> str:
        return str(self._ask("POST", "element", {"using": "css selector", "value": css})[_ELEMENT])

    def _ask(self, method: str, command: str, body: object = None) -> Any:
        return _value(self.session.request(method, command, json=body))


@contextmanager
def browser_running(home: Path) -> Iterator[Browser]:
    """`home` is empty, and all that it writes is there."""
    wishes = {"binary": CHROMIUM, "args": [*_FLAGS, f"--user-data-dir={home / 'profile'}"]}
    asked = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": wishes, "timeouts": {"implicit": PATIENCE}}}}
    with _chromedriver(home) as url, httpx.Client(timeout=60, trust_env=False) as http:
        session = _value(http.post(f"{url}/session", json=asked))["sessionId"]
        http.base_url = httpx.URL(f"{url}/session/{session}/")
        try:
            yield Browser(http)
        finally:
            _value(http.delete(f"{url}/session/{session}"))


@contextmanager
def _chromedriver(home: Path) -> Iterator[str]:
    """It chooses its port and says which; it and all that it starts are a process group, and end with it."""
    own = {"HOME": str(home), "TMPDIR": str(home), "XDG_RUNTIME_DIR": str(home), "PATH": os.environ["PATH"]}
    driver = subprocess.Popen(
        [CHROMEDRIVER or "", "--port=0"], env=own, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert driver.stdout is not None
        told = (re.search(r"started successfully on port (\d+)", line) for line in driver.stdout)
        yield f"http://127.0.0.1:{next(found[1] for found in told if found)}"
    finally:
        os.killpg(driver.pid, signal.SIGKILL)
        driver.communicate()


def _value(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()["value"]
