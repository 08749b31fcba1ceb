"""`docs/add-a-vendor.md`: its tables load and work, its adapter keeps its promises, its script signs well."""

import asyncio
import base64
import re
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import vendors
from domain.errors import ConfigurationError
from domain.outcomes import Done, Failed, Waiting
from domain.vendors import Vendor
from tests.contracts.vendor_promises import (
    REQUEST_ID,
    PollPromises,
    VendorCase,
    VendorPromises,
    WebhookPromises,
    as_json,
)
from tests.vendors.scripted import say
from tests.vendors.test_signatures import KEY, standard
from vendors.http import VendorHttp
from vendors.live import LiveVendors, VendorSources
from vendors.registry import MakeVendor, load_vendors
from vendors.table.settings import VendorTable

DOC = (Path(__file__).parents[2] / "docs" / "add-a-vendor.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", DOC, re.DOTALL | re.MULTILINE)
TABLES = "\n".join(text for kind, text in BLOCKS if kind == "toml")
ADAPTER = [text for kind, text in BLOCKS if kind == "python" and text.startswith("# vendors/")]
[REGISTRY] = [text for kind, text in BLOCKS if kind == "python" and "ADAPTERS" in text]
[CASE] = [text for kind, text in BLOCKS if kind == "python" and "VendorCase" in text]
[SIGNING] = [text for kind, text in BLOCKS if kind == "sh" and "openssl dgst" in text]
[PLAYED] = [text for kind, text in BLOCKS if kind == "sh" and "HTTPServer" in text]

SECRET = "whsec_aHVudGVyMi1odW50ZXIyLWh1bnRlcjIh"  # KEY in base64
ENVIRONMENT = {"ACME_TOKEN": "token", "ACME_WEBHOOK_SECRET": SECRET, "GATEWAY_PUBLIC_URL": "https://us.example"}
VENDOR = "https://api.acme.example"


def tables(folder: Path, http: VendorHttp, url: str = VENDOR) -> LiveVendors:
    """The tables of the document, pointed at another server."""
    file = folder / "my-vendors.toml"
    file.write_text(TABLES.replace(VENDOR, url), encoding="utf-8")
    return LiveVendors(VendorSources([file], lambda: ENVIRONMENT, {}), http)


def of_table(name: str, folder: Path, http: VendorHttp, url: str) -> Vendor:
    return tables(folder, http, url)[name]


def documented(module: str) -> Any:
    return import_module(f"vendors.acme_markets.{module}")


def in_code(http: VendorHttp, url: str) -> Vendor:
    """The adapter, made by the line that registers it."""
    registry: dict[str, Any] = {"Mapping": Mapping, "MakeVendor": MakeVendor, "MappingProxyType": MappingProxyType}
    exec(REGISTRY, registry)
    environment = {"ACME_MARKETS_URL": url, "ACME_MARKETS_TOKEN": "token"}
    return load_vendors([], environment, http, adapters=registry["ADAPTERS"])["acme_markets"]


def case_in_code(payload: str | None = None) -> VendorCase:
    """The line that puts the adapter to the suite."""
    known = {"VendorCase": VendorCase, "partial": partial, "as_json": as_json}
    cases = eval(f"{{{CASE}}}", {**known, "registered": lambda _name, http, url: in_code(http, url)})
    case: VendorCase = cases["acme_markets"]
    return case if payload is None else replace(case, payload=payload)


def sign(body: bytes, now: datetime) -> Mapping[str, str]:
    return standard(body, now)


ACCEPTED = as_json('{"id": "rep_1"}', "202 Accepted")
DONE = f'{{"id": "rep_1", "metadata": {{"job": "{REQUEST_ID}"}}, "status": "complete", "report": {{"pages": 3}}}}'


@pytest.fixture(scope="module", autouse=True)
def acme_markets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The document's modules, importable as `vendors.acme_markets` while these tests run."""
    root = tmp_path_factory.mktemp("documented")
    for text in ADAPTER:
        file = root / text.splitlines()[0].removeprefix("# ")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    vendors.__path__.append(str(root / "vendors"))
    yield
    vendors.__path__.pop()
    for name in [name for name in sys.modules if name.startswith("vendors.acme_markets")]:
        del sys.modules[name]


CaseOf = Callable[[Path], VendorCase]
CASES: Mapping[str, CaseOf] = {
    "sync": lambda folder: VendorCase(
        "acme-prices", partial(of_table, "acme-prices", folder), success=as_json('{"data": 1.50}')
    ),
    "async": lambda folder: VendorCase(
        "acme-reports", partial(of_table, "acme-reports", folder), success=ACCEPTED, done=DONE, sign=sign
    ),
    "polled": lambda folder: VendorCase(
        "acme-audits", partial(of_table, "acme-audits", folder), success=ACCEPTED, done=DONE, polled=True
    ),
    "in code": lambda folder: case_in_code(),
}


class TestDocumentedVendors(VendorPromises):
    @pytest.fixture(params=sorted(CASES))
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> VendorCase:
        return CASES[request.param](tmp_path)


class TestDocumentedWebhooks(WebhookPromises):
    @pytest.fixture
    def case(self, tmp_path: Path) -> VendorCase:
        return CASES["async"](tmp_path)


class TestDocumentedPolls(PollPromises):
    @pytest.fixture
    def case(self, tmp_path: Path) -> VendorCase:
        return CASES["polled"](tmp_path)


async def test_the_documented_vendors_come_to_what_the_document_says(tmp_path: Path) -> None:
    case = CASES["sync"](tmp_path)
    async with case.open(say(as_json('{"data": {"price": 12.50}}'))) as (vendor, server):
        assert await vendor.call(case.call()) == Done('{"price": 12.50}', 200)
    assert server.received[0].headers["authorization"] == "Bearer token"
    case = CASES["async"](tmp_path)
    async with case.open(say(ACCEPTED)) as (vendor, server):
        assert isinstance(await vendor.call(case.call()), Waiting)
    sent = f'{{"productId": "A","callback":"https://us.example/webhooks/acme-reports","metadata":{{"job":"{REQUEST_ID}"}}}}'
    assert server.received[0].body.decode() == sent


@pytest.mark.parametrize(("ticker", "piece"), [("ACME", "ACME"), ("A/B?", "A%2FB%3F"), ("..", "%2E%2E")])
async def test_the_documented_adapter_comes_to_what_the_document_says(ticker: str, piece: str) -> None:
    case = case_in_code(payload=f'{{"ticker": "{ticker}", "day": "2026-01-30"}}')
    async with case.open(say(case.success)) as (vendor, server):
        assert await vendor.call(case.call()) == Done("12.50", 200)
    assert server.received[0].line == f"GET /v2/prices/{piece}?on=2026-01-30 HTTP/1.1"
    async with case.open(say(as_json('{"px_last": null}'))) as (vendor, _):
        outcome = await vendor.call(case.call())
    assert isinstance(outcome, Failed)
    assert outcome.code == "unknown_ticker"


def test_the_documented_adapter_says_which_setting_is_missing() -> None:
    with pytest.raises(ConfigurationError, match=r"ACME_MARKETS_TOKEN: .* set it"):
        documented("settings").read_settings({"ACME_MARKETS_URL": "https://x"})


async def test_the_documented_script_signs_a_webhook_that_is_taken(tmp_path: Path) -> None:
    """It runs with a `curl` that prints its arguments."""
    script = 'curl() { printf "%s\\0" "$@"; }\n' + SIGNING
    environment = {"PATH": "/usr/bin:/bin", "ACME_WEBHOOK_SECRET": SECRET, "REQUEST_ID": str(REQUEST_ID)}
    shell = await asyncio.create_subprocess_exec(
        "bash", "-euc", script, env=environment, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await shell.communicate()
    arguments = printed.decode().split("\0")
    headers = dict(one.split(": ", 1) for one in arguments if one.startswith("webhook-"))
    body = arguments[arguments.index("-d") + 1].encode()
    reader = tables(tmp_path, VendorHttp()).webhooks["acme-reports"]
    assert reader.verify(headers, body, datetime.now(UTC)) == f"msg_{REQUEST_ID}"
    notice = reader.read(body)
    assert (notice.reference, notice.request_id, notice.outcome) == (None, REQUEST_ID, Done('{"pages": 3}'))


async def test_the_documented_play_takes_jobs_as_a_vendor_would(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = PLAYED.replace("9000", str(port)).replace("python3", sys.executable)
    play = await asyncio.create_subprocess_exec("bash", "-euc", f"exec {script}", stdout=asyncio.subprocess.DEVNULL)
    try:
        async with VendorHttp() as http, asyncio.timeout(10):
            vendor = tables(tmp_path, http, f"http://127.0.0.1:{port}")["acme-reports"]
            while not isinstance(outcome := await vendor.call(CASES["async"](tmp_path).call()), Waiting):
                await asyncio.sleep(0.05)
    finally:
        play.kill()
        await play.wait()
    assert len(outcome.reference) == 32


def test_every_key_that_a_table_may_have_is_explained() -> None:
    keys = set(VendorTable.model_fields)
    for name in ("reply", "webhook", "poll"):
        keys.remove(name)
        annotation = VendorTable.model_fields[name].annotation
        model = next(one for one in (annotation, *getattr(annotation, "__args__", ())) if hasattr(one, "model_fields"))
        keys |= {f"{name}.{key}" for key in model.model_fields}
    assert {key for key in keys if f"`{key}`" not in DOC} == set()


def test_the_documents_secret_is_the_suites() -> None:
    assert SECRET.endswith(base64.b64encode(KEY).decode())
