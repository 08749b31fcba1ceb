"""Which settings are told of when they change, and which of them as secrets."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from cli.home import Home
from cli.options import EVERY
from cli.settings import SECRETS, Settings, load_settings
from cli.settings_facts import API_KIND, WORKER_KIND, facts_of
from cli.watching import live_vendors
from domain.accounts.settings_changes import Fact
from vendors.http import VendorHttp

DEMO = {"GATEWAY_DEMO_VENDORS_URL", "GATEWAY_DEMO_USERS", "GATEWAY_DEMO_PRODUCTS"}
TABLE = """
[vendors.acme]
mode = "async"
url = "https://api.acme.example/v2/reports?account=12-secret"
headers = { Authorization = "Bearer a-token-of-acme", Accept = "application/json" }
body = { "/callback" = "https://me.example/with-a-secret" }
limit = "50/second"
reply = { reference = "/id" }

[vendors.acme.webhook]
secret = "whsec_Zm9ybWVyIHNlY3JldA=="
reference = "/id"
"""


@pytest.fixture
def settings(home: Home, tmp_path: Path) -> Settings:
    table = tmp_path / "vendors.toml"
    table.write_text(TABLE)
    return load_settings({"home": home.path, "vendors_file": str(table), "redact_days": 7.0})


async def told(settings: Settings, kind: str) -> dict[str, Fact]:
    async with VendorHttp() as http:
        return dict(facts_of(settings, live_vendors(settings, http), kind))


async def test_a_table_is_told_key_by_key_and_what_may_hold_a_secret_as_one(settings: Settings) -> None:
    facts = await told(settings, API_KIND)
    acme = {name.removeprefix("vendors.acme."): fact for name, fact in facts.items() if name.startswith("vendors.")}
    plain = {name: fact.text for name, fact in acme.items() if not fact.secret}
    assert plain["limit"] == "50/second"
    assert plain["url.origin"] == "https://api.acme.example"
    assert plain["webhook.reference"] == "/id"
    assert not [text for text in plain.values() if "secret" in text or "token" in text]
    secret = {name for name, fact in acme.items() if fact.secret}
    assert secret == {"url", "headers.Authorization", "headers.Accept", "body", "webhook.secret"}


async def test_the_text_of_what_is_secret_makes_a_difference(settings: Settings, tmp_path: Path) -> None:
    before = await told(settings, WORKER_KIND)
    (tmp_path / "vendors.toml").write_text(TABLE.replace("12-secret", "13-secret").replace("with-a", "with-no"))
    after = await told(settings, WORKER_KIND)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"vendors.acme.url", "vendors.acme.body"}


async def test_every_setting_is_told_by_some_process_but_those_of_one_machine(settings: Settings) -> None:
    names = {*await told(settings, API_KIND), *await told(settings, WORKER_KIND)}
    wanted = {f"GATEWAY_{name.upper()}" for name in EVERY}
    ours = {name for name in names if name.startswith("GATEWAY_")} - {"GATEWAY_JWT_KEYS.kids"}
    assert wanted - ours == {
        *(f"GATEWAY_{name}" for name in ("HOST", "PORT", "HOME", "METRICS_PORT", "METRICS_HOST")),
        *DEMO,
    }
    assert {"SMTP_URL", "GMAIL_FROM"} <= names


async def test_settings_that_are_secrets_are_told_as_such(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_URL", "smtp://me:a-password-of-mine@mail.example")
    url = SecretStr("mongodb://me:a-password-of-mine@store/db")
    facts = await told(settings.model_copy(update={"mongo_url": url, "redis_url": url}), WORKER_KIND)
    assert {name for name in SECRETS & facts.keys() if not facts[name].secret and facts[name].text} == set()
    assert facts["GATEWAY_REDACT_DAYS"] == Fact("7.0")
    assert all(fact.secret for fact in facts.values() if "a-password" in fact.text)
    assert "a-password" not in repr(facts)
